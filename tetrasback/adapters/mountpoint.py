"""Mounting an identified disk at a place of ours, and proving that it is that disk which is there.

btrfs ioctls: include/uapi/linux/btrfs.h of Linux.
"""

import contextlib
import errno
import fcntl
import os
import struct
from pathlib import Path
from typing import Final

from tetrasback.adapters import blockdev, mounting, sysfs
from tetrasback.core.devices import BlockDevice
from tetrasback.ports import Fault, Room

_FLAGS: Final = (
    mounting.MS_NOSUID
    | mounting.MS_NODEV
    | mounting.MS_NOEXEC
    | mounting.MS_NOSYMFOLLOW
    | mounting.MS_NOATIME  # to look at a backup changes nothing in it
)
_OPTIONS: Final = {"ext4": "errors=remount-ro"}
_REPAIR: Final = {"ext4": "fsck.ext4 -f", "xfs": "xfs_repair", "btrfs": "btrfs check"}

_BTRFS_IOC_FS_INFO: Final = 0x8400941F
_BTRFS_IOC_DEV_INFO: Final = 0xD000941E
_BTRFS_MOST_DEVIDS: Final = 1024
_BTRFS_PATH_AT: Final = 3072


def prepare(runtime_dir: Path, name: str) -> Path:
    """RUNTIME/mnt/NAME, both directories root's alone and no symbolic links. Raises OSError."""
    runtime_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
    above = os.open(runtime_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        mnt = _own_directory(above, "mnt")
        try:
            os.close(_own_directory(mnt, name))
        finally:
            os.close(mnt)
    finally:
        os.close(above)
    return runtime_dir / "mnt" / name


def _own_directory(above: int, name: str) -> int:
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=above)
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, dir_fd=above)
    try:
        if os.fstat(descriptor).st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "not our own directory", name)
        os.fchmod(descriptor, 0o700)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def mount(device: BlockDevice, descriptor: int, target: Path, *, read_only: bool = False) -> int:
    """Mount DEVICE, open as DESCRIPTOR, at TARGET; a descriptor of its root, proved to be on it.

    That descriptor is open before anything is written, so `syncfs` on it tells of every loss.
    Raises Fault; then nothing is mounted.
    """
    try:
        flags = _FLAGS | (mounting.MS_RDONLY if read_only else 0)
        mounting.mount(
            device.node, str(target), device.fstype, flags, _OPTIONS.get(device.fstype, "")
        )
    except OSError as error:
        raise _refused(device, error) from None
    root, proved = -1, False
    try:
        root = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        _prove(device, descriptor, root)
        if not read_only and (why := fell_over(device, root)):
            raise damaged(device, f"{device.node} was mounted, but {why}")
        proved = True
    except OSError as error:
        raise damaged(device, f"it cannot be read: {error.strerror}") from None
    finally:
        if not proved:
            if root >= 0:
                os.close(root)
            mounting.unmount(str(target), detach=True)
    return root


def damaged(device: BlockDevice, why: str) -> Fault:
    """The fault of a file system that needs a repair."""
    repair = _REPAIR.get(device.fstype, "fsck")
    return Fault("damaged", f"{why}; repair it with: {repair} {device.node}")


def fell_over(device: BlockDevice, root: int) -> str:
    """Why the mounted file system has stopped accepting writes, or ''. Raises OSError (EIO)."""
    os.fstat(root)  # an xfs that has shut down answers EIO
    if os.fstatvfs(root).f_flag & os.ST_RDONLY:
        return "its file system has turned read-only after an error"
    if device.fstype == "ext4" and sysfs.number(
        Path("/sys/fs/ext4", Path(device.node).name), "errors_count"
    ):
        return "its file system has met errors"
    return ""


def room(root: int) -> Room:
    """Size and what is free for root."""
    status = os.fstatvfs(root)
    return Room(status.f_blocks * status.f_frsize, status.f_bfree * status.f_frsize)


def is_full(device: BlockDevice, root: int) -> bool:
    """Whether so little room or so few inodes are left that a script must have failed for it."""
    status = os.fstatvfs(root)
    # btrfs may have free space but no room for metadata: it then says that none is available.
    free = status.f_bavail if device.fstype == "btrfs" else status.f_bfree
    size = status.f_blocks * status.f_frsize
    too_little = max(1 << 20, min(size // 200, 64 << 20))
    return free * status.f_frsize < too_little or (status.f_files > 0 and status.f_ffree == 0)


def _refused(device: BlockDevice, error: OSError) -> Fault:
    """What a mount(2) that failed means."""
    if error.errno in (errno.EACCES, errno.EROFS):
        return Fault("read-only", f"{device.node} can only be read; look for a lock on the disk")
    if error.errno == errno.ENODEV and Path(device.syspath).exists():
        return Fault(
            "unsupported-filesystem",
            f"this kernel does not know {device.fstype}; install the kernel module or use ext4",
        )
    if error.errno == errno.EBUSY:
        return Fault("in-use", f"{device.node} is in use by another program; end it first")
    if error.errno in blockdev.GONE:
        return Fault("disk-gone", f"{device.node} was pulled out while it was being mounted")
    if error.errno == errno.EINVAL and device.fstype == "xfs":
        return damaged(
            device, f"{device.node} is damaged, or a copy of it with the same UUID is mounted"
        )
    return damaged(device, f"the file system on {device.node} is damaged ({error.strerror})")


def _prove(device: BlockDevice, descriptor: int, root: int) -> None:
    rdev = os.fstat(descriptor).st_rdev
    found = _btrfs_device(root) if device.fstype == "btrfs" else os.fstat(root).st_dev
    if found != rdev:
        raise Fault(
            "identity", f"another file system than the one of {device.node} came up; plug it again"
        )
    if device.diskseq and blockdev.diskseq(descriptor) not in (0, device.diskseq):
        raise Fault("identity", f"{device.node} has become another disk; plug it again")


def _btrfs_device(root: int) -> int:
    """The number of the only device of the btrfs that ROOT is on; Fault where it has more."""
    answer = fcntl.ioctl(root, _BTRFS_IOC_FS_INFO, bytes(1024))
    largest, count = struct.unpack_from("=QQ", answer)
    if count != 1:
        raise Fault(
            "unsupported-filesystem",
            f"this btrfs spreads over {count} devices; use a disk with one file system of its own",
        )
    for devid in range(1, min(largest, _BTRFS_MOST_DEVIDS) + 1):
        told = bytearray(struct.pack("=Q", devid).ljust(4096, b"\0"))
        try:
            fcntl.ioctl(root, _BTRFS_IOC_DEV_INFO, told)
        except OSError as error:
            if error.errno != errno.ENODEV:
                raise
            continue
        path = bytes(told[_BTRFS_PATH_AT:]).split(b"\0", 1)[0]
        return os.stat(path).st_rdev
    return 0
