"""Donnees, the homes as they are in a backup, back in /home: directory after directory."""

import os
import stat
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from tetrasback.snapshot.attributes import Attributes, Facts, read_attributes
from tetrasback.snapshot.copying import copy_file, copy_special
from tetrasback.snapshot.listing import Named, join, read_directory, written
from tetrasback.snapshot.manifest import Manifest, decode_name
from tetrasback.snapshot.recovery.comparison import Compared
from tetrasback.snapshot.recovery.cursor import Cursor
from tetrasback.snapshot.recovery.destination import Destination, NotRestored, per_entry
from tetrasback.snapshot.recovery.dressing import (
    CAPABILITY,
    SPECIAL_RIGHTS,
    Lenient,
    Proved,
    proved,
)
from tetrasback.snapshot.recovery.tally import DAMAGED, INCOMPLETE, LEFT_OUT, Tally
from tetrasback.snapshot.recovery.wanted import HOME
from tetrasback.snapshot.troubles import SourceTrouble, Vanished, words


@dataclass(slots=True)
class _Level:
    """A directory under way; without its path: those of deep ones would fill the memory."""

    name: str
    entries: Iterator[Named]
    facts: Facts
    attributes: Proved
    compared: Compared | None
    dressed: bool
    """It gets owner, mode and times when it is through."""


@dataclass(frozen=True, slots=True)
class _First:
    """The first name of a file that has several."""

    place: str
    """Where it was put …"""
    file: tuple[int, int]
    """… as which file (device, inode)."""
    sha256: str
    text: str
    is_damaged: bool
    attributes: Attributes
    """All that its copy in the backup has …"""
    proved: Proved
    """… and what of them came back."""


class Homes:
    """Donnees, open as ROOT, with its manifest if there is one that can be read.

    STRICT: nothing that is not as it was written takes the place of anything.
    """

    def __init__(
        self,
        root: int,
        manifest: Manifest | None,
        destination: Destination,
        tally: Tally,
        *,
        strict: bool = False,
    ) -> None:
        self._strict = strict
        self._source = Cursor(root)
        self._manifest = manifest
        self._to = destination
        self._tally = tally
        self._dresser = Lenient()
        self._several: set[int] = set()
        """Inodes of files that have several names in what is restored."""
        self._first: dict[tuple[int, int], _First] = {}
        """Of those, by device and inode on the disk."""
        self.bytes = 0
        """What is to be copied, once it was looked at."""
        self._pending: list[tuple[str, Facts, Proved]] = []
        self._top = ""
        """The directory below Donnees in which what is asked for lies."""
        self._levels: list[_Level] = []
        """Directories under way, from the top down."""
        self._seen: dict[str, bool] = {}
        """Directories that came by, as the manifest writes them, and whether they were entered."""

    # --- before ---------------------------------------------------------------------------------

    def look_at(self, paths: list[str]) -> list[str]:
        """Find what is at PATHS ('' = all); those that are not there.

        Unchanged files have a name in each of several backups, so that only a look at all of them
        tells which have several in this one.
        """
        inodes = array("Q")
        missing = []
        for path in paths:
            try:
                self._look_at(path, inodes)
            except OSError:
                missing.append(path)
        before = -1
        for inode in sorted(inodes):
            if inode == before:
                self._several.add(inode)
            before = inode
        return missing

    def _look_at(self, path: str, inodes: "array[int]") -> None:
        parent, _, name = path.rpartition("/")
        self._source.go(parent)
        status = os.stat(name or ".", dir_fd=self._source.here, follow_symlinks=False)
        if not stat.S_ISDIR(status.st_mode):
            self._look_at_entry(status, inodes)
            return
        depth = [iter([(name, status)] if name else self._list(quiet=True))]
        while depth:
            item = next(depth[-1], None)
            if item is None:
                depth.pop()
                if depth:
                    self._source.up()
                continue
            inner, status = item
            if not stat.S_ISDIR(status.st_mode):
                self._look_at_entry(status, inodes)
                continue
            try:
                self._source.down(inner)
            except OSError:
                continue  # said when it is to be restored
            depth.append(iter(self._list(quiet=True)))

    def _look_at_entry(self, status: os.stat_result, inodes: "array[int]") -> None:
        if status.st_nlink > 1:
            inodes.append(status.st_ino)
        if stat.S_ISREG(status.st_mode):
            self.bytes += status.st_size

    def _list(self, *, quiet: bool = False) -> list[Named]:
        """What the directory holds; what cannot be read of it is said, unless QUIET."""

        def unreadable(name: str, why: str) -> None:
            if not quiet:
                self._tally.met(DAMAGED, self._place(name), f"cannot be read: {why}")

        try:
            return read_directory(self._source.here, "", unreadable)
        except (SourceTrouble, Vanished) as error:
            unreadable("", str(error) or "it is not there")
            return []

    # --- the way back ---------------------------------------------------------------------------

    def restore(self, path: str) -> None:
        """Put what is at PATH back. Raises DiskTrouble."""
        parent, _, name = path.rpartition("/")
        self._top, self._levels = parent, []
        try:
            self._lead_to(parent if path else None)
            self._source.go(parent)
            status = os.stat(name or ".", dir_fd=self._source.here, follow_symlinks=False)
        except OSError as error:
            self._tally.met(DAMAGED, self._place(name), words(error))
            return
        except NotRestored as error:
            self._tally.met(LEFT_OUT, self._place(name), str(error))
            return
        if not stat.S_ISDIR(status.st_mode):
            self._entry(name, status, self._compared(parent))
            return
        self._enter(name, status)
        while self._levels:
            level = self._levels[-1]
            item = next(level.entries, None)
            if item is None:
                self._leave()
            elif stat.S_ISDIR(item[1].st_mode):
                self._enter(*item)
            else:
                self._entry(*item, level.compared)
        self._tell_missing(path)

    def _path(self, name: str = "") -> str:
        """The path below Donnees of NAME in the directory under way, or of that itself."""
        names = [level.name for level in self._levels]
        return "/".join(filter(None, (self._top, *names, name)))

    def _place(self, name: str = "") -> str:
        """The same, as a person knows it."""
        path = self._path(name)
        return join(HOME, path) if path else HOME

    def _compared(self, path: str) -> Compared | None:
        return Compared(self._manifest, path) if self._manifest is not None else None

    def _lead_to(self, parent: str | None) -> None:
        """To the directory PARENT (None = above all); those that are missing are made as they were.

        Raises NotRestored, OSError, DiskTrouble.
        """
        self._to.go("")
        if parent is None:
            return
        self._source.go("")
        path = ""
        for part in (HOME, *(parent.split("/") if parent else ())):
            if path:
                self._source.down(part)
            path = join(path, part)
            status = os.fstat(self._source.here)
            compared = self._compared(path.partition("/")[2])
            facts, wrong = self._facts(status, compared)
            if facts is None:
                raise NotRestored(f"/{path}: {wrong}, and so not made")
            if self._to.directory(part):
                if wrong:
                    self._tally.met(DAMAGED, path, wrong)
                attributes = self._attributes_here(partial(str, path), compared)
                self._pending.append((path, facts, attributes))

    def _facts(self, status: os.stat_result, compared: Compared | None) -> tuple[Facts | None, str]:
        """What a directory is given, and what is wrong with it on the disk ('' = nothing).

        None = nothing tells what it had, and so it is not made.
        """
        if compared is None:
            return status, ""
        wrong = compared.itself(status)
        facts = compared.facts(status) if wrong else status
        if facts is None and not self._strict:
            facts = Proved().facts(status, keep=~SPECIAL_RIGHTS)
        return facts, wrong

    def _attributes_here(self, place: Callable[[], str], compared: Compared | None) -> Proved:
        """Of the directory that the source is in, as COMPARED has it; known as PLACE."""
        try:
            found = read_attributes(self._source.here)
        except (SourceTrouble, Vanished) as error:
            self._tally.met(DAMAGED, place(), f"its attributes cannot be read: {error}")
            return Proved(lacking=True)
        attributes = proved(found, compared.own_attributes() if compared is not None else None)
        if attributes.wrong:
            self._tally.met(DAMAGED, place(), attributes.wrong)
        return attributes

    def _enter(self, name: str, status: os.stat_result) -> None:
        """Into the directory NAME, '' = Donnees itself."""
        place, compared = "", None
        if self._manifest is not None:  # no paths, as long as it is deep, for nothing
            path = self._path(name)
            place, compared = written(path), Compared(self._manifest, path)
        self._seen[place] = False
        try:
            if name:
                self._source.down(name)
        except OSError as error:
            self._tally.met(DAMAGED, self._place(name), f"cannot be read: {words(error)}")
            return
        facts, wrong = self._facts(status, compared)
        if wrong:
            self._tally.met(DAMAGED, self._place(name), wrong)
        if facts is None:
            if name:
                self._source.up()
            return
        try:
            made = self._to.directory(name or HOME)
        except NotRestored as error:
            self._tally.met(LEFT_OUT, self._place(name), str(error))
            if name:
                self._source.up()
            return
        self._seen[place] = True
        level = _Level(name, iter(()), facts, Proved(), compared, made)
        self._levels.append(level)
        level.attributes = self._attributes_here(self._place, compared)
        # One that is there already loses nothing to attributes that were not written.
        kept = self._strict and level.attributes.wrong
        level.dressed = made or (self._to.replace and not kept)
        level.entries = iter(self._list())

    def _leave(self) -> None:
        level = self._levels[-1]
        for path in level.compared.missing() if level.compared is not None else ():
            self._tally.met(DAMAGED, join(HOME, path), "it is not there")
        if level.dressed:
            self._dress(level.facts, level.attributes, self._place)
        self._tally.entry()
        self._levels.pop()
        self._to.up()
        if self._levels:
            self._source.up()

    def _dress(self, facts: Facts, found: Proved, place: Callable[[], str]) -> None:
        try:
            with per_entry():
                self._dresser.dress(self._to.here, found.facts(facts), found.attributes)
        except NotRestored as error:
            self._tally.met(INCOMPLETE, place(), str(error))
        self._tell_lost(place)

    def _tell_lost(self, place: Callable[[], str]) -> None:
        lost = self._dresser.lost()
        if lost:
            self._tally.met(INCOMPLETE, place(), f"without its attributes {lost}")

    def _tell_missing(self, path: str) -> None:
        """Directories below PATH that the manifest has and that did not come by."""
        top = written(path)
        for place in self._manifest.blocks if self._manifest is not None else ():
            within = place == top or place.startswith(top + "/")
            if within and place not in self._seen and self._seen.get(place.rpartition("/")[0]):
                self._tally.met(DAMAGED, join(HOME, decode_name(place)[2:]), "it is not there")

    # --- entries --------------------------------------------------------------------------------

    def _entry(self, name: str, status: os.stat_result, compared: Compared | None) -> None:
        try:
            if not self._link(name, status, compared):
                self._copy(name, status, compared)
        except NotRestored as error:
            self._to.discard(name)
            self._tally.met(LEFT_OUT, self._place(name), str(error))
        except SourceTrouble as error:
            self._tally.met(DAMAGED, self._place(name), f"cannot be read: {error}")
        except Vanished:
            self._tally.met(DAMAGED, self._place(name), "it is not there")
        self._tell_lost(lambda: self._place(name))
        self._tally.entry()

    def _copy(self, name: str, status: os.stat_result, compared: Compared | None) -> None:
        """Raises NotRestored, SourceTrouble, Vanished, DiskTrouble."""
        sha256 = text = ""
        with per_entry():
            if stat.S_ISREG(status.st_mode):
                copied = copy_file(
                    self._source.here, self._to.staging, name, self._tally.count, self._dresser
                )
                sha256, status, found = copied.sha256, copied.status, copied.attributes
            else:
                text, found, _ = copy_special(
                    self._source.here, self._to.staging, name, status, self._dresser
                )
        attributes, wrong = Proved(found), ""
        if compared is not None:
            path = self._path(name)
            attributes = proved(found, compared.attributes(path))
            wrong = compared.entry(path, status, sha256, text)
        if wrong:
            self._tally.met(DAMAGED, self._place(name), wrong)
        if attributes.wrong:
            self._tally.met(DAMAGED, self._place(name), attributes.wrong)
        if self._strict and (wrong or attributes.wrong):
            raise NotRestored("it is not what was written, and so not put in place")
        if attributes.wrong:
            self._take_away(name, status, attributes)
        if wrong:
            self._distrust(name, attributes.mode(status.st_mode))
        made = os.lstat(name, dir_fd=self._to.staging)
        self._to.place(name)
        if status.st_ino in self._several:
            file = made.st_dev, made.st_ino
            place = self._place(name)
            first = _First(place, file, sha256, text, bool(wrong), found, attributes)
            self._first.setdefault((status.st_dev, status.st_ino), first)

    def _take_away(self, name: str, status: os.stat_result, attributes: Proved) -> None:
        """What NAME in `staging`, which nobody else can enter, was given and may not keep."""
        made = f"/proc/self/fd/{self._to.staging}/{name}"
        with per_entry():
            there = os.listxattr(made, follow_symlinks=False)
            for other in attributes.others:
                if other in there:
                    os.removexattr(made, other, follow_symlinks=False)
            if not stat.S_ISLNK(status.st_mode):
                mode = stat.S_IMODE(attributes.mode(status.st_mode))
                os.chmod(name, mode, dir_fd=self._to.staging)

    def _distrust(self, name: str, mode: int) -> None:
        """What is not as the server wrote it must not give anybody the rights of another."""
        if stat.S_ISBLK(mode) or stat.S_ISCHR(mode):
            raise NotRestored("a device that is not what was written")
        if not stat.S_ISREG(mode):
            return
        with per_entry():
            if mode & SPECIAL_RIGHTS:
                # Nobody else can enter `staging`, so this is no link.
                os.chmod(name, stat.S_IMODE(mode) & ~SPECIAL_RIGHTS, dir_fd=self._to.staging)
            made = f"/proc/self/fd/{self._to.staging}/{name}"
            if CAPABILITY in os.listxattr(made, follow_symlinks=False):
                os.removexattr(made, CAPABILITY, follow_symlinks=False)

    def _link(self, name: str, status: os.stat_result, compared: Compared | None) -> bool:
        """Make it another name of what was restored, if it is one. Raises NotRestored.

        Whoever had the disk may have made a name of one file that of another.
        """
        first = self._first.get((status.st_dev, status.st_ino))
        if first is None:
            return False
        known = self._path(name), status, first.sha256, first.text
        if compared is not None:
            word = compared.attributes(self._path(name))
            if bool(compared.look(*known)) != first.is_damaged:
                return False
            if proved(first.attributes, word) != first.proved:
                return False
        try:
            made = self._to.stage_link(first.place, name)
        except NotRestored:
            return False  # too many names for this file system, or on another one
        if (made.st_dev, made.st_ino) != first.file:
            self._to.discard(name)
            return False
        wrong = compared.entry(*known) if compared is not None else ""
        if wrong:
            self._tally.met(DAMAGED, self._place(name), wrong)
        self._to.place(name)
        return True

    def finish(self) -> None:
        """Give the directories that led to what was restored what they had. Raises DiskTrouble."""
        for path, facts, attributes in reversed(self._pending):
            try:
                self._to.go(path)
            except NotRestored:
                continue
            self._dress(facts, attributes, partial(str, path))

    def close(self) -> None:
        """Let go of everything."""
        self._source.close()
