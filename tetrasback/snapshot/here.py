"""The directory that a worker is at: what is open of it, what was told of it, what is done."""

import os
import stat
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

from tetrasback.snapshot.trees import Tree
from tetrasback.snapshot.troubles import disk_trouble

_NOTHING: Final[frozenset[str]] = frozenset()


@dataclass(slots=True)
class Here:
    """A directory at PATH, open in the SOURCE; use it as a context that closes it."""

    path: str
    prefix: str
    """What the paths of its entries begin with, as a manifest writes them."""
    source: int
    tree: Tree
    """The one that is filled."""
    in_place: bool
    """It began as a snapshot of the one before."""
    before: int = -1
    """The same directory in the snapshot before; -1 = it has none."""
    text: str = ""
    """Its lines in the manifest before."""
    lines: list[str] = field(default_factory=list)
    """Of its entries that are done."""
    files: int = 0
    bytes: int = 0
    _target: int = -1
    _old: dict[str, str] | None = None
    _present: set[str] | None = None

    @property
    def target(self) -> int:
        """The directory that is filled, opened once it is needed. Raises DiskTrouble."""
        if self._target < 0:
            try:
                self._target = self.tree.open(self.path)
            except OSError as error:
                raise disk_trouble(error, self.path) from error
        return self._target

    @property
    def is_touched(self) -> bool:
        """Whether something may have been done in the directory that is filled."""
        return self._target >= 0

    @property
    def present(self) -> AbstractSet[str]:
        """What the directory that is filled began with. Raises DiskTrouble."""
        if not self.in_place:
            return _NOTHING
        if self._present is None:
            try:
                self._present = set(os.listdir(self.target))
            except OSError as error:
                raise disk_trouble(error, self.path) from error
        return self._present

    def add(self, line: str, status: os.stat_result) -> None:
        """An entry with this state is done: its LINE in the manifest."""
        self.lines.append(line)
        self.files += 1
        if stat.S_ISREG(status.st_mode):
            self.bytes += status.st_size

    def forget(self, name: str) -> None:
        """NAME is not there any more."""
        if self._present is not None:
            self._present.discard(name)

    @property
    def old(self) -> dict[str, str]:
        """The lines of the manifest before: path as written → the rest."""
        if self._old is None:
            words = (line.partition(" ") for line in self.text.splitlines())
            self._old = {path: rest for path, _, rest in words}
        return self._old

    def close(self) -> None:
        """Let go of what is open."""
        for descriptor in (self.source, self._target, self.before):
            if descriptor >= 0:
                os.close(descriptor)
