"""What the workers of a snapshot are to do, and to whom they tell what they meet."""

import os
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from tetrasback.snapshot.here import Here
from tetrasback.snapshot.listing import Excluded, written
from tetrasback.snapshot.manifest import Manifest
from tetrasback.snapshot.trees import Tree


class Reports(Protocol):
    """Where a worker tells what it has met. Paths are relative, '' = the root."""

    def unreadable(self, path: str, why: str) -> None:
        """It is not in the snapshot."""

    def vanished(self, path: str) -> None:
        """It was there a moment ago."""

    def changing(self, path: str) -> None:
        """It changed each time it was read; what is saved may fit nothing it ever was."""

    def lacking(self, path: str, names: str) -> None:
        """It is in the snapshot without these attributes: the disk does not take them."""

    def damaged(self, path: str) -> None:
        """What the snapshot before has of it is not what was written; it is copied anew."""

    def linked(self, path: str, status: os.stat_result, again: bool) -> None:
        """One of several names of a file that is to be copied, left for later.

        AGAIN: others of its names may already share the copy of the snapshot before.
        """

    def touched(self, path: str) -> None:
        """Something was taken out of this directory after it had got its times."""

    def block(self, path: str, lines: bytes, files: int, size: int) -> None:
        """A directory is done: its lines in the manifest."""

    def same(self, place: str) -> None:
        """The directory at PLACE (as written) is done: it has the lines of the manifest before."""

    def count(self, size: int) -> None:
        """So many bytes were copied."""

    def count_files(self, files: int) -> None:
        """So many entries are done."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done."""

    source: Tree
    target: Tree
    previous: Tree | None = None
    manifest: Manifest | None = None
    """Of `previous`; None = there is none that can be believed."""
    in_place: bool = False
    """The target began as a snapshot of `previous`."""
    untouched: bool = False
    """In place: nobody has changed anything in `previous` since its manifest was written."""
    apart: bool = False
    """The target lies in another subvolume than `previous` (or on another file system): names
    cannot be linked, but content may be shared."""
    excluded: Excluded | None = None
    distrusted: Collection[str] = ()
    """Entries of `previous` (paths as written) that were found damaged: never shared."""

    @property
    def covered(self) -> bool:
        """Whether the manifest before tells of attributes, as far as there is one."""
        return self.manifest is None or self.manifest.covers_attributes

    def enter(self, path: str, source: int) -> Here:
        """The directory at PATH, open as SOURCE, with what there is of the snapshot before.

        Raises OSError; then SOURCE is closed.
        """
        here = Here(path, written(path) + "/", source, self.target, self.in_place)
        try:
            self._look_back(here)
        except BaseException:
            here.close()
            raise
        return here

    def _look_back(self, here: Here) -> None:
        if self.manifest is not None:
            here.text = self.manifest.text(written(here.path))
        if self.previous is None:
            return
        try:
            before = self.previous.open(here.path)
        except OSError:
            return  # a new directory, or one that cannot be read: all is copied
        if self.in_place and os.fstat(before).st_dev != os.fstat(self.previous.root).st_dev:
            os.close(before)  # a subvolume in the last one: a snapshot does not have it
        else:
            here.before = before
