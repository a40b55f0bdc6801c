"""The mount calls that Python 3.11 does not have, by way of the C library.

Each raises OSError with the kernel's error number. Numbers: <sys/mount.h>, <sched.h> of Linux.
"""

import ctypes
import os
import struct
from typing import Final

from tetrasback.adapters import sysfs
from tetrasback.errors import Failed

MS_RDONLY: Final = 1
MS_NOSUID: Final = 2
MS_NODEV: Final = 4
MS_NOEXEC: Final = 8
MS_NOSYMFOLLOW: Final = 256
MS_NOATIME: Final = 1024
_MS_REC: Final = 16384
_MS_SLAVE: Final = 1 << 19

_MNT_DETACH: Final = 2
_UMOUNT_NOFOLLOW: Final = 8

_CLONE_NEWNS: Final = 0x00020000

_MOUNT_SETATTR: Final = 442
"""The system call, the same on every architecture that Debian has."""
_AT_FDCWD: Final = -100
_AT_SYMLINK_NOFOLLOW: Final = 0x100
_MOUNT_ATTR_RDONLY: Final = 1

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = (
    ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p,
)  # fmt: skip
_libc.umount2.argtypes = (ctypes.c_char_p, ctypes.c_int)
_libc.unshare.argtypes = (ctypes.c_int,)
_libc.syncfs.argtypes = (ctypes.c_int,)
_libc.syscall.argtypes = (
    ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint, ctypes.c_char_p, ctypes.c_size_t,
)  # fmt: skip


def enter_private_namespace() -> None:
    """Give this process a mount namespace of its own, which the host's mounts still flow into.

    Where systemd has given it one already, and forbids it another (RestrictNamespaces=), that will
    do. To be called before any thread exists: the kernel moves only the thread that asks. Raises
    Failed, for an administrator.
    """
    try:
        try:
            _check(_libc.unshare(_CLONE_NEWNS), "unshare")
        except PermissionError:
            if not sysfs.is_namespace_of_our_own():
                raise
        # Slave, not private: a disk that the host unmounts must not live on in our copy.
        _check(_libc.mount(None, b"/", None, _MS_REC | _MS_SLAVE, None), "/")
    except OSError as error:
        hint = "; run it as root" if isinstance(error, PermissionError) else ""
        raise Failed(f"no mount namespace of our own: {error.strerror}{hint}") from None


def mount(source: str, target: str, fstype: str, flags: int, data: str = "") -> None:
    """mount(2); DATA are the file system's own options."""
    result = _libc.mount(
        os.fsencode(source), os.fsencode(target), fstype.encode(), flags, data.encode()
    )
    _check(result, target)


def unmount(target: str, *, detach: bool = False) -> None:
    """umount2(2), never through a symbolic link; DETACH: out of sight now, gone when unused."""
    flags = _UMOUNT_NOFOLLOW | (_MNT_DETACH if detach else 0)
    _check(_libc.umount2(os.fsencode(target), flags), target)


def set_read_only(point: str, read_only: bool) -> None:
    """mount_setattr(2): whether the mount at POINT, the file system aside, can be written to."""
    to_set, to_clear = (_MOUNT_ATTR_RDONLY, 0) if read_only else (0, _MOUNT_ATTR_RDONLY)
    attributes = struct.pack("=4Q", to_set, to_clear, 0, 0)
    result = _libc.syscall(
        *(_MOUNT_SETATTR, _AT_FDCWD, os.fsencode(point), _AT_SYMLINK_NOFOLLOW),
        *(attributes, len(attributes)),
    )
    _check(result, point)


def syncfs(descriptor: int) -> None:
    """syncfs(2): write everything; fails if anything could not be since DESCRIPTOR was opened."""
    _check(_libc.syncfs(descriptor), "syncfs")


def _check(result: int, name: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)
