"""What is asked for: paths as on the server, of which one may lie in another."""

from collections.abc import Iterable
from typing import Final

from tetrasback.snapshot.troubles import Refused

HOME: Final = "home"
"""What a backup has as files, in Donnees; all else is in its archive."""


def read_path(text: str) -> str:
    """A path such as ``/etc/fstab``, without its first slash; '' = everything. Raises Refused."""
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if not text.startswith("/") or ".." in parts or "\0" in text:
        raise Refused(f"not a path as on the server, such as /etc/fstab: {text[:200]}")
    return "/".join(parts)


def outermost(paths: Iterable[str]) -> list[str]:
    """Those of PATHS that lie in no other, each once, in order."""
    kept: list[str] = []
    for path in sorted(set(paths), key=lambda path: path.split("/") if path else []):
        if not (kept and is_within(path, kept[-1])):
            kept.append(path)
    return kept


def is_within(path: str, top: str) -> bool:
    """Whether PATH is TOP or lies below it."""
    return not top or path == top or path.startswith(top + "/")


def split(paths: Iterable[str], homes: bool) -> tuple[list[str], list[str]]:
    """Of PATHS (none = everything): what lies in the homes, below them, and what in the archive.

    HOMES: whether there are homes besides the archive.
    """
    below, others = [], []
    for path in outermost(paths) or [""]:
        top, _, rest = path.partition("/")
        if homes and (not path or top == HOME):
            below.append(rest)
        if not (homes and top == HOME):
            others.append(path)
    return below, others


class Wanted:
    """PATHS of an archive, none in another; '' = all. LEFT_OUT: names at its top that are not."""

    def __init__(self, paths: Iterable[str], left_out: Iterable[str] = ()) -> None:
        self._paths = frozenset(paths)
        self._left_out = frozenset(left_out)
        self._above = {
            path[:end] for path in self._paths for end, char in enumerate(path) if char == "/"
        }
        self._found: set[str] = set()

    def has(self, path: str) -> bool:
        """Whether the entry at PATH is asked for."""
        if path.partition("/")[0] in self._left_out:
            return False
        if "" in self._paths:
            return True
        top = path
        while top not in self._paths:
            top = top.rpartition("/")[0]
            if not top:
                return False
        self._found.add(top)
        return True

    def leads(self, path: str) -> bool:
        """Whether PATH leads to what is asked for, without being it."""
        return path in self._above

    def missing(self) -> list[str]:
        """Of the paths, those of which nothing came by."""
        return sorted(path for path in self._paths - self._found if path)
