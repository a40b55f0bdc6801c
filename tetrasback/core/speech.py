"""What a script says on its progress descriptor, and text from strangers made fit for a log.

Lines as in the contract: ``progress 0.42 label``, ``bytes DONE [TOTAL]``, ``files N``, ``snapshot
NAME``, ``warning text``, ``note text``.
"""

import math
import re
from dataclasses import replace
from typing import Final

from tetrasback.core.state import Progress
from tetrasback.core.verdict import DISK_CODES, SCRIPT_CODES

LINE_MAX: Final = 4096
"""Bytes in one line of a script."""

STEP_MAX: Final = 64
SNAPSHOT_MAX: Final = 255
U64_MAX: Final = 2**64 - 1
WARNINGS_MAX: Final = 2**32 - 1
LOGGED_MAX: Final = 1000
"""Warnings and notes of one script that go into the log; all warnings are counted."""

KEPT_MAX: Final = 100
"""Warnings, and backups that were removed, that are kept for the mail."""

KEPT_LENGTH: Final = 300
PRUNED: Final = "pruned: "
"""How a note begins that tells of an older backup which was removed: ``FOLDER, SIZE, WHY``."""

BAD_MAX: Final = 10
"""Lines that are none of the contract's, which are told."""

_WHOLE: Final = re.compile(r"[0-9]{1,20}")
_FRACTION: Final = re.compile(r"[0-9]{0,20}(\.[0-9]{0,40})?")
# The bidirectional controls, and what breaks a line without being a control character.
_STEERING: Final = frozenset("\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def cleaned(line: bytes | str, limit: int = LINE_MAX) -> str:
    """LINE as one line of valid text: odd bytes and control characters escaped, tabs kept.

    At most LIMIT bytes are looked at; what is cut off is told by an ellipsis.
    """
    data = line.encode("utf-8", "surrogateescape") if isinstance(line, str) else line
    text = data[:limit].decode("utf-8", "replace").rstrip("\r\n")
    if len(data) > limit:
        text = text.rstrip("\ufffd") + "…"
    if text.isprintable():
        return text
    return "".join(char if _plain(char) else ascii(char)[1:-1] for char in text)


def _plain(char: str) -> bool:
    return char == "\t" or (
        char not in _STEERING
        and (char.isprintable() or char.isspace())
        and ord(char) >= 32
        and not 127 <= ord(char) < 160
    )


def heard(progress: Progress, line: bytes) -> tuple[Progress, str]:
    """PROGRESS after a script's LINE, and what belongs into the log ('' = nothing).

    Raises ValueError for a line that is none of the contract's; it changes nothing.
    """
    if len(line) > LINE_MAX:
        raise ValueError("it is too long")
    word, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
    rest = rest.strip()
    if word == "progress":
        number, _, label = rest.partition(" ")
        return replace(progress, fraction=_fraction(number), step=_label(label, STEP_MAX)), ""
    if word == "bytes":
        done, _, total = rest.partition(" ")
        return replace(
            progress,
            bytes_done=_whole(done),
            bytes_total=_whole(total.strip()) if total else progress.bytes_total,
        ), ""
    if word == "files":
        return replace(progress, files_done=_whole(rest)), ""
    if word == "snapshot" and rest:
        return replace(progress, snapshot=_label(rest, SNAPSHOT_MAX)), ""
    if word == "note" and rest:
        return _noted(progress, rest), "note: " + cleaned(rest)
    if word == "warning":
        code, colon, text = rest.partition(":")
        # What was said of the disk is not taken back by a word about the source.
        known = colon and code in SCRIPT_CODES and progress.code not in DISK_CODES
        return replace(
            progress,
            warnings=min(progress.warnings + 1, WARNINGS_MAX),
            code=code if known else progress.code,
            warned=_kept(progress.warned, text if colon and code in SCRIPT_CODES else rest),
        ), "warning: " + cleaned(rest)
    raise ValueError("it is no progress line")


def _noted(progress: Progress, text: str) -> Progress:
    folder = text.removeprefix(PRUNED)
    return replace(
        progress,
        notes=min(progress.notes + 1, WARNINGS_MAX),
        pruned=progress.pruned if folder == text else _kept(progress.pruned, folder),
    )


def _kept(texts: tuple[str, ...], text: str) -> tuple[str, ...]:
    if len(texts) >= KEPT_MAX or not text.strip():
        return texts
    return (*texts, _label(text, KEPT_LENGTH))


def _whole(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError("it has no whole number")
    return min(int(text), U64_MAX)


def _fraction(text: str) -> float:
    if not text or not _FRACTION.fullmatch(text) or text == ".":
        raise ValueError("it has no number from 0 to 1")
    value = float(text)
    if not (math.isfinite(value) and 0 <= value <= 1):
        raise ValueError("it has no number from 0 to 1")
    return value


def _label(text: str, limit: int) -> str:
    """TEXT as a short word for the bus: one line, at most LIMIT characters."""
    return cleaned(text.strip()).replace("\t", " ")[:limit]


class Listener:
    """Hears a script out, in whatever pieces its lines arrive. `progress` is what it has said."""

    def __init__(self) -> None:
        self.progress = Progress()
        self._partial = b""
        self._logged = 0
        self._bad = 0

    def feed(self, data: bytes) -> list[str]:
        """Hear DATA; what belongs into the log, as lines."""
        told: list[str] = []
        *lines, rest = data.split(b"\n")
        for line in lines:
            told += self._hear(self._partial + line)
            self._partial = b""
        self._partial = (self._partial + rest)[: LINE_MAX + 1]  # one more tells: too long
        return told

    def end(self) -> list[str]:
        """The script has ended: hear a last line without its end, as `feed`."""
        return self.feed(b"\n") if self._partial else []

    def _hear(self, line: bytes) -> list[str]:
        if not line.strip():
            return []
        try:
            self.progress, text = heard(self.progress, line)
        except ValueError as error:
            self._bad += 1
            if self._bad > BAD_MAX:
                return []
            return [f"a progress line was ignored, {error}: {cleaned(line, 80)}"]
        if not text:
            return []
        self._logged += 1
        if self._logged == LOGGED_MAX + 1:
            return ["… further warnings and notes are counted only"]
        return [text] if self._logged <= LOGGED_MAX else []
