"""Notice that a file was saved, without polling: inotify(7), by the C library.

The directory is watched and not the file, because editors write a new file and rename it over the
old one. A directory that is not there, or is replaced, is waited for in the nearest one above it
that exists.
"""

import asyncio
import ctypes
import errno
import os
import struct
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

COALESCE_SECONDS: Final = 0.1
"""Events that follow each other this fast are told once, at the end."""

IN_CLOSE_WRITE: Final = 0x8
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

# Not IN_CREATE: a file that has just been created is empty, and is closed once it is written.
_CONTENT: Final = IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE
_PLACE: Final = IN_MOVED_TO | IN_CREATE
_SELF: Final = IN_DELETE_SELF | IN_MOVE_SELF
_LOST: Final = _SELF | IN_UNMOUNT | IN_IGNORED

_HEADER: Final = struct.Struct("iIII")  # struct inotify_event: wd, mask, cookie, len
_BUFFER: Final = 64 * 1024

_libc: Final = ctypes.CDLL(None, use_errno=True)


class DirectoryWatch:
    """Calls CALLBACK on the running event loop after a file of DIRECTORY called one of NAMES was
    saved (written and closed), replaced, moved or deleted.

    Called once for a burst, COALESCE_SECONDS after its last event but at most ten times that after
    its first; also when events were lost, or the directory itself came or went. It may be called
    when nothing has changed. Raises OSError where inotify cannot be had.
    """

    def __init__(
        self, directory: Path, names: Collection[str], callback: Callable[[], None]
    ) -> None:
        self._directory = Path(os.path.abspath(directory))
        self._names = frozenset(os.fsencode(name) for name in names)
        self._callback = callback
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._first = 0.0
        self._watched = -1
        self._below = b""  # what is waited for in the directory that is watched; b"" = our files
        self._descriptor = _checked(_libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        try:
            self._watch()
        except OSError:
            os.close(self._descriptor)
            raise
        self._loop.add_reader(self._descriptor, self._readable)

    def close(self) -> None:
        """Stop; the callback is not called any more. Closing twice is no error."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def _watch(self) -> None:
        """Watch the directory or, while it is not there, the nearest one above it."""
        while True:
            if self._watched >= 0:
                # Fails where the kernel has dropped it already.
                _libc.inotify_rm_watch(self._descriptor, self._watched)
                self._watched = -1
            self._below = b""
            for place in (self._directory, *self._directory.parents):
                mask = IN_ONLYDIR | _SELF | (_PLACE if self._below else _CONTENT)
                number = _libc.inotify_add_watch(self._descriptor, os.fsencode(place), mask)
                if number >= 0:
                    self._watched = number
                    break
                if ctypes.get_errno() not in (errno.ENOENT, errno.ENOTDIR):
                    _checked(number)
                self._below = os.fsencode(place.name)
            # Between looking for it and watching above it, it may have come.
            if not self._below or not os.path.isdir(place / os.fsdecode(self._below)):
                return

    def _readable(self) -> None:
        try:
            data = os.read(self._descriptor, _BUFFER)
        except BlockingIOError:
            return
        told = moved = False
        position = 0
        while position < len(data):
            number, mask, _, length = _HEADER.unpack_from(data, position)
            position += _HEADER.size + length
            name = data[position - length : position].rstrip(b"\0")
            if mask & IN_Q_OVERFLOW or (number == self._watched and mask & _LOST):
                moved = True
            elif number == self._watched and self._below:
                moved = moved or name == self._below
            elif number == self._watched:
                told = told or name in self._names
        if moved:
            self._watch()
        if told or moved:
            self._soon()

    def _soon(self) -> None:
        now = self._loop.time()
        if self._timer is None:
            self._first = now
        else:
            self._timer.cancel()
        at = min(now + COALESCE_SECONDS, self._first + 10 * COALESCE_SECONDS)
        self._timer = self._loop.call_at(at, self._tell)

    def _tell(self) -> None:
        self._timer = None
        self._callback()


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "inotify")
    return result
