"""The way to a file, one directory after the other, so that nobody can lead us astray.

Each component is opened from the directory before it, without following it, and looked at before
the next step: whoever swaps a directory for a link meanwhile swaps what we no longer look at.
"""

import errno
import os
import stat
from collections.abc import Callable
from typing import Final

MAX_STEPS: Final = 256
"""Components and links on one way; the kernel takes no more than 40 links either."""
_MAX_LINKS: Final = 40
_OTHERS_WRITE: Final = 0o022
_PLACE: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC

Visit = Callable[[str, int, os.stat_result], None]
"""`visit(path, descriptor, status)` sees a directory before it is passed; what it raises ends the
walk. The descriptor is an O_PATH one, which is closed afterwards."""


class UntrustedLink(Exception):
    """A symbolic link, its path as the text, that is not root's in a directory of root's."""


def walk(path: str, visit: Visit) -> int:
    """An O_PATH descriptor, the caller's to close, of what lies at the absolute PATH.

    Symbolic links are followed where they are root's in a directory that only root may write, also
    at the end; another raises UntrustedLink. Raises OSError with the component's path as its
    filename, ELOOP also for a way that is too long.
    """
    left = _components(path)
    links = steps = 0
    seen = ""
    here = os.open("/", _PLACE | os.O_DIRECTORY)
    try:
        status = os.fstat(here)
        while left:
            visit(seen or "/", here, status)
            name = left.pop()
            steps += 1
            if steps > MAX_STEPS or links > _MAX_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            try:
                there = os.open(name, _PLACE, dir_fd=here)
            except OSError as error:
                raise OSError(error.errno, error.strerror, f"{seen}/{name}") from None
            try:
                found = os.fstat(there)
                if not stat.S_ISLNK(found.st_mode):
                    here, there = there, here
                    seen, status = f"{seen}/{name}", found
                    if left and not stat.S_ISDIR(found.st_mode):
                        raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), seen)
                    continue
                if found.st_uid != 0 or status.st_uid != 0 or status.st_mode & _OTHERS_WRITE:
                    raise UntrustedLink(f"{seen}/{name}")
                target = os.readlink("", dir_fd=there)
            finally:
                os.close(there)
            links += 1
            left += _components(target)
            if target.startswith("/"):
                root = os.open("/", _PLACE | os.O_DIRECTORY)
                here, root = root, here
                os.close(root)
                seen, status = "", os.fstat(here)
        place, here = here, -1
        return place
    finally:
        if here >= 0:
            os.close(here)


def _components(path: str) -> list[str]:
    """Its components, the last first; `..` stays, for what it means depends on where one stands."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def through(descriptor: int) -> str:
    """A path by which the very file behind an O_PATH DESCRIPTOR is reached, whatever has become of
    the names that led to it."""
    return f"/proc/self/fd/{descriptor}"
