"""A block device, opened once and kept open: proof that it is still the one that was identified.

Reads go past the page cache (O_DIRECT), so they tell what the disk itself says. ioctl numbers:
<linux/fs.h>, <scsi/sg.h>. Superblock layouts: fs/ext4/ext4.h, fs/xfs/libxfs/xfs_format.h and
include/uapi/linux/btrfs_tree.h of Linux.
"""

import contextlib
import errno
import fcntl
import mmap
import os
import stat
import struct
import time
import uuid as uuids
from dataclasses import dataclass
from typing import Final

_BLKROGET: Final = 0x125E
_LOOP_GET_STATUS64: Final = 0x4C05  # include/uapi/linux/loop.h
_LOOP_INFO64: Final = 232
_BLKGETDISKSEQ: Final = 0x80081280

_BLOCK: Final = 4096
_CHUNK: Final = 1 << 20
_BTRFS_SUPERBLOCK: Final = 65536

_EXT4_HAS_ERRORS: Final = 0x0002

_LOOKING: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW

GONE: Final = frozenset({errno.ENXIO, errno.ENODEV, errno.ENOENT, errno.ENOMEDIUM, errno.ESHUTDOWN})
"""Error numbers that say that the device has left."""


@dataclass(frozen=True, slots=True)
class Superblock:
    """What the disk itself says. ``uuid`` in RFC 4122 form; ``errors``: ext4 has noted damage."""

    uuid: str
    devices: int = 1
    errors: bool = False


def open_device(node: str) -> int:
    """A descriptor of the block device at NODE, for reading. Raises OSError; ENOTBLK, ELOOP too."""
    descriptor = os.open(
        node, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_DIRECT
    )
    if not stat.S_ISBLK(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.ENOTBLK, os.strerror(errno.ENOTBLK), node)
    return descriptor


def diskseq(descriptor: int) -> int:
    """The kernel's number for this appearance of the whole disk; 0 where it has none."""
    try:
        answer = fcntl.ioctl(descriptor, _BLKGETDISKSEQ, bytes(8))
    except OSError:  # before Linux 5.15
        return 0
    return int(struct.unpack("=Q", answer)[0])


def is_foreign_file(descriptor: int, path: str) -> bool:
    """Whether the loop device behind DESCRIPTOR lies on a file that is not root's.

    PATH is where the kernel says that the file is; it must be that very file, for whoever owns a
    directory above it can exchange it. True also where that cannot be seen.
    """
    try:
        answer = fcntl.ioctl(descriptor, _LOOP_GET_STATUS64, bytes(_LOOP_INFO64))
        status = os.lstat(path)
    except (OSError, ValueError):
        return True
    device, inode = struct.unpack_from("=QQ", answer)
    # The kernel's own way to put major and minor into one number (include/linux/kdev_t.h).
    number = os.makedev((device & 0xFFF00) >> 8, (device & 0xFF) | ((device >> 12) & 0xFFF00))
    return status.st_uid != 0 or (status.st_dev, status.st_ino) != (number, inode)


def is_read_only(descriptor: int) -> bool:
    """Whether the kernel lets nobody write to the device."""
    answer = fcntl.ioctl(descriptor, _BLKROGET, bytes(4))
    return bool(struct.unpack("=i", answer)[0])


def answers(descriptor: int, expected_diskseq: int) -> bool:
    """Whether the disk behind DESCRIPTOR is still that appearance and can be read."""
    if expected_diskseq and diskseq(descriptor) not in (0, expected_diskseq):
        return False
    try:
        return len(_read(descriptor, 0, _BLOCK)) == _BLOCK
    except OSError:
        return False


def superblock(descriptor: int, fstype: str) -> Superblock | None:
    """The superblock of an ext4, xfs or btrfs; None if none of that type is there. OSError."""
    if fstype == "ext4":
        block = _read(descriptor, 0, _BLOCK)[1024:]
        if block[0x38:0x3A] != b"\x53\xef":
            return None
        state = struct.unpack_from("<H", block, 0x3A)[0]
        return Superblock(_spelled(block[0x68:0x78]), errors=bool(state & _EXT4_HAS_ERRORS))
    if fstype == "xfs":
        block = _read(descriptor, 0, _BLOCK)
        return Superblock(_spelled(block[32:48])) if block[:4] == b"XFSB" else None
    if fstype == "btrfs":
        block = _read(descriptor, _BTRFS_SUPERBLOCK, _BLOCK)
        if block[0x40:0x48] != b"_BHRfS_M":
            return None
        return Superblock(_spelled(block[0x20:0x30]), struct.unpack_from("<Q", block, 0x88)[0])
    return None


def hold_alone(node: str, expected_diskseq: int, seconds: float) -> None:
    """Open the device exclusively once, trying for SECONDS, and let go of it again.

    Raises OSError: EBUSY when somebody uses it still, one of `GONE` when it is no longer there or
    another disk is in its place. Sleeps: not for the event loop.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            descriptor = os.open(node, _LOOKING | os.O_EXCL)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            _check_seq(os.open(node, _LOOKING), node, expected_diskseq)
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
            continue
        _check_seq(descriptor, node, expected_diskseq)
        return


def _check_seq(descriptor: int, node: str, expected_diskseq: int) -> None:
    """Close DESCRIPTOR of the device at NODE. Raises OSError (ENODEV) if it is another disk."""
    try:
        if expected_diskseq and diskseq(descriptor) not in (0, expected_diskseq):
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV), node)
    finally:
        os.close(descriptor)


def is_zero(descriptor: int, offset: int, length: int) -> bool:
    """Whether nothing but zeros is there. Whole sectors only. Raises OSError."""
    end = offset + length
    while offset < end:
        data = _read(descriptor, offset, min(_CHUNK, end - offset))
        if data.count(0) != min(_CHUNK, end - offset):
            return False
        offset += len(data)
    return True


def begins_with(descriptor: int, offset: int, data: bytes) -> bool:
    """Whether the sector at OFFSET begins with DATA. Raises OSError."""
    return _read(descriptor, offset, _BLOCK).startswith(data)


def zero(descriptor: int, offset: int, length: int) -> None:
    """Write zeros past the page cache. Whole sectors only. Raises OSError."""
    with mmap.mmap(-1, _CHUNK) as buffer, memoryview(buffer) as view:
        end = offset + length
        while offset < end:
            with view[: min(_CHUNK, end - offset)] as part:
                offset += os.pwritev(descriptor, [part], offset)


def _read(descriptor: int, offset: int, length: int) -> bytes:
    with mmap.mmap(-1, length) as buffer:  # O_DIRECT needs memory at a page's beginning
        got = os.preadv(descriptor, [buffer], offset)
        return bytes(buffer[:got])


def _spelled(raw: bytes) -> str:
    return str(uuids.UUID(bytes=raw)) if len(raw) == 16 else ""


def close(descriptor: int) -> None:
    """Close; what a dead disk says about it is of no interest any more."""
    with contextlib.suppress(OSError):
        os.close(descriptor)
