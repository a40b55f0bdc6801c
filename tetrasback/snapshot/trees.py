"""Directories of a tree, opened component by component and never through a link.

A source is alive while it is saved: whoever may write in it can put a link where a directory was.
"""

import os
from collections.abc import Sequence
from typing import Final

DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
KEPT_MAX: Final = 64
"""Directories held open between two questions, for those below them."""


class Tree:
    """The tree at PATH; not for several threads.

    QUIET: to root it leaves no trace in the access times of directories, which in a snapshot would
    each cost room.
    """

    def __init__(self, path: str, *, quiet: bool = False) -> None:
        self.path = path
        self._flags = DIRECTORY | (os.O_NOATIME if quiet and os.geteuid() == 0 else 0)
        self.root = os.open(path, self._flags)
        self._names: list[str] = []
        self._kept: list[int] = []
        """Descriptors of the directories that lead down by `_names`."""
        self._parent: str | None = ""
        """Where that leads, with what is too DEEP for it; None = not known."""
        self._deep: Sequence[str] = ()

    def open(self, path: str) -> int:
        """A descriptor of the directory at PATH below the root ('' = the root), to be closed.

        Raises OSError.
        """
        if not path:
            return os.open(".", self._flags, dir_fd=self.root)
        parent, _, last = path.rpartition("/")
        if parent != self._parent:
            self._go(parent)
        if not self._deep:
            return os.open(last, self._flags, dir_fd=self._kept[-1] if self._kept else self.root)
        here = os.dup(self._kept[-1])
        for part in (*self._deep, last):
            try:
                below = os.open(part, self._flags, dir_fd=here)
            finally:
                os.close(here)
            here = below
        return here

    def _go(self, parent: str) -> None:
        """Keep open what leads to PARENT, as far as may be."""
        parts = parent.split("/") if parent else []
        parts, deep = parts[:KEPT_MAX], parts[KEPT_MAX:]
        names, kept = self._names, self._kept
        self._parent = None
        common = 0
        for part, name in zip(parts, names, strict=False):
            if part != name:
                break
            common += 1
        while len(kept) > common:
            names.pop()
            os.close(kept.pop())
        for part in parts[common:]:
            kept.append(os.open(part, self._flags, dir_fd=kept[-1] if kept else self.root))
            names.append(part)
        self._parent, self._deep = parent, deep

    def close(self) -> None:
        """Let go of everything."""
        self._go("")
        os.close(self.root)


def mount_of(descriptor: int) -> int:
    """The number of the mount that an open directory is on; see proc(5), fdinfo. 0 = not told.

    A bind mount has the device of its file system, and a subvolume of Btrfs a device of its own:
    what is one mount, this tells.
    """
    with open(f"/proc/self/fdinfo/{descriptor}", encoding="ascii") as file:
        for line in file:
            if line.startswith("mnt_id:"):
                return int(line.split()[1])
    return 0
