"""The mark of a complete backup, which seals it as one: its name, its manifest and its archive.

::

    tetras-back 1
    machine=6c1f…
    host=srv
    …
    archive_seal=51d0…
    folder=2026-11-25_03-04-05_Sauvegarde_srv
    manifest_seal=5f70…
    key=0f6e…
    seal=9b2c…

``manifest_seal`` is the seal on the last line of the manifest, ``archive_seal`` that of the
archive; a backup without homes or archive lacks the line. ``key`` names the key without betraying
it (`key_name`), and ``seal`` is made with it over all that stands before. So nobody who had the
disk can give a backup the name of another, put the manifest or the archive of another in its
place, or change what is noted of it::

    head -n -1 MARK | openssl dgst -sha256 -mac HMAC -macopt hexkey:KEY

(The key seals manifests and archives too. None of these begins as a mark does.)
"""

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

HEAD: Final = "tetras-back 1"
MARK_MAX: Final = 4096
"""Bytes; of a longer one, nothing is believed."""

_LINE: Final = re.compile(r"[a-z_]+=[!-~]*", re.ASCII)
_OWN: Final = ("folder=", "manifest_seal=", "key=", "seal=")
_SEALED: Final = re.compile(rb"(.*\n)seal=([0-9a-f]{64})\n", re.DOTALL)


class Proof(StrEnum):
    """What a backup proves about itself. Clients translate these words."""

    SEALED = "sealed"
    """It is what was made on the server with this key, under this name."""
    UNSEALED = "unsealed"
    """It has no seal: it was made before there were any, or somebody took it away."""
    OTHER_KEY = "other-key"
    """It was sealed with a key that is not here: another server's, or one that was lost."""
    BROKEN = "broken"
    """It was sealed with this key, and is not what was sealed."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a mark proves, and if it is broken, why; one line."""

    proof: Proof
    why: str = ""


class BadMark(ValueError):
    """What is to be noted in a mark cannot be; one line."""


def key_name(key: bytes) -> str:
    """A word that tells KEY from others.

    ``printf 'tetras-back key\\n' | openssl dgst -sha256 -mac HMAC -macopt hexkey:KEY``, of which
    the first 16 digits.
    """
    return _hmac(key, b"tetras-back key\n")[:16]


def sealed_mark(lines: Sequence[str], folder: str, manifest_seal: str, key: bytes) -> str:
    """The mark of FOLDER, of which LINES are noted. MANIFEST_SEAL: '' = it has no manifest.

    Raises BadMark.
    """
    if not lines or lines[0] != HEAD:
        raise BadMark(f"a mark begins with the line {HEAD!r}")
    for line in lines[1:]:
        if not _LINE.fullmatch(line) or line.startswith(_OWN):
            raise BadMark(f"no line of a mark: {line[:80]!r}")
    own = [f"folder={folder}"]
    if manifest_seal:
        own.append(f"manifest_seal={manifest_seal}")
    text = "".join(f"{line}\n" for line in [*lines, *own, f"key={key_name(key)}"])
    mark = f"{text}seal={_hmac(key, text.encode('ascii'))}\n"
    if len(mark) > MARK_MAX:
        raise BadMark(f"a mark has at most {MARK_MAX} bytes")
    return mark


def judge(mark: bytes, folder: str, manifest_seal: str, key: bytes | None) -> Judged:
    """What MARK proves of the backup in FOLDER, whose manifest says MANIFEST_SEAL ('' = none).

    Whether manifest and archive have these seals, whoever reads them sees.
    """
    lines = mark.decode("ascii", "replace").splitlines()
    if not any(line.startswith(("key=", "seal=")) for line in lines):
        return Judged(Proof.UNSEALED)
    if key is None or f"key={key_name(key)}" not in lines:
        return Judged(Proof.OTHER_KEY)
    found = _SEALED.fullmatch(mark)
    right = found is not None and hmac.compare_digest(found[2].decode(), _hmac(key, found[1]))
    if not right or lines[0] != HEAD:
        return Judged(Proof.BROKEN, "its mark was changed, or is damaged")
    noted = dict(line.partition("=")[::2] for line in lines[1:])
    if noted.get("folder") != folder:
        return Judged(Proof.BROKEN, f"it was made as {noted.get('folder', '')}")
    if noted.get("manifest_seal", "") != manifest_seal:
        why = "its manifest is another one" if manifest_seal else "its manifest is gone, or damaged"
        return Judged(Proof.BROKEN, why)
    return Judged(Proof.SEALED)


def _hmac(key: bytes, message: bytes) -> str:
    return hmac.new(key, message, hashlib.sha256).hexdigest()
