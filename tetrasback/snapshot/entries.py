"""Entry after entry of a directory, but for directories: shared, copied, or left for later.

What has changed gets a new inode; see `worker`.
"""

import errno
import os
import stat

from tetrasback.snapshot.attributes import (
    EXACTLY,
    WITHOUT_INHERITANCE,
    Dresser,
    read_attributes,
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
from tetrasback.snapshot.job import Job, Reports
from tetrasback.snapshot.listing import join
from tetrasback.snapshot.manifest import (
    attribute_word,
    encode_name,
    facts,
    has_facts,
    lacking_facts,
)
from tetrasback.snapshot.names import Names
from tetrasback.snapshot.removing import remove
from tetrasback.snapshot.troubles import SourceTrouble, Vanished, disk_trouble, source_trouble


class Entries:
    """Does one at a time, for JOB."""

    def __init__(self, job: Job, reports: Reports, *, late: bool = False) -> None:
        """LATE: the directories of the target have their attributes already."""
        self._job = job
        self._reports = reports
        self._names: Names | None = None
        self._dresser = WITHOUT_INHERITANCE if late or job.in_place else EXACTLY

    def do(self, here: Here, name: str, status: os.stat_result) -> None:
        """Do NAME in the directory HERE, whose state is STATUS. Raises DiskTrouble."""
        place = here.prefix + encode_name(name)
        rest = here.old.get(place)
        trusted = place not in self._job.distrusted
        untouched = rest is not None and has_facts(rest, facts(status))
        lacking = rest is not None and has_facts(rest, lacking_facts(facts(status)))
        untouched = untouched or lacking
        same = trusted and untouched and not (lacking and self._job.apart)
        try:
            if same and not self._job.covered:
                rest = self._complete(here, name, rest or "", facts(status))
            several = status.st_nlink > 1
            apart = self._job.apart and several  # as clones, its names would be several files
            if same and not apart and self._share(here, name, status):
                if lacking:
                    self._reports.lacking(join(here.path, name), self._what_lacks(here, name))
                here.add(f"{place} {rest}", status)
            elif several:
                self._drop(here, name)
                self._reports.linked(join(here.path, name), status, untouched and not apart)
            else:
                line, status = self._take(here, name, status, rest)
                here.add(f"{place} {line}", status)
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
            here = self._job.enter(parent, self._job.source.open(parent))
        except OSError as error:
            raise source_trouble(error) from error
        try:
            status = os.stat(name, dir_fd=here.source, follow_symlinks=False)
            if (status.st_dev, status.st_ino) != file:
                raise Vanished
            rest = here.old.get(here.prefix + encode_name(name))
            return self._take(here, name, status, rest)[0]
        except OSError as error:
            raise source_trouble(error) from error
        finally:
            here.close()

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
        if same_copy(status_of(here.target, name), status):
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
            if not same_copy(os.stat(name, dir_fd=copies, follow_symlinks=False), status):
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


def status_of(directory: int, name: str) -> os.stat_result:
    """The state of NAME in a directory of the target. Raises DiskTrouble."""
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except OSError as error:
        raise disk_trouble(error, name) from error


def same_copy(copy: os.stat_result, status: os.stat_result) -> bool:
    """Whether what lies in a snapshot is what was written there of a source in this state."""
    return (
        copy.st_mode == status.st_mode
        and copy.st_uid == status.st_uid
        and copy.st_gid == status.st_gid
        and copy.st_mtime_ns == status.st_mtime_ns
        and copy.st_rdev == status.st_rdev
        and (copy.st_size == status.st_size or stat.S_ISDIR(status.st_mode))
    )
