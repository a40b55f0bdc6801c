"""One entry, from the source into the snapshot: content, holes, everything it has; its SHA-256."""

import errno
import fcntl
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from typing import Final

from tetrasback.snapshot.attributes import (
    EXACTLY,
    Attributes,
    Dresser,
    Facts,
    read_attributes,
)
from tetrasback.snapshot.troubles import SourceTrouble, Vanished, disk_trouble, source_trouble

CHUNK: Final = 1 << 20
TRIES: Final = 3
"""How often a file is read that changes while it is read."""
LEASE_SECONDS: Final = 60.0
"""The kernel takes a lease away after 45 s (/proc/sys/fs/lease-break-time)."""

_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_MAKE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FICLONE: Final = 0x40049409
"""include/uapi/linux/fs.h"""
_NO_CLONE: Final = frozenset({errno.EXDEV, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOTTY})

Count = Callable[[int], None]
"""Told of bytes as they are copied."""


class Copied:
    """What became of a file: its state as it was read, its digest, whether it held still, and the
    attributes that were copied; names of those that the disk does not take."""

    __slots__ = ("attributes", "lacking", "sha256", "status", "still")

    def __init__(
        self,
        status: os.stat_result,
        sha256: str,
        still: bool,
        attributes: Attributes = (),
        lacking: str = "",
    ) -> None:
        self.status = status
        self.sha256 = sha256
        self.still = still
        self.attributes = attributes
        self.lacking = lacking


def open_source(directory: int, name: str) -> int:
    """The file NAME in DIRECTORY, without a trace in its access time where that may be had.

    Raises SourceTrouble, Vanished.
    """
    flags = _READ | os.O_NOATIME
    until = time.monotonic() + LEASE_SECONDS
    while True:
        try:
            return os.open(name, flags, dir_fd=directory)
        except BlockingIOError as error:
            # A file server has a lease on it (fcntl(2)), and is being asked to give it up.
            if time.monotonic() > until:
                raise source_trouble(error) from error
            time.sleep(0.02)
        except PermissionError as error:
            if not flags & os.O_NOATIME:
                raise source_trouble(error) from error
            flags = _READ
        except OSError as error:
            raise source_trouble(error) from error


def copy_file(
    source: int, target: int, name: str, count: Count, dresser: Dresser = EXACTLY
) -> Copied:
    """Copy the regular file NAME from the directory SOURCE into the directory TARGET.

    A file that changes meanwhile is read again, at most `TRIES` times. Raises SourceTrouble or
    Vanished (then nothing is left in TARGET), or DiskTrouble.
    """
    reader = open_source(source, name)
    try:
        before = os.fstat(reader)
        if not stat.S_ISREG(before.st_mode):
            raise Vanished
        try:
            writer = os.open(name, _MAKE, 0o600, dir_fd=target)
        except OSError as error:
            raise disk_trouble(error) from error
        try:
            for left in range(TRIES - 1, -1, -1):
                attributes = read_attributes(reader)
                digest = _copy_content(reader, writer, before, count)
                after = os.fstat(reader)
                still = _same(before, after)
                if still or not left:
                    break
                before = after
                _rewind(reader, writer)
            given = dresser.dress(writer, after, attributes)
        except (SourceTrouble, Vanished):
            os.unlink(name, dir_fd=target)
            raise
        finally:
            _close(writer)
    finally:
        os.close(reader)
    return Copied(after, digest, still, given, names_lacking(attributes, given))


def names_lacking(attributes: Attributes, given: Attributes) -> str:
    """What of ATTRIBUTES was not GIVEN, by name; '' = nothing."""
    if given is attributes:
        return ""
    return ", ".join([name for name, value in attributes if (name, value) not in given][:10])


def clone_file(
    source: int, before: int, target: int, name: str, status: os.stat_result, dresser: Dresser
) -> bool:
    """Make NAME in TARGET a file that shares the content of NAME in the directory BEFORE.

    Everything else it has from NAME in SOURCE, which is in that STATUS. False = the file system
    cannot do that with it, and nothing was made. Raises SourceTrouble, Vanished, DiskTrouble.
    """
    attributes = read_attributes(f"/proc/self/fd/{source}/{name}", follow=False)
    try:
        reader = os.open(name, _READ | os.O_NOATIME, dir_fd=before)
    except OSError:
        return False
    try:
        if not stat.S_ISREG(os.fstat(reader).st_mode):
            return False
        writer = os.open(name, _MAKE, 0o600, dir_fd=target)
        try:
            fcntl.ioctl(writer, _FICLONE, reader)
            if dresser.dress(writer, status, attributes) != attributes:
                os.unlink(name, dir_fd=target)
                return False
        except OSError as error:
            os.unlink(name, dir_fd=target)
            if error.errno not in _NO_CLONE:
                raise
            return False
        finally:
            _close(writer)
    except OSError as error:
        raise disk_trouble(error) from error
    finally:
        os.close(reader)
    return True


def _same(before: os.stat_result, after: os.stat_result) -> bool:
    return (
        before.st_mtime_ns == after.st_mtime_ns
        and before.st_ctime_ns == after.st_ctime_ns
        and before.st_size == after.st_size
    )


def _rewind(reader: int, writer: int) -> None:
    os.lseek(reader, 0, os.SEEK_SET)
    try:
        os.lseek(writer, 0, os.SEEK_SET)
        os.ftruncate(writer, 0)
    except OSError as error:
        raise disk_trouble(error) from error


def _close(writer: int) -> None:
    try:
        os.close(writer)
    except OSError as error:
        raise disk_trouble(error) from error


def _copy_content(reader: int, writer: int, status: os.stat_result, count: Count) -> str:
    size = status.st_size
    if size == 0:
        return hashlib.sha256().hexdigest()
    if size <= CHUNK and status.st_blocks * 512 >= size:
        data = _read(reader, CHUNK)
        _write(writer, data)
        count(len(data))
        return hashlib.sha256(data).hexdigest()
    digest = hashlib.sha256()
    position = 0
    for start, end in _stretches(reader, status):
        _hash_hole(digest, start - position)
        _seek(reader, writer, start)
        position = start
        while position < end:
            data = _read(reader, min(CHUNK, end - position))
            if not data:
                break
            _write(writer, data)
            digest.update(data)
            count(len(data))
            position += len(data)
    if position < size:
        _hash_hole(digest, size - position)
        try:
            os.ftruncate(writer, size)
        except OSError as error:
            raise disk_trouble(error) from error
    return digest.hexdigest()


def _stretches(reader: int, status: os.stat_result) -> Iterator[tuple[int, int]]:
    """Where the file holds data; what lies between is a hole."""
    if status.st_blocks * 512 >= status.st_size:
        yield 0, status.st_size
        return
    position = 0
    while position < status.st_size:
        try:
            start = os.lseek(reader, position, os.SEEK_DATA)
            position = os.lseek(reader, start, os.SEEK_HOLE)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing but a hole to the end
                return
            raise source_trouble(error) from error
        yield start, position


_ZEROS: Final = bytes(CHUNK)


def _hash_hole(digest: "hashlib._Hash", length: int) -> None:
    while length > 0:
        digest.update(_ZEROS if length >= CHUNK else _ZEROS[:length])
        length -= CHUNK


def _seek(reader: int, writer: int, position: int) -> None:
    os.lseek(reader, position, os.SEEK_SET)
    os.lseek(writer, position, os.SEEK_SET)


def _read(reader: int, size: int) -> bytes:
    try:
        return os.read(reader, size)
    except OSError as error:
        raise source_trouble(error) from error


def _write(writer: int, data: bytes) -> None:
    try:
        done = os.write(writer, data)
        while done < len(data):
            done += os.write(writer, data[done:])
    except OSError as error:
        raise disk_trouble(error) from error


def hash_file(directory: int, name: str, count: Count) -> Copied:
    """Read a file that is not to be copied, for its digest. Raises SourceTrouble, Vanished."""
    reader = open_source(directory, name)
    try:
        before = os.fstat(reader)
        if not stat.S_ISREG(before.st_mode):
            raise Vanished
        digest = hashlib.sha256()
        while data := _read(reader, CHUNK):
            digest.update(data)
            count(len(data))
        after = os.fstat(reader)
    finally:
        os.close(reader)
    return Copied(after, digest.hexdigest(), _same(before, after))


def copy_special(
    source: int, target: int, name: str, status: os.stat_result, dresser: Dresser = EXACTLY
) -> tuple[str, Attributes, str]:
    """Copy a link, device, FIFO or socket; a link's text, else '', its attributes, and names of
    those that the disk does not take.

    Raises SourceTrouble, Vanished, DiskTrouble.
    """
    text = ""
    place = f"/proc/self/fd/{source}/{name}"
    attributes: Attributes = read_attributes(place, follow=False)
    if stat.S_ISLNK(status.st_mode):
        text = read_link(source, name)
    given = make_special(target, name, status, text, attributes, dresser)
    return text, given, names_lacking(attributes, given)


def make_special(
    target: int,
    name: str,
    status: Facts,
    text: str,
    attributes: Attributes,
    dresser: Dresser = EXACTLY,
) -> Attributes:
    """Make NAME a link with this TEXT, or, without, a device, FIFO or socket; see `Dresser.write`.

    Raises DiskTrouble. Nobody else may be able to write in TARGET.
    """
    try:
        if text:
            os.symlink(text, name, dir_fd=target)
        else:
            os.mknod(name, status.st_mode & ~0o7777 | 0o600, status.st_rdev, dir_fd=target)
        os.chown(name, status.st_uid, status.st_gid, dir_fd=target, follow_symlinks=False)
        given = dresser.write(f"/proc/self/fd/{target}/{name}", attributes, follow=False)
        if not text:
            os.chmod(name, stat.S_IMODE(status.st_mode), dir_fd=target)
        os.utime(
            name,
            ns=(status.st_atime_ns, status.st_mtime_ns),
            dir_fd=target,
            follow_symlinks=False,
        )
    except OSError as error:
        raise disk_trouble(error) from error
    return given


def read_link(directory: int, name: str) -> str:
    """What the link NAME says. Raises SourceTrouble, Vanished."""
    try:
        return os.readlink(name, dir_fd=directory)
    except OSError as error:
        if error.errno == errno.EINVAL:  # it is no link any more
            raise Vanished from error
        raise source_trouble(error) from error
