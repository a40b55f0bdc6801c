"""rsync(1) as the independent judge: whether a snapshot is its source, content and all.

Our own program is no witness in its own cause. What rsync finds different is looked at once more,
since a server goes on working while it is backed up: what was touched in the source meanwhile, or
cannot be read there, is no fault of the copy.
"""

import os
import re
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import IO, Final

from tetrasback.snapshot.listing import CACHE_TAG, is_cache
from tetrasback.snapshot.teamwork import Listener
from tetrasback.snapshot.trees import Tree
from tetrasback.snapshot.troubles import Failed, Refused

COMMAND: Final = (
    *("rsync", "-aHAXnc", "--numeric-ids", "--delete", "--modify-window=-1"),
    # The kernel shows ACLs and properties of a file system as attributes too; they are compared
    # as ACLs, and are of that file system alone.
    *("--filter=-x system.*", "--filter=-x trusted.SGI_ACL_*", "--filter=-x btrfs.*"),
    "--out-format=%i %n",
)
_DONE: Final = frozenset({0, 23, 24})
"""Exit statuses with which rsync has compared all that it could (23, 24: not read, vanished)."""
_ITEM: Final = 11
"""Letters of an itemized change, see rsync(1); a blank and the name follow."""
_ESCAPED: Final = re.compile(rb"\\#([0-3][0-7]{2})")
_CHUNK: Final = 1 << 20
_SAID_MAX: Final = 4096


@dataclass(frozen=True, slots=True)
class _Difference:
    change: str
    path: str

    @property
    def is_missing(self) -> bool:
        """The snapshot has nothing of that name."""
        return "++" in self.change

    @property
    def is_left(self) -> bool:
        """The source has nothing of that name."""
        return self.change.startswith("*deleting")

    @property
    def words(self) -> str:
        if self.is_left:
            return "the source has no such entry"
        if self.is_missing:
            return "the copy lacks it"
        return f"the copy differs ({self.change})"


def compare(
    source: Tree, target: Tree, excludes: Sequence[str], since: float, listener: Listener
) -> int:
    """How many entries of SOURCE are not in TARGET as they are; LISTENER hears of each.

    EXCLUDES are patterns, as the snapshot was made with; what was touched in the source SINCE
    (seconds since the epoch) is told, but does not count. Raises Refused without rsync, Failed if
    that fails.
    """
    found = 0
    for difference in _differences(source, target, excludes):
        path = difference.path
        if _is_touched(source, difference, since):
            listener.met("touched", path, "")
        elif difference.is_missing and _is_left_out(source, path):
            continue
        else:
            found += 1
            listener.met("different", path, difference.words)
    return found


def _differences(source: Tree, target: Tree, excludes: Sequence[str]) -> Iterator[_Difference]:
    argv = [*COMMAND, *(f"--exclude={pattern}" for pattern in excludes), "--"]
    argv += [f"/proc/self/fd/{tree.root}/" for tree in (source, target)]
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
                env={**os.environ, "LC_ALL": "C"},
                pass_fds=(source.root, target.root),
            )
        except FileNotFoundError as error:
            raise Refused("to compare, rsync is needed: install it") from error
        with process:
            assert process.stdout is not None
            yield from map(_read, process.stdout)
        if process.returncode not in _DONE:
            raise Failed(f"rsync ended with status {process.returncode}: {_last_line(said)}")


def _read(line: bytes) -> _Difference:
    change, name = line[:_ITEM].decode("ascii", "replace"), line[_ITEM + 1 :].rstrip(b"\n")
    plain = _ESCAPED.sub(lambda found: bytes([int(found[1], 8)]), name)
    path = os.fsdecode(plain).rstrip("/")
    return _Difference(change.strip(), "" if path == "." else path)


def _last_line(said: IO[bytes]) -> str:
    said.seek(max(0, said.seek(0, os.SEEK_END) - _SAID_MAX))
    lines = said.read().decode("utf-8", "replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "it gave no reason")


def _is_touched(source: Tree, difference: _Difference, since: float) -> bool:
    """Whether it, or where a name came or went a directory above it, was touched SINCE."""
    path = difference.path
    if _changed(source, path) >= since:
        return True
    while path and (difference.is_missing or difference.is_left):
        path = path.rpartition("/")[0]
        if _changed(source, path) >= since:
            return True
    return False


def _changed(source: Tree, path: str) -> float:
    """When the kernel saw it changed last; 0 where nothing is."""
    try:
        return os.stat(f"/proc/self/fd/{source.root}/{path}", follow_symlinks=False).st_ctime
    except OSError:
        return 0.0


def _is_left_out(source: Tree, path: str) -> bool:
    """Whether it lies in a cache, or nobody can read it (which the copying has told)."""
    return _is_in_cache(source, path) or not _is_readable(source, path)


def _is_in_cache(source: Tree, path: str) -> bool:
    """Whether a directory above it is a cache, of which nothing but the tag is saved."""
    above, _, name = path.rpartition("/")
    if name != CACHE_TAG and _is_cache(source, above):
        return True
    while above:
        above = above.rpartition("/")[0]
        if _is_cache(source, above):
            return True
    return False


def _is_cache(source: Tree, path: str) -> bool:
    try:
        here = source.open(path)
    except OSError:
        return False
    try:
        return is_cache(here)
    finally:
        os.close(here)


def _is_readable(source: Tree, path: str) -> bool:
    place = f"/proc/self/fd/{source.root}/{path}"
    try:
        mode = os.stat(place, follow_symlinks=False).st_mode
        if stat.S_ISDIR(mode):
            with closing(os.scandir(place)) as entries:
                list(entries)
        elif stat.S_ISREG(mode):
            descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            with open(descriptor, "rb", buffering=0) as file:
                while file.read(_CHUNK):
                    pass
    except OSError:
        return False
    return True
