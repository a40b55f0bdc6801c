"""System calls that Python lacks."""

import ctypes
import errno
import os
from typing import Final

_RENAME_NOREPLACE: Final = 1
_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.renameat2.argtypes = (
    *(ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p),
    ctypes.c_uint,
)


def rename_new(source: int, old: str, target: int, new: str) -> None:
    """Move OLD in the directory SOURCE to NEW in TARGET, where nothing may be. Raises OSError."""
    try:
        _check(
            _libc.renameat2(source, os.fsencode(old), target, os.fsencode(new), _RENAME_NOREPLACE)
        )
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS):
            raise
        _rename_unless_there(source, old, target, new)


def _rename_unless_there(source: int, old: str, target: int, new: str) -> None:
    """As good as it gets on a file system that does not know the flag."""
    try:
        os.lstat(new, dir_fd=target)
    except FileNotFoundError:
        os.rename(old, new, src_dir_fd=source, dst_dir_fd=target)
    else:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), new)


def syncfs(descriptor: int) -> None:
    """Write everything; fails if anything could not be since DESCRIPTOR was opened."""
    _check(_libc.syncfs(descriptor))


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
