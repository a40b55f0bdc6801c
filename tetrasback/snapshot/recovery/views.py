"""Two ways to look at the homes in a backup: by its manifest, and by what lies on the disk."""

import os
import stat
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from tetrasback.snapshot.attributes import read_attributes, seal
from tetrasback.snapshot.copying import hash_file
from tetrasback.snapshot.listing import read_directory, written
from tetrasback.snapshot.manifest import ATTRIBUTES, Manifest, decode_name, read_line
from tetrasback.snapshot.recovery.cursor import Cursor
from tetrasback.snapshot.troubles import SourceTrouble, Vanished

UNREADABLE: Final = "unreadable"
_CONTENT: Final = ("type", "size", "sha256", "link", "device")
_REST: Final = ("uid", "gid", "mode", "time")


@dataclass(frozen=True, slots=True)
class Item:
    """One entry. Two are the same where all words that can be compared are."""

    directory: bool
    content: tuple[str, ...]
    """Kind, and what tells one content from another as far as a glance does."""
    rest: tuple[str, ...]
    """Owner, mode, times."""
    file: tuple[int, int] | None = None
    """Device and inode on the disk, of which two backups may share one."""
    read: Callable[[], str] | None = None
    """Reads the content, for its digest; None = `content` has it."""
    attributes: Callable[[], str] | None = None
    """Tells the word for the extended attributes (`attributes.seal`)."""
    touched: str = ""
    """When and which inode it was in the source, if that is known."""


class View(Protocol):
    """The homes in a backup."""

    def directory(self, path: str) -> Mapping[str, Item]:
        """What the directory at PATH holds, by name; nothing where it is none."""


class NoView:
    """A backup without homes."""

    def directory(self, path: str) -> Mapping[str, Item]:
        """See View."""
        return {}


class ManifestView:
    """By MANIFEST; ROOT, the homes on the disk, is asked for attributes alone, where that is an
    older one that does not cover them."""

    def __init__(self, manifest: Manifest, root: int) -> None:
        self._manifest = manifest
        self._cursor = Cursor(root)
        self._below: defaultdict[str, list[str]] = defaultdict(list)
        for place in manifest.blocks:
            parent, _, name = place.rpartition("/")
            if parent:
                self._below[parent].append(name)

    def directory(self, path: str) -> Mapping[str, Item]:
        """See View. Raises BadManifest."""
        place = written(path)
        lines = self._manifest.lines(place)
        lines.pop(place, None)
        for name in self._below.get(place, ()):
            below = f"{place}/{name}"
            lines[below] = self._manifest.lines(below).get(below, "")
        found = {}
        for where, rest in lines.items():
            name = decode_name(where.rpartition("/")[2])
            words = read_line(f"{where} {rest or 'type=dir'}").words
            attributes = partial(_attributes, self._cursor, path, name)
            if self._manifest.covers_attributes:
                attributes = partial(str, words.get(ATTRIBUTES, ""))
            found[name] = Item(
                words["type"] == "dir",
                tuple(words.get(word, "") for word in _CONTENT),
                tuple(words.get(word, "") for word in _REST),
                touched=words.get("tags", ""),
                attributes=attributes,
            )
        return found


class TreeView:
    """By what lies on the disk in the open directory ROOT."""

    def __init__(self, root: int) -> None:
        self._cursor = Cursor(root)

    def directory(self, path: str) -> Mapping[str, Item]:
        """See View."""
        try:
            self._cursor.go(path)
            entries = read_directory(self._cursor.here, path, lambda path, why: None)
        except (OSError, SourceTrouble, Vanished):
            return {}
        return {name: self._item(path, name, status) for name, status in entries}

    def _item(self, path: str, name: str, status: os.stat_result) -> Item:
        kind = stat.S_IFMT(status.st_mode)
        size = str(status.st_size) if kind == stat.S_IFREG else ""
        text = ""
        if kind == stat.S_IFLNK:
            text = os.readlink(name, dir_fd=self._cursor.here)
        return Item(
            kind == stat.S_IFDIR,
            (str(kind), size, text, str(status.st_rdev)),
            (
                *(str(status.st_uid), str(status.st_gid), str(stat.S_IMODE(status.st_mode))),
                str(status.st_mtime_ns),
            ),
            (status.st_dev, status.st_ino),
            partial(_digest, self._cursor, path, name) if kind == stat.S_IFREG else None,
            partial(_attributes, self._cursor, path, name),
        )


def _digest(cursor: Cursor, path: str, name: str) -> str:
    try:
        cursor.go(path)
        return hash_file(cursor.here, name, lambda size: None).sha256
    except (OSError, SourceTrouble, Vanished):
        return UNREADABLE


def _attributes(cursor: Cursor, path: str, name: str) -> str:
    try:
        cursor.go(path)
        return seal(read_attributes(f"/proc/self/fd/{cursor.here}/{name}", follow=False))
    except (OSError, SourceTrouble, Vanished):
        return UNREADABLE
