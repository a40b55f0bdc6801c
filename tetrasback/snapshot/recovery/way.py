"""The directory that a person names, by a way that only root can bend."""

import os
import stat
from contextlib import suppress
from typing import Final

from tetrasback.snapshot.trees import DIRECTORY
from tetrasback.snapshot.troubles import Refused, words

LINKS_MAX: Final = 40
"""As the kernel has it."""


def open_way(path: str, *, make: bool = False) -> int:
    """A descriptor of the directory at PATH, which is absolute, without ``..`` in it.

    Links on the way are followed only where they are root's, in a directory where nobody else could
    have put them. What is missing is made, if MAKE, for root alone. Raises Refused.
    """
    waiting = path.split("/")[::-1]
    here = os.open("/", DIRECTORY)
    links = 0
    try:
        while waiting:
            name = waiting.pop()
            if name in ("", "."):
                continue
            text = _link(here, name)
            if text is None:
                here = _enter(here, name, make)
                continue
            links += 1
            if links > LINKS_MAX or not _is_roots(here, name):
                raise Refused(f"{path}: {name} is a symbolic link that is not followed here")
            waiting += text.split("/")[::-1]
            if text.startswith("/"):
                os.close(here)
                here = os.open("/", DIRECTORY)
    except OSError as error:
        os.close(here)
        raise Refused(f"cannot open {path}: {words(error)}") from error
    except Refused:
        os.close(here)
        raise
    return here


def _enter(here: int, name: str, make: bool) -> int:
    if make:
        with suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=here)
    below = os.open(name, DIRECTORY, dir_fd=here)
    os.close(here)
    return below


def _link(here: int, name: str) -> str | None:
    try:
        return os.readlink(name, dir_fd=here)
    except OSError:
        return None


def _is_roots(here: int, name: str) -> bool:
    """Whether nobody but root could have put the link NAME into this directory."""
    above, link = os.fstat(here), os.lstat(name, dir_fd=here)
    closed = not above.st_mode & 0o022 or bool(above.st_mode & stat.S_ISVTX)
    return above.st_uid == 0 and link.st_uid == 0 and closed
