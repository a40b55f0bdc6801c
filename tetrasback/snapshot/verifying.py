"""Whether a snapshot is still what its manifest says: kind, owner, mode, time, attributes, bytes.

The whole of it, a sample, or as much as there is time for, from where the last look ended. A file
that the next newer snapshot shares is read there.
"""

import os
import random
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from tetrasback.snapshot.attributes import read_attributes, seal
from tetrasback.snapshot.copying import hash_file, open_source
from tetrasback.snapshot.listing import join, written
from tetrasback.snapshot.manifest import BadManifest, Entry, Manifest, decode_name, read_line
from tetrasback.snapshot.trees import Tree
from tetrasback.snapshot.troubles import SourceTrouble, Vanished, words

_KINDS: Final[Mapping[str, int]] = {
    "file": stat.S_IFREG,
    "dir": stat.S_IFDIR,
    "link": stat.S_IFLNK,
    "block": stat.S_IFBLK,
    "char": stat.S_IFCHR,
    "fifo": stat.S_IFIFO,
    "socket": stat.S_IFSOCK,
}


class Listener(Protocol):
    """Who hears what is found."""

    def met(self, kind: str, path: str, why: str) -> None:
        """KIND is ``corrupt``."""

    def progress(self, size: int, files: int) -> None:
        """So many bytes read and entries looked at."""


@dataclass(frozen=True, slots=True)
class Extent:
    """What is to be looked at."""

    sample: float = 1.0
    """This part of the directories, chosen by chance."""
    seconds: float | None = None
    start: int = 0
    """The number of the directory to begin with."""


def verify(
    tree: Tree, manifest: Manifest, newer: "Newer | None", extent: Extent, listener: Listener
) -> int:
    """Look at TREE; the number of the directory at which to go on, 0 = it is through."""
    seen = _Counter(listener)
    if newer is not None and manifest.covers_attributes > newer.manifest.covers_attributes:
        newer = None  # nobody would look at them there
    until = None if extent.seconds is None else time.monotonic() + extent.seconds
    for number, directory in enumerate(manifest.blocks):
        if number < extent.start or (extent.sample < 1 and random.random() >= extent.sample):
            continue
        if until is not None and time.monotonic() > until and number > extent.start:
            return number
        _directory(tree, manifest, newer, directory, seen)
    return 0


@dataclass(frozen=True, slots=True)
class Newer:
    """The next newer snapshot, and its manifest."""

    tree: Tree
    manifest: Manifest

    def shares(
        self, path: str, line: str, status: os.stat_result, lines: Mapping[str, str]
    ) -> bool:
        """Whether it has the file at PATH, of whose LINES one is LINE, with the same content."""
        place, _, rest = line.partition(" ")
        if lines.get(place) != rest:
            return False
        parent, _, name = path.rpartition("/")
        try:
            above = self.tree.open(parent)
        except OSError:
            return False
        try:
            other = os.stat(name, dir_fd=above, follow_symlinks=False)
        except OSError:
            return False
        finally:
            os.close(above)
        # Snapshots of subvolumes are file systems of their own, with the same inodes.
        return other.st_ino == status.st_ino


class _Counter:
    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._bytes = 0
        self._files = 0

    def count(self, size: int) -> None:
        self._bytes += size
        self._listener.progress(self._bytes, self._files)

    def entry(self) -> None:
        self._files += 1
        self._listener.progress(self._bytes, self._files)

    def corrupt(self, path: str, why: str) -> None:
        self._listener.met("corrupt", path, why)


def _directory(
    tree: Tree, manifest: Manifest, newer: Newer | None, directory: str, seen: _Counter
) -> None:
    path = decode_name(directory).removeprefix(".").removeprefix("/")
    try:
        lines = manifest.lines(directory)
        shared = newer.manifest.lines(directory) if newer is not None else {}
        here = tree.open(path)
    except OSError as error:
        seen.corrupt(path, words(error))
        return
    try:
        seen.entry()
        entry = read_line(f"{directory} {lines.pop(directory)}")
        if _compare(os.fstat(here), entry, path, seen) and manifest.covers_attributes:
            _compare_attributes(here, entry, path, seen)
        for place, rest in lines.items():
            _entry(here, f"{place} {rest}", manifest.covers_attributes, newer, shared, seen)
        for name in _unknown(here, path, lines, manifest):
            seen.corrupt(f"{path}/{name}".lstrip("/"), "it is not in the manifest")
    except (KeyError, BadManifest) as error:
        seen.corrupt(path, f"the manifest makes no sense: {error}")
    except (SourceTrouble, Vanished) as error:
        seen.corrupt(path, f"its attributes cannot be read: {error}")
    finally:
        os.close(here)


def _unknown(here: int, path: str, lines: Mapping[str, str], manifest: Manifest) -> Iterator[str]:
    try:
        names = os.listdir(here)
    except OSError:
        return  # each entry will say so
    for name in names:
        place = written(join(path, name))
        if place not in lines and place not in manifest.blocks:
            yield name


def _entry(
    directory: int,
    line: str,
    covered: bool,
    newer: Newer | None,
    shared: Mapping[str, str],
    seen: _Counter,
) -> None:
    """Look at the entry of LINE in DIRECTORY. COVERED: the manifest knows of attributes."""
    entry = read_line(line)
    path = entry.path.removeprefix("./")
    name = path.rpartition("/")[2]
    seen.entry()
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if newer is not None and newer.shares(path, line, status, shared):
            return
        if not _compare(status, entry, path, seen):
            return
        if covered:
            _compare_attributes(f"/proc/self/fd/{directory}/{name}", entry, path, seen)
        if entry.type == "link":
            text = os.readlink(name, dir_fd=directory)
            if text != decode_name(entry.words.get("link", "")):
                seen.corrupt(path, "it leads elsewhere")
        elif entry.type == "file" and _digest(directory, name, seen) != entry.words.get("sha256"):
            seen.corrupt(path, "its content is not what was written")
    except OSError as error:
        seen.corrupt(path, words(error))
    except Vanished:
        seen.corrupt(path, "it is not there")
    except SourceTrouble as error:
        seen.corrupt(path, str(error))


def _digest(directory: int, name: str, seen: _Counter) -> str:
    """Of what lies on the disk, not of what the memory still holds of it."""
    reader = open_source(directory, name)
    try:
        os.posix_fadvise(reader, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(reader)
    return hash_file(directory, name, seen.count).sha256


def _compare(status: os.stat_result, entry: Entry, path: str, seen: _Counter) -> bool:
    """Whether STATUS is what ENTRY says."""
    wrong = difference(status, entry)
    if wrong:
        seen.corrupt(path, f"{wrong} is not what was written")
    return not wrong


def _compare_attributes(place: int | str, entry: Entry, path: str, seen: _Counter) -> None:
    """Raises SourceTrouble, Vanished."""
    if seal(read_attributes(place, follow=isinstance(place, int))) != entry.attributes:
        seen.corrupt(path, "its attributes are not what was written")


def difference(status: os.stat_result, entry: Entry) -> str:
    """What of STATUS is not as ENTRY says, such as ``its owner``; '' = nothing."""
    facts = {
        "its kind": (stat.S_IFMT(status.st_mode), _KINDS.get(entry.type)),
        "its owner": (status.st_uid, int(entry.words["uid"])),
        "its group": (status.st_gid, int(entry.words["gid"])),
        "its mode": (stat.S_IMODE(status.st_mode), entry.mode),
        "its time": (status.st_mtime_ns, entry.mtime_ns),
    }
    if entry.type == "file":
        facts["its size"] = (status.st_size, entry.size)
    return next((what for what, (found, written) in facts.items() if found != written), "")
