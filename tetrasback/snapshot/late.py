"""What is left when every directory is done: files with several names, and disturbed times.

The first of a file's names is copied (or shared, where it is still as it was), the others are
linked to it. A file that shares the copy of the snapshot before needs none of this, for then all
its names do; but the file system may have refused another name for that copy, and then all are
linked anew.
"""

import errno
import os
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from typing import Protocol

from tetrasback.snapshot.entries import Entries
from tetrasback.snapshot.job import Job
from tetrasback.snapshot.listing import written
from tetrasback.snapshot.manifest import decode_name, read_line
from tetrasback.snapshot.removing import remove
from tetrasback.snapshot.teamwork import Listener, Outcome
from tetrasback.snapshot.trees import Tree
from tetrasback.snapshot.troubles import SourceTrouble, Vanished, disk_trouble


class Lines(Protocol):
    """What the workers wrote, or left as it stands in the manifest before."""

    def all(self) -> Iterable[str]:
        """Every line."""

    def directory(self, path: str) -> str:
        """That of the directory at PATH itself; '' = it has none."""


class Late:
    """Does what the workers left, in one process."""

    def __init__(self, job: Job, listener: Listener) -> None:
        self._job = job
        self._listener = listener
        self._entries = Entries(job, _Direct(listener), late=True)
        self.lines: defaultdict[str, list[str]] = defaultdict(list)
        """Directory → lines that its own lack."""

    def link(self, outcome: Outcome, lines: Lines) -> None:
        """Do it. Raises DiskTrouble."""
        groups: defaultdict[tuple[int, int], list[str]] = defaultdict(list)
        for item in outcome.linked:
            groups[item.file].append(item.path)
        again = {item.file[1] for item in outcome.linked if item.again}
        shared = _names_of(again, lines.all()) if again else {}
        touched = set(outcome.touched)
        for file, paths in groups.items():
            others = shared.get(file[1], [])
            self._group(file, sorted(paths), others)
            touched.update(path.rpartition("/")[0] for path in (*paths, *others))
        for path in touched:
            self._give_time_back(path, lines.directory(path))

    def _group(self, file: tuple[int, int], paths: list[str], shared: list[str]) -> None:
        first, rest = "", ""
        for path in paths:
            try:
                if not first or not self._link(first, path):
                    first, rest = path, self._entries.take(path, file)
            except Vanished:
                self._listener.met("vanished", path, "")
                continue
            except SourceTrouble as error:
                self._listener.met("unreadable", path, str(error))
                continue
            self.lines[path.rpartition("/")[0]].append(f"{written(path)} {rest}")
        for path in shared:
            # In a source of several file systems, others may have the same inode number.
            if first and self._is_name_of(path, file):
                self._link(first, path)

    def _is_name_of(self, path: str, file: tuple[int, int]) -> bool:
        try:
            above, name = _open_above(self._job.source, path)
        except OSError:
            return False
        try:
            status = os.stat(name, dir_fd=above, follow_symlinks=False)
        except OSError:
            return False
        finally:
            os.close(above)
        return (status.st_dev, status.st_ino) == file

    def _link(self, first: str, path: str) -> bool:
        """Make PATH a name of FIRST, in the target; False where it may have no more names."""
        above, name = _open_above(self._job.target, first)
        try:
            below, other = _open_above(self._job.target, path)
            try:
                with suppress(FileNotFoundError):
                    remove(below, other)
                os.link(name, other, src_dir_fd=above, dst_dir_fd=below, follow_symlinks=False)
            finally:
                os.close(below)
        except OSError as error:
            if error.errno == errno.EMLINK:
                return False
            raise disk_trouble(error, path) from error
        finally:
            os.close(above)
        return True

    def _give_time_back(self, path: str, line: str) -> None:
        """What its LINE tells, whatever has become of the source meanwhile."""
        if not line:
            return
        try:
            target = self._job.target.open(path)
            try:
                os.utime(target, ns=(os.fstat(target).st_atime_ns, read_line(line).mtime_ns))
            finally:
                os.close(target)
        except OSError as error:
            raise disk_trouble(error, path) from error


def _open_above(tree: Tree, path: str) -> tuple[int, str]:
    parent, _, name = path.rpartition("/")
    return tree.open(parent), name


def _names_of(inodes: set[int], lines: Iterable[str]) -> dict[int, list[str]]:
    """Inode → the paths under which LINES name it."""
    wanted = {f":{inode:x}": inode for inode in inodes}
    found: defaultdict[int, list[str]] = defaultdict(list)
    for line in lines:
        place, _, rest = line.partition(" ")
        tags = rest[rest.find("tags=") :].partition(" ")[0]
        inode = wanted.get(tags[tags.find(":") :])
        if inode is not None and not rest.startswith("type=dir"):
            found[inode].append(decode_name(place.removeprefix("./")))
    return dict(found)


class _Direct:
    """A worker's reports, for the one that works in the process that hears them."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def unreadable(self, path: str, why: str) -> None:
        self._listener.met("unreadable", path, why)

    def vanished(self, path: str) -> None:
        self._listener.met("vanished", path, "")

    def changing(self, path: str) -> None:
        self._listener.met("changing", path, "")

    def lacking(self, path: str, names: str) -> None:
        self._listener.met("lacking", path, names)

    def damaged(self, path: str) -> None:
        self._listener.met("damaged", path, "")

    def linked(self, path: str, status: os.stat_result, again: bool) -> None:
        raise AssertionError("nothing is left for later by what is done late")

    def touched(self, path: str) -> None:
        self._give_up()

    def same(self, place: str) -> None:
        self._give_up()

    def block(self, path: str, lines: bytes, files: int, size: int) -> None:
        self._give_up()

    def _give_up(self) -> None:
        raise AssertionError("only entries are done late, not directories")

    def count(self, size: int) -> None:
        """Its share is small and does not move the progress."""

    def count_files(self, files: int) -> None:
        """As with `count`."""
