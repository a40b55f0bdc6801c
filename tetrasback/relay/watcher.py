"""What happens to FIFOs, told to whom it concerns."""

import asyncio
from collections.abc import Callable
from typing import Final

from tetrasback.host.inotify import (
    IN_ATTRIB,
    IN_CLOSE_NOWRITE,
    IN_CLOSE_WRITE,
    IN_DELETE_SELF,
    IN_IGNORED,
    IN_MOVE_SELF,
    IN_OPEN,
    IN_Q_OVERFLOW,
    IN_UNMOUNT,
    Inotify,
)

MOVED: Final = IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED
"""It may be another file now that has its name, or another right that is given to us."""
OPENED: Final = IN_OPEN
READER_LEFT: Final = IN_CLOSE_NOWRITE
WRITER_LEFT: Final = IN_CLOSE_WRITE
"""What we ourselves do is told as well."""
LEFT: Final = READER_LEFT | WRITER_LEFT
"""Somebody has closed it, who may have been a reader, if one with both ends."""

_WHOLE_QUEUE: Final = 5
"""Reads that empty it, as long as the kernel keeps its default of 16,384 events; whoever makes more
of them meanwhile only confuses their own FIFO."""

Listener = Callable[[int], None]
"""Called with what happened, MOVED, OPENED and LEFT or'ed together. Must not raise."""


class Watcher:
    """One queue of the kernel's for all FIFOs. `watch` may be called from any thread."""

    def __init__(self) -> None:
        self._inotify = Inotify()
        self._listeners: dict[int, Listener] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._inotify.descriptor, self._read)
        self._happened: dict[int, int] = {}
        self._telling = False

    def watch(self, path: bytes) -> int:
        """Watch a FIFO; the number of the watch, the same for the same file. Raises OSError."""
        return self._inotify.watch(path, MOVED & ~IN_IGNORED & ~IN_UNMOUNT | OPENED | LEFT)

    def listen(self, watch: int, listener: Listener) -> None:
        """Tell LISTENER what happens from now on."""
        self._listeners[watch] = listener

    def forget(self, watch: int, listener: Listener) -> None:
        """Watch it no more for LISTENER; another who has come in its place is still told."""
        if watch >= 0 and self._listeners.get(watch, listener) == listener:
            self._listeners.pop(watch, None)
            self._inotify.forget(watch)

    def skip(self, watch: int, mask: int) -> None:
        """What of MASK has happened to it so far is not told, for it was we ourselves."""
        self._read(_WHOLE_QUEUE)
        if watch in self._happened:
            self._happened[watch] &= ~mask

    def close(self) -> None:
        """Watch nothing more."""
        self._loop.remove_reader(self._inotify.descriptor)
        self._inotify.close()

    def _read(self, reads: int = 1) -> None:
        if not self._telling:
            # Later: whoever is told may do what makes the next events, and have them skipped.
            self._telling = True
            self._loop.call_soon(self._tell)
        for _ in range(reads):
            for event in self._inotify.read():
                watches = self._listeners if event.mask & IN_Q_OVERFLOW else (event.watch,)
                mask = MOVED | OPENED | LEFT if event.mask & IN_Q_OVERFLOW else event.mask
                for watch in watches:
                    self._happened[watch] = self._happened.get(watch, 0) | mask

    def _tell(self) -> None:
        self._telling = False
        happened, self._happened = self._happened, {}
        for watch, mask in happened.items():
            if mask and watch in self._listeners:
                self._listeners[watch](mask)
