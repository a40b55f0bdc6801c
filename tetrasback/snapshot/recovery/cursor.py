"""A place in a tree, moved a directory at a time, never through a link, however deep it is."""

import errno
import os
from typing import Final

from tetrasback.snapshot.trees import DIRECTORY

KEPT_MAX: Final = 100
"""Directories on the way from the root that are held open."""


class Cursor:
    """Begins at the open directory ROOT.

    The way up is that by which it came down: by a descriptor that was kept, or by ``..`` if that
    is still the same directory.
    """

    def __init__(self, root: int) -> None:
        self._open = [os.open(".", DIRECTORY, dir_fd=root)]
        """The first directories of the way, and the last."""
        self._ids = [_identity(self._open[0])]
        self._names: list[str] = []

    @property
    def here(self) -> int:
        """A descriptor of the directory; not to be closed."""
        return self._open[-1]

    @property
    def identity(self) -> tuple[int, int]:
        """Device and inode of the directory."""
        return self._ids[-1]

    def down(self, name: str) -> None:
        """Into the directory NAME. Raises OSError; then it has not moved."""
        self.enter(name, os.open(name, DIRECTORY, dir_fd=self.here))

    def enter(self, name: str, descriptor: int) -> None:
        """Into an open directory, called NAME here; its DESCRIPTOR is the cursor's from now on."""
        self._ids.append(_identity(descriptor))
        self._names.append(name)
        if len(self._open) > KEPT_MAX:
            os.close(self._open.pop())
        self._open.append(descriptor)

    def up(self) -> None:
        """Out of the directory. Raises OSError where somebody has moved it away."""
        depth = len(self._names) - 1
        if depth < KEPT_MAX:
            os.close(self._open.pop())
        else:
            above = os.open("..", DIRECTORY, dir_fd=self.here)
            if _identity(above) != self._ids[-2]:
                os.close(above)
                raise OSError(errno.ESTALE, "a directory was moved meanwhile", self._names[-1])
            os.close(self._open.pop())
            self._open.append(above)
        self._ids.pop()
        self._names.pop()

    def go(self, path: str) -> None:
        """To the directory at PATH below the root. Raises OSError; it is then on the way there."""
        parts = path.split("/") if path else []
        common = 0
        for name, part in zip(self._names, parts, strict=False):
            if name != part:
                break
            common += 1
        while len(self._names) > common:
            self.up()
        for part in parts[common:]:
            self.down(part)

    def close(self) -> None:
        """Let go of everything."""
        while self._open:
            os.close(self._open.pop())


def _identity(descriptor: int) -> tuple[int, int]:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino
