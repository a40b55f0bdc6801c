"""Taking a tree away, never through a link and never beyond its file system."""

import os
from typing import Final

from tetrasback.snapshot.trees import DIRECTORY

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
        _empty(below)
    finally:
        os.close(below)
    os.rmdir(name, dir_fd=directory)


def _empty(top: int) -> None:
    device = os.fstat(top).st_dev
    spare = 0
    while names := os.listdir(top):
        for name in names:
            try:
                os.unlink(name, dir_fd=top)
                continue
            except _DIRECTORY_ERRORS:
                pass
            below = os.open(name, DIRECTORY, dir_fd=top)
            try:
                if os.fstat(below).st_dev != device:
                    raise OSError(18, "another file system is mounted there", name)
                spare = _lift(below, top, spare)
            finally:
                os.close(below)
            os.rmdir(name, dir_fd=top)


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
