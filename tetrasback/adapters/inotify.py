"""Notice that a file was saved, without polling.

The directory is watched and not the file, because editors write a new file and rename it over the
old one. A directory that is not there, or is replaced, is waited for in the nearest one above it
that exists.
"""

import asyncio
import errno
import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

from tetrasback.host.inotify import (
    IN_CLOSE_WRITE,
    IN_CREATE,
    IN_DELETE,
    IN_DELETE_SELF,
    IN_IGNORED,
    IN_MOVE_SELF,
    IN_MOVED_FROM,
    IN_MOVED_TO,
    IN_ONLYDIR,
    IN_Q_OVERFLOW,
    IN_UNMOUNT,
    Inotify,
)

COALESCE_SECONDS: Final = 0.1
"""Events that follow each other this fast are told once, at the end."""

# Not IN_CREATE: a file that has just been created is empty, and is closed once it is written.
_CONTENT: Final = IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE
_PLACE: Final = IN_MOVED_TO | IN_CREATE
_SELF: Final = IN_DELETE_SELF | IN_MOVE_SELF
_LOST: Final = _SELF | IN_UNMOUNT | IN_IGNORED


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
        self._inotify = Inotify()
        try:
            self._watch()
        except OSError:
            self._inotify.close()
            raise
        self._loop.add_reader(self._inotify.descriptor, self._readable)

    def close(self) -> None:
        """Stop; the callback is not called any more. Closing twice is no error."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._inotify.descriptor >= 0:
            self._loop.remove_reader(self._inotify.descriptor)
            self._inotify.close()

    def _watch(self) -> None:
        """Watch the directory or, while it is not there, the nearest one above it."""
        while True:
            if self._watched >= 0:
                self._inotify.forget(self._watched)
                self._watched = -1
            self._below = b""
            for place in (self._directory, *self._directory.parents):
                mask = IN_ONLYDIR | _SELF | (_PLACE if self._below else _CONTENT)
                try:
                    self._watched = self._inotify.watch(os.fsencode(place), mask)
                    break
                except OSError as error:
                    if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                        raise
                self._below = os.fsencode(place.name)
            # Between looking for it and watching above it, it may have come.
            if not self._below or not os.path.isdir(place / os.fsdecode(self._below)):
                return

    def _readable(self) -> None:
        told = moved = False
        for event in self._inotify.read():
            here = event.watch == self._watched
            if event.mask & IN_Q_OVERFLOW or (here and event.mask & _LOST):
                moved = True
            elif here and self._below:
                moved = moved or event.name == self._below
            elif here:
                told = told or event.name in self._names
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
