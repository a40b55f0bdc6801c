"""Directories of a tree, opened component by component and never through a link.

A source is alive while it is saved: whoever may write in it can put a link where a directory was.
"""

import os
from typing import Final

DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
KEPT_MAX: Final = 64
"""Directories held open between two questions, for those below them."""


class Tree:
    """The tree at PATH; not for several threads."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.root = os.open(path, DIRECTORY)
        self._names: list[str] = []
        self._kept: list[int] = []
        """Descriptors of the directories that lead down by `_names`."""

    def open(self, path: str) -> int:
        """A descriptor of the directory at PATH below the root ('' = the root), to be closed.

        Raises OSError.
        """
        if not path:
            return os.open(".", DIRECTORY, dir_fd=self.root)
        *parts, last = path.split("/")
        self._keep(parts[:KEPT_MAX])
        here = self._kept[-1] if self._kept else self.root
        deep = parts[KEPT_MAX:]
        if not deep:
            return os.open(last, DIRECTORY, dir_fd=here)
        here = os.dup(here)
        for part in (*deep, last):
            try:
                below = os.open(part, DIRECTORY, dir_fd=here)
            finally:
                os.close(here)
            here = below
        return here

    def _keep(self, parts: list[str]) -> None:
        common = 0
        while common < min(len(parts), len(self._names)) and parts[common] == self._names[common]:
            common += 1
        while len(self._kept) > common:
            self._names.pop()
            os.close(self._kept.pop())
        for part in parts[common:]:
            here = self._kept[-1] if self._kept else self.root
            self._kept.append(os.open(part, DIRECTORY, dir_fd=here))
            self._names.append(part)

    def close(self) -> None:
        """Let go of everything."""
        self._keep([])
        os.close(self.root)
