"""Which programs root may run: its own, that nobody else can change."""

import os
import shlex
import stat
from pathlib import Path


def problem(path: Path, owner: int = 0) -> str:
    """Why the file at PATH must not be run, with the command that mends it; '' = it may.

    It may be a link; what it leads to counts, and the directories that both lie in. OWNER is the
    user whose files may be run.
    """
    try:
        status = path.stat()
        real = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "a loop of links"
        return f"{path} cannot be read: {reason}; mend or remove it"
    if not stat.S_ISREG(status.st_mode):
        return f"{path} is not a regular file; remove it"
    if not status.st_mode & stat.S_IXUSR:
        return f"{path} is not executable; run: chmod 755 {_quoted(real)}"
    if status.st_size == 0:
        return f"{path} is empty; install it again"
    for place in dict.fromkeys((real, real.parent, path.parent)):
        trouble = _writable_by_others(place, owner)
        if trouble:
            return trouble
    return ""


def _writable_by_others(place: Path, owner: int) -> str:
    try:
        status = place.stat()
    except OSError as error:  # it was there a moment ago
        return f"{place} cannot be read: {error.strerror}; mend or remove it"
    if status.st_uid != owner:
        return f"{place} is not root's; look at it, then run: chown root: {_quoted(place)}"
    # Not the sticky bit: it keeps strangers from replacing a file, not from adding one.
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        command = f"chmod go-w {_quoted(place)}"
        return f"{place} is writable by others; look at it, then run: {command}"
    return ""


def _quoted(path: Path) -> str:
    return shlex.quote(os.fspath(path))
