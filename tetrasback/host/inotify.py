"""inotify(7), by the C library: the kernel tells what happens to a file or in a directory."""

import ctypes
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

IN_CLOSE_WRITE: Final = 0x8
IN_CLOSE_NOWRITE: Final = 0x10
IN_OPEN: Final = 0x20
IN_ATTRIB: Final = 0x4
IN_MOVED_FROM: Final = 0x40
IN_MOVED_TO: Final = 0x80
IN_CREATE: Final = 0x100
IN_DELETE: Final = 0x200
IN_DELETE_SELF: Final = 0x400
IN_MOVE_SELF: Final = 0x800
IN_UNMOUNT: Final = 0x2000
IN_Q_OVERFLOW: Final = 0x4000
IN_IGNORED: Final = 0x8000
IN_ONLYDIR: Final = 0x1000000

_HEADER: Final = struct.Struct("iIII")  # struct inotify_event: wd, mask, cookie, len
_BUFFER: Final = 64 * 1024

_libc: Final = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Event:
    """``watch`` is the number that `Inotify.watch` gave (-1 where IN_Q_OVERFLOW tells that events
    were lost), ``name`` that of the entry of a watched directory, else empty."""

    watch: int
    mask: int
    name: bytes


class Inotify:
    """A queue of events; ``descriptor`` is readable when there are some. Everything raises OSError
    as the system gives it."""

    def __init__(self) -> None:
        self.descriptor = _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))

    def watch(self, path: bytes, mask: int) -> int:
        """Watch PATH for the events in MASK; the number of the watch. Needs the right to read it.

        A file that is watched already keeps its number and gets the new mask.
        """
        return _checked(_libc.inotify_add_watch(self.descriptor, path, mask))

    def forget(self, watch: int) -> None:
        """Watch no more; one that the kernel has dropped already is no error."""
        _libc.inotify_rm_watch(self.descriptor, watch)

    def read(self) -> Iterator[Event]:
        """Those events that are there, up to a bufferful."""
        try:
            data = os.read(self.descriptor, _BUFFER)
        except BlockingIOError:
            return
        position = 0
        while position < len(data):
            watch, mask, _, length = _HEADER.unpack_from(data, position)
            position += _HEADER.size + length
            yield Event(watch, mask, data[position - length : position].rstrip(b"\0"))

    def close(self) -> None:
        """End every watch. Closing twice is no error."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "inotify")
    return result
