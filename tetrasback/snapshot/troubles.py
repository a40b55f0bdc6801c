"""What can go wrong with one entry, and whose fault it is: the source's, or the disk's."""

import errno
import os
from typing import Final

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class Refused(Exception):
    """What is asked for cannot be done, and nothing has been; one line."""


class Failed(Exception):
    """What was asked for is not done, or only in part; one line."""


class SourceTrouble(Exception):
    """An entry of the source could not be read; the snapshot goes on without it."""


class Vanished(Exception):
    """An entry of the source is not there any more, or is another one by now."""


class DiskTrouble(Exception):
    """The snapshot could not be written: nothing further makes sense."""

    def __init__(self, message: str, *, full: bool = False) -> None:
        super().__init__(message)
        self.full = full
        """It is only that there is no room."""


def words(error: OSError) -> str:
    """What the kernel says, without the path."""
    return error.strerror or (os.strerror(error.errno) if error.errno else str(error))


def source_trouble(error: OSError) -> SourceTrouble | Vanished:
    """ERROR, met while the source was read."""
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.ESTALE):
        # ELOOP, ENOTDIR, ENXIO: what was a file or directory a moment ago is something else now.
        return Vanished()
    return SourceTrouble(words(error))


def disk_trouble(error: OSError, what: str = "") -> DiskTrouble:
    """ERROR, met while the snapshot was written; WHAT names the place."""
    text = words(error)
    return DiskTrouble(f"{what}: {text}" if what else text, full=error.errno in _NO_ROOM)
