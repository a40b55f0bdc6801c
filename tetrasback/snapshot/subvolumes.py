"""Btrfs: a writable snapshot of a subvolume, by the kernel's own calls (linux/btrfs.h)."""

import fcntl
import os
import struct
from typing import Final

_MAGIC: Final = 0x94
_SNAP_CREATE_V2: Final = 1 << 30 | 4096 << 16 | _MAGIC << 8 | 23
_SUBVOL_CREATE_V2: Final = 1 << 30 | 4096 << 16 | _MAGIC << 8 | 24
_SNAP_DESTROY: Final = 1 << 30 | 4096 << 16 | _MAGIC << 8 | 15
_FS_INFO: Final = 2 << 30 | 1024 << 16 | _MAGIC << 8 | 31
_ROOT_INODE: Final = 256
"""Inode number of the top directory of every subvolume."""

_ARGS_V2: Final = struct.Struct("=q Q Q 32x 4040s")
"""struct btrfs_ioctl_vol_args_v2: fd, transid, flags, unused, name."""
_ARGS: Final = struct.Struct("=q 4088s")
"""struct btrfs_ioctl_vol_args: fd, name."""


def is_subvolume(descriptor: int) -> bool:
    """Whether an open directory of a Btrfs is the top of a subvolume."""
    return os.fstat(descriptor).st_ino == _ROOT_INODE and on_btrfs(descriptor)


def on_btrfs(descriptor: int) -> bool:
    """Whether an open directory lies on a Btrfs."""
    try:
        fcntl.ioctl(descriptor, _FS_INFO, bytearray(1024))
    except OSError:
        return False
    return True


def create(directory: int, name: str) -> None:
    """Make an empty subvolume NAME in the open DIRECTORY. Raises OSError where it is no Btrfs."""
    fcntl.ioctl(directory, _SUBVOL_CREATE_V2, bytearray(_ARGS_V2.pack(0, 0, 0, os.fsencode(name))))


def snapshot(source: int, directory: int, name: str) -> None:
    """Make NAME in the open DIRECTORY a writable snapshot of the open subvolume SOURCE."""
    fcntl.ioctl(
        directory, _SNAP_CREATE_V2, bytearray(_ARGS_V2.pack(source, 0, 0, os.fsencode(name)))
    )


def destroy(directory: int, name: str) -> None:
    """Remove the subvolume NAME in the open DIRECTORY, at once whatever it holds."""
    fcntl.ioctl(directory, _SNAP_DESTROY, bytearray(_ARGS.pack(0, os.fsencode(name))))
