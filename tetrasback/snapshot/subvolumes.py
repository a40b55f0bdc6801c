"""Btrfs: subvolumes and their snapshots, by the kernel's own calls.

Formats: include/uapi/linux/btrfs.h and btrfs_tree.h of Linux.
"""

import fcntl
import os
import struct
from collections.abc import Iterator
from typing import Final

_MAGIC: Final = 0x94
_SNAP_CREATE_V2: Final = 1 << 30 | 4096 << 16 | _MAGIC << 8 | 23
_SUBVOL_CREATE_V2: Final = 1 << 30 | 4096 << 16 | _MAGIC << 8 | 24
_SNAP_DESTROY: Final = 1 << 30 | 4096 << 16 | _MAGIC << 8 | 15
_SYNC: Final = _MAGIC << 8 | 8
_TREE_SEARCH: Final = 3 << 30 | 4096 << 16 | _MAGIC << 8 | 17
_FS_INFO: Final = 2 << 30 | 1024 << 16 | _MAGIC << 8 | 31
_SUBVOL_INFO: Final = 2 << 30 | 504 << 16 | _MAGIC << 8 | 60
_ROOT_INODE: Final = 256
"""Inode number of the top directory of every subvolume."""
EMPTY_SUBVOLUME: Final = 2
"""Inode number of what a snapshot has in the place of a subvolume below: a directory in which
nothing can be made."""

_ARGS_V2: Final = struct.Struct("=q Q Q 32x 4040s")
"""struct btrfs_ioctl_vol_args_v2: fd, transid, flags, unused, name."""
_ARGS: Final = struct.Struct("=q 4088s")
"""struct btrfs_ioctl_vol_args: fd, name."""
_SEARCH: Final = struct.Struct("=Q QQ QQ QQ II I 36x")
"""struct btrfs_ioctl_search_key: tree; least and greatest of object, offset, transaction, type; at
most so many items (how many there are, when it comes back)."""
_FOUND: Final = struct.Struct("=Q QQ II")
"""struct btrfs_ioctl_search_header: transaction, object, offset, type, length of what follows."""
_SUBVOLUME: Final = struct.Struct("=296x 16s 32x Q 152x")
"""struct btrfs_ioctl_get_subvol_info_args: UUID, and the transaction of the last change in it."""

_ROOT_TREE: Final = 1
_ROOT_ITEM: Final = 132
_ORPHAN_ITEM: Final = 48
_ORPHANS: Final = (1 << 64) - 5
_ALL: Final = (1 << 64) - 1


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


def state(descriptor: int) -> str:
    """A word for all that is in the subvolume whose top is open; '' = it is none, or not told.

    Any change of a content, a name or an attribute in it changes the word. What is not written yet
    does not count: ask after a sync, or after a snapshot was made of it.
    """
    answer = bytearray(_SUBVOLUME.size)
    try:
        if not is_subvolume(descriptor):
            return ""
        fcntl.ioctl(descriptor, _SUBVOL_INFO, answer)  # since Linux 4.18
    except OSError:
        return ""
    name, changed = _SUBVOLUME.unpack(answer)
    return f"{name.hex()}:{changed}"


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


def dying(descriptor: int) -> dict[int, bytes]:
    """The subvolumes that were removed and whose room is not free yet: number → how far it is.

    Of the file system that an open directory is on. Raises OSError.
    """
    orphans = [offset for offset, _ in _search(descriptor, _ORPHANS, _ORPHAN_ITEM)]
    found = {}
    for number in orphans:
        # Other things may be orphans too; a root item is what makes it a subvolume.
        for _, item in _search(descriptor, number, _ROOT_ITEM):
            found[number] = item
    return found


def _search(descriptor: int, object_: int, kind: int) -> Iterator[tuple[int, bytes]]:
    """Items of the root tree: offset and content; as many as one answer holds."""
    head = _SEARCH.pack(_ROOT_TREE, object_, object_, 0, _ALL, 0, _ALL, kind, kind, 1 << 10)
    answer = bytearray(head.ljust(4096, b"\0"))
    fcntl.ioctl(descriptor, _TREE_SEARCH, answer)
    position = _SEARCH.size
    for _ in range(_SEARCH.unpack_from(answer)[-1]):
        _, _, offset, _, length = _FOUND.unpack_from(answer, position)
        position += _FOUND.size
        yield offset, bytes(answer[position : position + length])
        position += length


def sync(descriptor: int) -> None:
    """Write everything, and wake up the kernel's thread that frees what was removed. OSError."""
    fcntl.ioctl(descriptor, _SYNC)
