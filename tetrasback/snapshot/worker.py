"""Directory after directory: what has not changed is shared, the rest copied, each told in lines.

An entry whose facts (`manifest.facts`) stand in the manifest of the snapshot before has not been
touched since. Its name there is linked into the new snapshot, or, where the new one began as a
writable snapshot of a subvolume (Btrfs), is left as it is. One that was touched but looks as it
did (``chown -R`` to the same owner, say), and one of a snapshot without a manifest, is compared
with the copy and read for its digest: it costs time, but no room.

Anything else becomes a *new* inode: the old one belongs to older snapshots.
"""

import errno
import os
import stat
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from tetrasback.snapshot.attributes import (
    EXACTLY,
    WITHOUT_INHERITANCE,
    Attributes,
    Dresser,
    read_attributes,
    remove_others,
)
from tetrasback.snapshot.copying import (
    clone_file,
    copy_file,
    copy_special,
    hash_file,
    names_lacking,
    read_link,
)
from tetrasback.snapshot.here import Here
from tetrasback.snapshot.listing import Excluded, Named, join, list_directory, written
from tetrasback.snapshot.manifest import (
    Manifest,
    attribute_word,
    encode_name,
    facts,
    has_facts,
    lacking_facts,
)
from tetrasback.snapshot.names import Names
from tetrasback.snapshot.removing import remove
from tetrasback.snapshot.subvolumes import EMPTY_SUBVOLUME
from tetrasback.snapshot.trees import Tree
from tetrasback.snapshot.troubles import SourceTrouble, Vanished, disk_trouble, source_trouble
from tetrasback.snapshot.unchanged import share


class Reports(Protocol):
    """Where a worker tells what it has met. Paths are relative, '' = the root."""

    def unreadable(self, path: str, why: str) -> None:
        """It is not in the snapshot."""

    def vanished(self, path: str) -> None:
        """It was there a moment ago."""

    def changing(self, path: str) -> None:
        """It changed each time it was read; what is saved may fit nothing it ever was."""

    def lacking(self, path: str, names: str) -> None:
        """It is in the snapshot without these attributes: the disk does not take them."""

    def damaged(self, path: str) -> None:
        """What the snapshot before has of it is not what was written; it is copied anew."""

    def linked(self, path: str, status: os.stat_result, again: bool) -> None:
        """One of several names of a file that is to be copied, left for later.

        AGAIN: others of its names may already share the copy of the snapshot before.
        """

    def touched(self, path: str) -> None:
        """Something was taken out of this directory after it had got its times."""

    def block(self, path: str, lines: bytes, files: int, size: int) -> None:
        """A directory is done: its lines in the manifest."""

    def same(self, place: str) -> None:
        """The directory at PLACE (as written) is done: it has the lines of the manifest before."""

    def count(self, size: int) -> None:
        """So many bytes were copied."""

    def count_files(self, files: int) -> None:
        """So many entries are done."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done."""

    source: Tree
    target: Tree
    previous: Tree | None = None
    manifest: Manifest | None = None
    """Of `previous`; None = there is none that can be believed."""
    in_place: bool = False
    """The target began as a snapshot of `previous`."""
    untouched: bool = False
    """In place: nobody has changed anything in `previous` since its manifest was written."""
    apart: bool = False
    """The target lies in another subvolume than `previous` (or on another file system): names
    cannot be linked, but content may be shared."""
    excluded: Excluded | None = None
    distrusted: Collection[str] = ()
    """Entries of `previous` (paths as written) that were found damaged: never shared."""


class Worker:
    """Works on one directory at a time; see the module."""

    def __init__(self, job: Job, reports: Reports, *, late: bool = False) -> None:
        """LATE: the directories of the target have their attributes already."""
        self._job = job
        self._reports = reports
        self._covered = job.manifest is None or job.manifest.covers_attributes
        self._device = os.fstat(job.previous.root).st_dev if job.previous is not None else 0
        self._names: Names | None = None
        self._dresser = WITHOUT_INHERITANCE if late or job.in_place else EXACTLY

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
        job = self._job
        try:
            source = job.source.open(path)
        except OSError as error:
            self._leave_out(path, source_trouble(error))
            return None
        here = Here(path, written(path) + "/", source, job.target, job.in_place)
        try:
            self._look_back(here)
        except BaseException:
            here.close()
            raise
        return here

    def _look_back(self, here: Here) -> None:
        """Have what there is of the snapshot before."""
        job = self._job
        if job.manifest is not None:
            here.text = job.manifest.text(written(here.path))
        if job.previous is None:
            return
        try:
            before = job.previous.open(here.path)
        except OSError:
            return  # a new directory, or one that cannot be read: all is copied
        if job.in_place and os.fstat(before).st_dev != self._device:
            os.close(before)  # a subvolume in the last one: a snapshot does not have it
        else:
            here.before = before

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
                self._done(here, line, found)
            elif not stat.S_ISDIR(found.st_mode):
                self._entry(here, name, found)

    def _is_left(self, here: Here, status: os.stat_result, entries: Sequence[Named]) -> bool:
        """In place: whether the copy of this directory, which has not changed, is what was written.

        It has a snapshot's view of the copy before, at which we look: that is in memory already.
        Its size is twice that of its names, so there is no other one.
        """
        if not self._job.in_place or not self._covered or here.before < 0:
            return False
        if self._job.distrusted and written(here.path) in self._job.distrusted:
            return False
        copy = os.fstat(here.before)
        names = os.fsencode("".join([name for name, _ in entries]))
        return _same_copy(copy, status) and copy.st_size == 2 * len(names)

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
        if here.before < 0 or not old or not self._covered or job.apart:
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
                status = _status(here.target, name)
                if stat.S_ISDIR(status.st_mode) and status.st_ino != EMPTY_SUBVOLUME:
                    return
                remove(here.target, name)
            os.mkdir(name, 0o700, dir_fd=here.target)
        except OSError as error:
            raise disk_trouble(error, join(here.path, name)) from error

    # --- entries --------------------------------------------------------------------------------

    def _entry(self, here: Here, name: str, status: os.stat_result) -> None:
        place = here.prefix + encode_name(name)
        rest = here.old.get(place)
        trusted = place not in self._job.distrusted
        untouched = rest is not None and has_facts(rest, facts(status))
        lacking = rest is not None and has_facts(rest, lacking_facts(facts(status)))
        untouched = untouched or lacking
        same = trusted and untouched and not (lacking and self._job.apart)
        try:
            if same and not self._covered:
                rest = self._complete(here, name, rest or "", facts(status))
            several = status.st_nlink > 1
            apart = self._job.apart and several  # as clones, its names would be several files
            if same and not apart and self._share(here, name, status):
                if lacking:
                    self._reports.lacking(join(here.path, name), self._what_lacks(here, name))
                self._done(here, f"{place} {rest}", status)
            elif several:
                self._drop(here, name)
                self._reports.linked(join(here.path, name), status, untouched and not apart)
            else:
                line, status = self._take(here, name, status, rest)
                self._done(here, f"{place} {line}", status)
        except Vanished:
            self._drop(here, name)
            self._reports.vanished(join(here.path, name))
        except SourceTrouble as error:
            self._drop(here, name)
            self._reports.unreadable(join(here.path, name), str(error))

    def _take(
        self, here: Here, name: str, status: os.stat_result, rest: str | None
    ) -> tuple[str, os.stat_result]:
        """Have NAME in the target, as it is now; the rest of its line, and its state."""
        digest = self._share_alike(here, name, status, rest)
        if digest is not None:
            return (facts(status) + digest).rstrip(), status
        self._drop(here, name)
        return copy_entry(
            self._reports, here.source, here.target, here.path, name, status, self._dresser
        )

    def _what_lacks(self, here: Here, name: str) -> str:
        """Names of the attributes that the copy of NAME went without."""
        source = read_attributes(f"/proc/self/fd/{here.source}/{name}", follow=False)
        copy = read_attributes(f"/proc/self/fd/{here.target}/{name}", follow=False)
        return names_lacking(source, copy)

    def _complete(self, here: Here, name: str, rest: str, known: str) -> str:
        """REST of a line of an older manifest, which says nothing of attributes, with them."""
        try:
            attributes = read_attributes(f"/proc/self/fd/{here.source}/{name}", follow=False)
        except (SourceTrouble, Vanished):
            self._drop(here, name)
            raise
        return (known + attribute_word(attributes) + rest[len(known) :]).rstrip()

    def take(self, path: str, file: tuple[int, int]) -> str:
        """Have PATH, left for later as a name of FILE (device, inode), in the target; the rest of
        its line. Raises SourceTrouble, Vanished, DiskTrouble."""
        parent, _, name = path.rpartition("/")
        try:
            source = self._job.source.open(parent)
        except OSError as error:
            raise source_trouble(error) from error
        here = Here(parent, written(parent) + "/", source, self._job.target, self._job.in_place)
        try:
            self._look_back(here)
            status = os.stat(name, dir_fd=here.source, follow_symlinks=False)
            if (status.st_dev, status.st_ino) != file:
                raise Vanished
            rest = here.old.get(here.prefix + encode_name(name))
            return self._take(here, name, status, rest)[0]
        except OSError as error:
            raise source_trouble(error) from error
        finally:
            here.close()

    def _done(self, here: Here, line: str, status: os.stat_result) -> None:
        here.lines.append(line)
        here.files += 1
        if stat.S_ISREG(status.st_mode):
            here.bytes += status.st_size

    def _drop(self, here: Here, name: str) -> None:
        """What the target began with under NAME goes: it belongs to the snapshot before."""
        if name in here.present:
            here.forget(name)
            try:
                remove(here.target, name)
            except OSError as error:
                raise disk_trouble(error, join(here.path, name)) from error

    def _share(self, here: Here, name: str, status: os.stat_result) -> bool:
        """Have the snapshot before give NAME, which has not changed; whether it could."""
        if self._job.in_place:
            if name not in here.present:
                return False
        elif here.before < 0 or not self._link(here, name, status):
            return False
        if _same_copy(_status(here.target, name), status):
            return True
        self._reports.damaged(join(here.path, name))
        if not self._job.in_place:
            os.unlink(name, dir_fd=here.target)
        return False

    def _link(self, here: Here, name: str, status: os.stat_result) -> bool:
        if self._job.apart:
            return clone_file(here.source, here.before, here.target, name, status, self._dresser)
        try:
            os.link(
                name, name, src_dir_fd=here.before, dst_dir_fd=here.target, follow_symlinks=False
            )
        except FileNotFoundError:
            return False
        except OSError as error:
            if error.errno == errno.EMLINK:  # the file system gives one inode no more names
                return False
            raise disk_trouble(error, join(here.path, name)) from error
        return True

    def _has_others(self, rest: str, status: os.stat_result) -> bool:
        """Whether the file with this line, REST, is not the one with STATUS, and had more names."""
        if f":{status.st_ino:x} " in rest or self._job.manifest is None:
            return False
        if self._names is None:
            self._names = Names(self._job.manifest)
        return self._names.may_be_several(rest)

    def _share_alike(
        self, here: Here, name: str, status: os.stat_result, rest: str | None
    ) -> str | None:
        """As `_share`, for what was touched since, or of which the manifest says nothing.

        Alike: same kind, size, time, owner, mode, attributes and, where REST has it, digest. What
        its line ends with, None = not shared.
        """
        copies = here.target if self._job.in_place else here.before
        if here.prefix + encode_name(name) in self._job.distrusted:
            return None
        if copies < 0 or (self._job.in_place and name not in here.present):
            return None
        try:
            if not _same_copy(os.stat(name, dir_fd=copies, follow_symlinks=False), status):
                return None
            text = os.readlink(name, dir_fd=copies) if stat.S_ISLNK(status.st_mode) else ""
            attributes = read_attributes(f"/proc/self/fd/{copies}/{name}", follow=False)
        except (OSError, SourceTrouble, Vanished):
            return None  # whatever is the matter with the old copy: a new one is made
        if attributes != read_attributes(f"/proc/self/fd/{here.source}/{name}", follow=False):
            return None
        end = ""
        if text:
            if text != read_link(here.source, name):
                return None
            end = f"link={encode_name(text)}"
        elif stat.S_ISREG(status.st_mode):
            if rest is not None and self._has_others(rest, status):
                return None  # another file by now, and may not be one with them
            read = hash_file(here.source, name, self._reports.count)
            end = f"sha256={read.sha256}"
            if not read.still or facts(read.status) != facts(status):
                return None
            if rest is None and not _holds(copies, name, read.sha256):
                self._reports.damaged(join(here.path, name))
                return None
            if rest is not None and not rest.endswith(end):
                return None
        if not (self._job.in_place or self._link(here, name, status)):
            return None
        return attribute_word(attributes) + end


def _holds(directory: int, name: str, sha256: str) -> bool:
    """Whether NAME there, of which no manifest tells, can be read and has that digest."""
    try:
        return hash_file(directory, name, lambda size: None).sha256 == sha256
    except (SourceTrouble, Vanished):
        return False


def copy_entry(
    reports: Reports,
    source: int,
    target: int,
    path: str,
    name: str,
    status: os.stat_result,
    dresser: Dresser,
) -> tuple[str, os.stat_result]:
    """Copy NAME from the directory SOURCE (at PATH) into TARGET; the rest of its line, its state.

    Raises SourceTrouble, Vanished, DiskTrouble.
    """
    if not stat.S_ISREG(status.st_mode):
        text, attributes, lacking = copy_special(source, target, name, status, dresser)
        link = f"link={encode_name(text)}" if text else ""
        known = facts(status)
        if lacking:
            known = lacking_facts(known)
            reports.lacking(join(path, name), lacking)
        return (known + attribute_word(attributes) + link).rstrip(), status
    copied = copy_file(source, target, name, reports.count, dresser)
    if not copied.still:
        reports.changing(join(path, name))
    known = facts(copied.status)
    if copied.lacking:
        known = lacking_facts(known)
        reports.lacking(join(path, name), copied.lacking)
    head = known + attribute_word(copied.attributes)
    return f"{head}sha256={copied.sha256}", copied.status


def _status(directory: int, name: str) -> os.stat_result:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except OSError as error:
        raise disk_trouble(error, name) from error


def _same_copy(copy: os.stat_result, status: os.stat_result) -> bool:
    """Whether what lies in a snapshot is what was written there of a source in this state."""
    return (
        copy.st_mode == status.st_mode
        and copy.st_uid == status.st_uid
        and copy.st_gid == status.st_gid
        and copy.st_mtime_ns == status.st_mtime_ns
        and copy.st_rdev == status.st_rdev
        and (copy.st_size == status.st_size or stat.S_ISDIR(status.st_mode))
    )
