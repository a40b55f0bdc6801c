"""The complete backups on a disk: folders named DATE_Sauvegarde_HOST, with their marks and pins.

What belongs to them lies in ``.tetras-back/``: a mark ``complete/FOLDER`` of lines KEY=VALUE, a
manifest ``manifests/FOLDER``, and an empty file ``pins/FOLDER`` where a person wants to keep one.
`tetrasback/scripts/lib_snapshots.sh` writes them, and says more; `tetrasback.snapshot.mark` says
what proves that they belong together.
"""

import os
import re
import stat
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tetrasback.snapshot.manifest import written_seal
from tetrasback.snapshot.mark import MARK_MAX, Judged, Proof, judge
from tetrasback.snapshot.trees import DIRECTORY
from tetrasback.snapshot.troubles import DiskTrouble, Refused, words

FOLDER: Final = re.compile(
    r"(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])_(?:[01]\d|2[0-3])-[0-5]\d-[0-5]\d)"
    r"_[Ss]auvegarde_([A-Za-z0-9._-]{1,64})",
    re.ASCII,
)
STATE: Final = ".tetras-back"
FOLDERS_MAX: Final = 5000

_MACHINE: Final = re.compile(r"[A-Za-z0-9._-]{1,80}", re.ASCII)
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,16}", re.ASCII)
_SEAL: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_DATE: Final = "%Y-%m-%d_%H-%M-%S"
_WORDS: Final[Mapping[str, re.Pattern[str]]] = {
    **dict.fromkeys(("machine", "host"), _MACHINE),
    **dict.fromkeys(("started", "data_files", "data_bytes"), _NUMBER),
    **dict.fromkeys(("config_files", "config_bytes"), _NUMBER),
    "archive_seal": _SEAL,
}


@dataclass(frozen=True, slots=True)
class Backup:
    """A folder on a disk."""

    folder: str
    mark: Mapping[str, str] | None
    """None = it has none: the original program made it."""
    pinned: bool
    manifest: bool
    """Whether there is one; not whether it is good."""
    judged: Judged
    """What it proves about itself."""

    @property
    def host(self) -> str:
        """The server that it was made of."""
        found = FOLDER.fullmatch(self.folder)
        return (self.mark or {}).get("host") or (found[2] if found else "")

    @property
    def started(self) -> int:
        """Microseconds since the epoch."""
        marked = int((self.mark or {}).get("started", "0"))
        if marked:
            return marked * 1_000_000
        with suppress(ValueError, OverflowError):
            return int(time.mktime(time.strptime(self.folder[:19], _DATE))) * 1_000_000
        return 0

    def is_ours(self, machine: str, host: str) -> bool:
        """Whether the server with this machine id and host name made it."""
        return self.host == host if self.mark is None else self.mark.get("machine") == machine

    def total(self, what: str) -> int:
        """Its ``files`` or ``bytes`` in the source, 0 = not known."""
        return sum(int((self.mark or {}).get(f"{part}_{what}", "0")) for part in ("data", "config"))


class Shelf:
    """The disk mounted at PATH; KEY (None = there is none here) tells what its backups prove.

    Raises Refused where that is no directory.
    """

    def __init__(self, path: Path, key: bytes | None = None) -> None:
        self.path = path
        self._key = key
        try:
            self.root = os.open(os.path.realpath(path), DIRECTORY)
        except OSError as error:
            raise Refused(f"cannot open {path}: {words(error)}") from error
        self._parts = {name: _part(self.root, name) for name in ("complete", "manifests", "pins")}

    def backups(self) -> list[Backup]:
        """Those that are complete, newest first. Raises DiskTrouble."""
        device = os.fstat(self.root).st_dev
        found = []
        try:
            for name in sorted(os.listdir(self.root), reverse=True):
                if not FOLDER.fullmatch(name):
                    continue
                status = os.lstat(name, dir_fd=self.root)
                roots = status.st_uid == os.geteuid()
                if stat.S_ISDIR(status.st_mode) and status.st_dev == device and roots:
                    found.append(self.backup(name))
                if len(found) == FOLDERS_MAX:
                    break
        except OSError as error:
            raise DiskTrouble(f"cannot read {self.path}: {words(error)}") from error
        return found

    def backup(self, folder: str) -> Backup:
        """What is known of FOLDER."""
        text = self._mark_text(folder)
        return Backup(
            folder,
            None if text is None else _read_mark(text),
            self._is_there("pins", folder),
            self._is_there("manifests", folder),
            self._judge(folder, text),
        )

    def _judge(self, folder: str, mark: bytes | None) -> Judged:
        if mark is None:
            return Judged(Proof.UNSEALED)
        return judge(mark, folder, self._manifest_seal(folder), self._key)

    def _manifest_seal(self, folder: str) -> str:
        manifest = self.open_manifest(folder)
        if manifest is None:
            return ""
        try:
            return written_seal(manifest)
        except OSError:
            return ""
        finally:
            os.close(manifest)

    def pin(self, folder: str, pinned: bool) -> None:
        """Keep FOLDER whatever the rules say, or no longer. Raises Refused, DiskTrouble."""
        known = FOLDER.fullmatch(folder)
        if not known or folder not in {backup.folder for backup in self.backups()}:
            raise Refused(f"there is no backup {folder[:100]} on {self.path}")
        try:
            if pinned:
                self._pin(folder)
            elif self._parts["pins"] >= 0:
                with suppress(FileNotFoundError):
                    os.unlink(folder, dir_fd=self._parts["pins"])
                os.fsync(self._parts["pins"])
        except OSError as error:
            raise DiskTrouble(f"cannot write the pin of {folder}: {words(error)}") from error

    def _pin(self, folder: str) -> None:
        state = _make(self.root, STATE)
        pins = _make(state, "pins")
        try:
            with suppress(FileExistsError):
                made = os.open(
                    folder,
                    os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC,
                    0o600,
                    dir_fd=pins,
                )
                os.close(made)
            os.fsync(pins)
            os.fsync(state)
        finally:
            os.close(pins)
            os.close(state)

    def _is_there(self, part: str, folder: str) -> bool:
        if self._parts[part] < 0:
            return False
        try:
            os.lstat(folder, dir_fd=self._parts[part])
        except OSError:
            return False
        return True

    def _mark_text(self, folder: str) -> bytes | None:
        """The mark of FOLDER, None = it has none; empty = there is one that makes no sense."""
        if not self._is_there("complete", folder):
            return None
        file = open_regular(self._parts["complete"], folder)
        if file is None:
            return b""
        try:
            if os.fstat(file).st_uid != os.geteuid():
                return b""
            text = os.read(file, MARK_MAX + 1)
        except OSError:
            return b""
        finally:
            os.close(file)
        return text if len(text) <= MARK_MAX else b""

    def open_manifest(self, folder: str) -> int | None:
        """The manifest of FOLDER, to be closed; None = there is none that is a regular file."""
        return open_regular(self._parts["manifests"], folder)

    def close(self) -> None:
        """Let go of everything."""
        for descriptor in (self.root, *self._parts.values()):
            if descriptor >= 0:
                os.close(descriptor)


def _read_mark(text: bytes) -> Mapping[str, str]:
    """What a mark says; empty = it makes no sense."""
    mark = {}
    for line in text.decode("ascii", "replace").splitlines():
        key, _, value = line.partition("=")
        if key in _WORDS and _WORDS[key].fullmatch(value):
            mark[key] = value
    return mark if "machine" in mark else {}


def open_regular(directory: int, name: str) -> int | None:
    """The regular file NAME in DIRECTORY (-1 = none), to be closed; None = it is none."""
    if directory < 0:
        return None
    try:
        file = os.open(
            name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory
        )
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(file).st_mode):
        return file
    os.close(file)
    return None


def _part(root: int, name: str) -> int:
    """The directory NAME in ``.tetras-back``, -1 = there is none."""
    try:
        state = os.open(STATE, DIRECTORY, dir_fd=root)
    except OSError:
        return -1
    try:
        return os.open(name, DIRECTORY, dir_fd=state)
    except OSError:
        return -1
    finally:
        os.close(state)


def _make(above: int, name: str) -> int:
    with suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=above)
    return os.open(name, DIRECTORY, dir_fd=above)


def machine_id(path: Path = Path("/etc/machine-id")) -> str:
    """This server's, as its backups are marked; '' where it has none."""
    try:
        text = path.read_text("ascii")[:32]
    except (OSError, ValueError):
        return ""
    return text if re.fullmatch(r"[0-9a-f]{32}", text) else ""


def host_name() -> str:
    """This server's, as in the names of its backups."""
    name = os.environ.get("TETRAS_BACK_HOSTNAME") or os.uname().nodename
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)[:64]
