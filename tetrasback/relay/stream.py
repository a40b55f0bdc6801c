"""A FIFO of the format events: every line, in order, to whoever reads.

It is held open with both ends. So a reader may come, go and come again, the pipe keeps what was
written meanwhile, and a full one is all that we can meet: then we wait until it is read from. Each
write is of whole lines and small enough to be taken as a whole.
"""

import os
from collections.abc import Callable
from typing import Final

from tetrasback.relay.doors import Doors, Found, open_both_ends
from tetrasback.relay.fifo import Fifo, Registration
from tetrasback.relay.ring import Cursor
from tetrasback.relay.watcher import Watcher

LOOK_AGAIN: Final = 5.0
"""Seconds of writing after which it is seen whether its name still leads to it."""


class Stream(Fifo):
    """BEGIN gives the lines for a FIFO from now on."""

    def __init__(
        self,
        registration: Registration,
        doors: Doors,
        watcher: Watcher,
        begin: Callable[[], Cursor],
    ) -> None:
        super().__init__(registration, doors, watcher)
        self._begin_lines = begin
        self._cursor = begin()
        self._descriptor = -1
        self._next = b""
        self._full = False

    def opening(self) -> Callable[[str], int]:
        return open_both_ends

    def opened(self, found: Found) -> None:
        if found.identity == self.identity:
            found.drop()
            return
        self.lost()
        self._descriptor = found.descriptor
        self._cursor = self._begin_lines()
        self.wake()

    def lost(self) -> None:
        if self._descriptor >= 0:
            self._wait(False)
            os.close(self._descriptor)
            self._descriptor = -1
        self._next = b""

    def happened(self, mask: int) -> None:
        """Readers come and go as they like."""

    def wake(self) -> None:
        if self._descriptor < 0 or self._full:
            return
        if self._loop.time() - self.looked > LOOK_AGAIN:
            self.look_in(0)
        self._write()

    def _write(self) -> None:
        while data := self._next or self._cursor.take():
            self._next = data
            try:
                os.write(self._descriptor, data)
            except BlockingIOError:
                self._wait(True)
                return
            self._next = b""
        self._wait(False)

    def _wait(self, full: bool) -> None:
        """Be called when a FULL pipe is read from, or no more."""
        if full and not self._full:
            self._loop.add_writer(self._descriptor, self._write)
        elif self._full and not full:
            self._loop.remove_writer(self._descriptor)
        self._full = full
