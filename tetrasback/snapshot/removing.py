"""Taking a tree away, never through a link and never beyond its file system.

On Btrfs a tree may hold subvolumes. To stat(2) these look like other file systems, but they lie in
the same mount, and are removed as a whole; the kernel frees their room afterwards (`settling`).
"""

import errno
import os
from typing import Final

from tetrasback.snapshot import subvolumes
from tetrasback.snapshot.trees import DIRECTORY, mount_of

_DIRECTORY_ERRORS: Final = (IsADirectoryError, PermissionError)


def remove(directory: int, name: str) -> None:
    """Remove NAME in the open DIRECTORY, with all that is below it. Raises OSError."""
    try:
        os.unlink(name, dir_fd=directory)
        return
    except _DIRECTORY_ERRORS:
        pass  # a directory; which of both errors depends on the file system
    # Deeper than any recursion may go: a stack of open directories would be bounded by the limit
    # of descriptors, so each is emptied by moving what is below into the one on top.
    below = os.open(name, DIRECTORY, dir_fd=directory)
    try:
        if _is_subvolume(directory, name, below):
            _destroy(directory, name, below)
            return
        _empty(below)
    finally:
        os.close(below)
    os.rmdir(name, dir_fd=directory)


def _is_subvolume(directory: int, name: str, below: int) -> bool:
    """Whether BELOW, open, and NAME in DIRECTORY, is the top of a subvolume.

    Raises OSError where another file system is mounted there.
    """
    if os.fstat(below).st_dev == os.fstat(directory).st_dev:
        return False
    if mount_of(below) != mount_of(directory):
        raise OSError(errno.EXDEV, "another file system is mounted there", name)
    return subvolumes.is_subvolume(below)


def _destroy(directory: int, name: str, below: int) -> None:
    try:
        subvolumes.destroy(directory, name)
    except OSError as error:
        if error.errno != errno.ENOTEMPTY:
            raise
        _empty(below)  # it holds others
        subvolumes.destroy(directory, name)


def _empty(top: int) -> None:
    spare = 0
    while names := _names(top):
        for name in names:
            try:
                os.unlink(name, dir_fd=top)
                continue
            except _DIRECTORY_ERRORS:
                pass
            below = os.open(name, DIRECTORY, dir_fd=top)
            try:
                if _is_subvolume(top, name, below):
                    _destroy(top, name, below)
                    continue
                spare = _lift(below, top, spare)
            finally:
                os.close(below)
            os.rmdir(name, dir_fd=top)


def _names(directory: int) -> list[str]:
    # Btrfs (Linux 6.5) shows what was there when the directory was opened, or set to its beginning.
    os.lseek(directory, 0, os.SEEK_SET)
    return os.listdir(directory)


def _lift(below: int, top: int, spare: int) -> int:
    """Unlink the files of BELOW and move its directories up into TOP, under names nobody has."""
    for name in os.listdir(below):
        try:
            os.unlink(name, dir_fd=below)
        except _DIRECTORY_ERRORS:
            while True:
                spare += 1
                lifted = f".removing-{spare}"
                try:
                    os.stat(lifted, dir_fd=top, follow_symlinks=False)
                except FileNotFoundError:
                    break
            os.rename(name, lifted, src_dir_fd=below, dst_dir_fd=top)
    return spare
