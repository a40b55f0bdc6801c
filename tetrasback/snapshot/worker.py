"""Directory after directory: what has not changed is shared, the rest copied, each told in lines.

An entry whose facts (`manifest.facts`) stand in the manifest of the snapshot before has not been
touched since. Its name there is linked into the new snapshot, or, where the new one began as a
writable snapshot of a subvolume (Btrfs), is left as it is. One that was touched but looks as it
did (``chown -R`` to the same owner, say), and one of a snapshot without a manifest, is compared
with the copy and read for its digest: it costs time, but no room.

Anything else becomes a *new* inode: the old one belongs to older snapshots. (What is no directory
and has not evidently stayed as it was is the matter of `entries`.)
"""

import os
import stat
from collections.abc import Sequence

from tetrasback.snapshot.attributes import EXACTLY, Attributes, read_attributes, remove_others
from tetrasback.snapshot.copying import names_lacking
from tetrasback.snapshot.entries import Entries, same_copy, status_of
from tetrasback.snapshot.here import Here
from tetrasback.snapshot.job import Job, Reports
from tetrasback.snapshot.listing import Named, join, list_directory, written
from tetrasback.snapshot.manifest import attribute_word, facts, has_facts, lacking_facts
from tetrasback.snapshot.removing import remove
from tetrasback.snapshot.subvolumes import EMPTY_SUBVOLUME
from tetrasback.snapshot.troubles import SourceTrouble, Vanished, disk_trouble, source_trouble
from tetrasback.snapshot.unchanged import share


class Worker:
    """Works on one directory at a time; see the module."""

    def __init__(self, job: Job, reports: Reports) -> None:
        self._job = job
        self._reports = reports
        self._entries = Entries(job, reports)
        self._device = os.fstat(job.previous.root).st_dev if job.previous is not None else 0

    def directory(self, path: str) -> list[str]:
        """Do the directory at PATH, which the target has already; the paths of those in it.

        Raises DiskTrouble.
        """
        here = self._enter(path)
        if here is None:
            return []
        try:
            return self._fill(here)
        except (SourceTrouble, Vanished) as trouble:
            self._leave_out(path, trouble)
        finally:
            here.close()
        return []

    def _enter(self, path: str) -> Here | None:
        try:
            source = self._job.source.open(path)
        except OSError as error:
            self._leave_out(path, source_trouble(error))
            return None
        return self._job.enter(path, source)

    def _leave_out(self, path: str, trouble: SourceTrouble | Vanished) -> None:
        """PATH, a directory, is not to be had, and its copy must not say otherwise.

        The copy goes, for it has no line in the manifest; of the root, what is in it.
        """
        if isinstance(trouble, Vanished):
            self._reports.vanished(path)
        else:
            self._reports.unreadable(path, str(trouble))
        parent, _, name = path.rpartition("/")
        if not name and not self._job.in_place:
            return
        try:
            above = self._job.target.open(parent)
            try:
                for gone in [name] if name else os.listdir(above):
                    remove(above, gone)
            finally:
                os.close(above)
        except OSError as error:
            raise disk_trouble(error, path) from error
        if name:
            self._reports.touched(parent)

    def _fill(self, here: Here) -> list[str]:
        job = self._job
        status = os.fstat(here.source)
        entries = list_directory(here.source, here.path, job.excluded, self._reports.unreadable)
        place = written(here.path)
        known = f"{place} {facts(status)}"
        head, *old = here.text[:-1].split("\n")
        left = has_facts(head, known) and self._is_left(here, status, entries)
        was = head
        if not left:
            attributes = read_attributes(here.source)
            head = f"{known}{attribute_word(attributes)}".rstrip()
            if job.in_place:
                self._clear(here, {name for name, _ in entries})
        kept = self._kept(here, old, entries)
        below = [name for name, found in entries if found.st_mode & 0o170000 == 0o040000]
        shared = [line for line in kept if line is not None]
        same = head == was and shared == old and len(shared) + len(below) == len(entries)
        there = {name for name in below if left and self._is_directory(here, name)}
        if left and not (same and len(there) == len(below)):
            # Its size alone says nothing then: other names may have the same length.
            self._clear(here, {name for name, _ in entries})
        if not same:
            self._rest(here, entries, kept)
        for name in below:
            if name not in there:
                self._make_directory(here, name)
        if not left:
            given = self._dress(here, status, attributes)
            if given is not attributes:
                head = f"{lacking_facts(known)}{attribute_word(given)}".rstrip()
                self._reports.lacking(here.path, names_lacking(attributes, given))
                if same:
                    self._rest(here, entries, kept)
                same = False
        elif here.is_touched:
            self._give_times_back(here, status)
        if same:
            self._reports.same(place)
        else:
            lines = "\n".join([head, *here.lines, ""]).encode("ascii")
            self._reports.block(here.path, lines, here.files, here.bytes)
        self._reports.count_files(len(shared) if same else here.files)
        return [join(here.path, name) for name in below]

    def _dress(self, here: Here, status: os.stat_result, attributes: Attributes) -> Attributes:
        if self._job.in_place:
            remove_others(here.target, attributes)  # what it has lost since goes as well
        return EXACTLY.dress(here.target, status, attributes)

    def _give_times_back(self, here: Here, status: os.stat_result) -> None:
        """What was made or removed in a directory has changed these, and nothing else of it."""
        try:
            os.utime(here.target, ns=(status.st_atime_ns, status.st_mtime_ns))
        except OSError as error:
            raise disk_trouble(error, here.path) from error

    def _rest(self, here: Here, entries: Sequence[Named], kept: Sequence[str | None]) -> None:
        """Have the lines of all ENTRIES but directories, and those done that are not KEPT."""
        for (name, found), line in zip(entries, kept, strict=True):
            if line is not None:
                here.add(line, found)
            elif not stat.S_ISDIR(found.st_mode):
                self._entries.do(here, name, found)

    def _is_left(self, here: Here, status: os.stat_result, entries: Sequence[Named]) -> bool:
        """In place: whether the copy of this directory, which has not changed, is what was written.

        It has a snapshot's view of the copy before, at which we look: that is in memory already.
        Its size is twice that of its names, so there is no other one.
        """
        if not self._job.in_place or not self._job.covered or here.before < 0:
            return False
        if self._job.distrusted and written(here.path) in self._job.distrusted:
            return False
        copy = os.fstat(here.before)
        names = os.fsencode("".join([name for name, _ in entries]))
        return same_copy(copy, status) and copy.st_size == 2 * len(names)

    def _is_directory(self, here: Here, name: str) -> bool:
        """In place: whether the copy has a directory NAME."""
        try:
            copy = os.stat(name, dir_fd=here.before, follow_symlinks=False)
        except OSError:
            return False
        return stat.S_ISDIR(copy.st_mode) and copy.st_dev == self._device

    def _kept(self, here: Here, old: Sequence[str], entries: Sequence[Named]) -> list[str | None]:
        """Of those ENTRIES that have not changed and are shared now, the lines; OLD had all."""
        job = self._job
        if here.before < 0 or not old or not self._job.covered or job.apart:
            return [None] * len(entries)
        before = -1 if job.untouched else here.before
        target = -1 if job.in_place else here.target
        return share(old, here.prefix, entries, before, target, job.distrusted)

    def _clear(self, here: Here, wanted: set[str]) -> None:
        for name in here.present - wanted:
            try:
                remove(here.target, name)
            except OSError as error:
                raise disk_trouble(error, join(here.path, name)) from error

    def _make_directory(self, here: Here, name: str) -> None:
        try:
            if name in here.present:
                status = status_of(here.target, name)
                if stat.S_ISDIR(status.st_mode) and status.st_ino != EMPTY_SUBVOLUME:
                    return
                remove(here.target, name)
            os.mkdir(name, 0o700, dir_fd=here.target)
        except OSError as error:
            raise disk_trouble(error, join(here.path, name)) from error
