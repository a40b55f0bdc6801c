"""What a directory of the source holds: its entries, sorted, without those that are left out."""

import os
import stat
from collections.abc import Callable
from typing import Final

from tetrasback.snapshot.manifest import encode_name
from tetrasback.snapshot.troubles import source_trouble, words

Excluded = Callable[[str, bool], bool]
"""Whether the entry at a path below the source, a directory or not, is left out."""

CACHE_TAG: Final = "CACHEDIR.TAG"
CACHE_SIGNATURE: Final = b"Signature: 8a477f597d28d172789f06886806bc55"
"""As https://bford.info/cachedir/ has it: a directory with such a file is nothing but a cache."""

Named = tuple[str, os.stat_result]
Unreadable = Callable[[str, str], None]
"""Told of an entry's path and what the kernel says of it."""


def written(path: str) -> str:
    """The path of an entry below the root ('' = the root), as a manifest writes it."""
    return "./" + encode_name(path) if path else "."


def join(path: str, name: str) -> str:
    """The path of NAME in the directory PATH."""
    return f"{path}/{name}" if path else name


def list_directory(
    descriptor: int,
    path: str,
    excluded: Excluded | None,
    unreadable: Unreadable,
) -> list[Named]:
    """The entries that are to be saved of the open directory at PATH, by name.

    Raises SourceTrouble, Vanished.
    """
    found = read_directory(descriptor, path, unreadable)
    if _is_cache(descriptor, found):
        found = [item for item in found if item[0] == CACHE_TAG]
    if excluded is not None:
        found = [
            item
            for item in found
            if not excluded(join(path, item[0]), stat.S_ISDIR(item[1].st_mode))
        ]
    return found


def read_directory(descriptor: int, path: str, unreadable: Unreadable) -> list[Named]:
    """All entries of the open directory at PATH, by name. Raises SourceTrouble, Vanished."""
    try:
        names = os.listdir(descriptor)
    except OSError as error:
        raise source_trouble(error) from error
    names.sort()
    found: list[Named] = []
    look = os.stat
    for name in names:
        try:
            found.append((name, look(name, dir_fd=descriptor, follow_symlinks=False)))
        except FileNotFoundError:
            continue  # between the two questions: as if it had been gone before
        except OSError as error:
            unreadable(join(path, name), words(error))
    return found


def _is_cache(descriptor: int, found: list[Named]) -> bool:
    for name, status in found:
        if name == CACHE_TAG:
            return stat.S_ISREG(status.st_mode) and is_cache(descriptor)
    return False


def is_cache(descriptor: int) -> bool:
    """Whether the open directory says of itself that it is nothing but a cache."""
    try:
        tag = os.open(
            CACHE_TAG, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=descriptor
        )
    except OSError:
        return False
    try:
        return os.read(tag, len(CACHE_SIGNATURE)) == CACHE_SIGNATURE
    except OSError:
        return False
    finally:
        os.close(tag)
