"""A FIFO of the format original: one document, then end-of-file, for each reader that opens it.

While nobody reads, its writing end is held open, so that a reader who opens it comes in at once;
the kernel says that somebody has, and a look at our end whether they are still there. They get the
document and, as we close our end, end-of-file. Our end is opened again when they have left: as long
as they are there, a new one would take their end-of-file away.
"""

import os
import select
from collections.abc import Callable
from functools import partial
from typing import Final

from tetrasback.relay.doors import Doors, Found, check_only, open_writing_end
from tetrasback.relay.fifo import Fifo, Registration
from tetrasback.relay.watcher import LEFT, Watcher

PAUSE: Final = 0.05
"""Seconds from a reader's leaving until the next is let in: who opens it without end gets no more
than twenty documents a second."""
LINGER: Final = 2.0
"""Seconds between looks at a reader who has all and does not leave."""


class Page(Fifo):
    """DOCUMENT gives how everything stands now; None: that is not known yet, and readers wait."""

    def __init__(
        self,
        registration: Registration,
        doors: Doors,
        watcher: Watcher,
        document: Callable[[], bytes | None],
    ) -> None:
        super().__init__(registration, doors, watcher)
        self._document = document
        self._descriptor = -1
        self._rest = b""
        self._served = False
        """A reader has got all; whether they have left is not known."""
        self._unknown = False
        """What is to be told is not known yet."""

    def opening(self) -> Callable[[str], int]:
        self._unknown = self._document() is None
        if self._unknown:
            return check_only
        return partial(open_writing_end, afresh=not self._served)

    def opened(self, found: Found) -> None:
        if found.identity != self.identity:
            self._served = False
        if self._rest and found.identity == self.identity:
            found.drop()  # a reader is being served
        elif found.descriptor >= 0:
            self._close()
            self._descriptor = found.descriptor
            self._served = False
            # Only now is the old end closed and the new one open; what was told of it was us.
            self._watcher.skip(found.watch)
            self._serve()
        elif self._served:
            self.look_in(LINGER)

    def lost(self) -> None:
        self._close()
        self._served = False

    def happened(self, mask: int) -> None:
        if self._descriptor >= 0:
            if not self._rest:
                self._serve()
        elif mask & LEFT:
            self._served = False
            self.look_in(PAUSE)

    def wake(self) -> None:
        """When it has become known how everything stands, readers are let in."""
        if self._unknown and self._document() is not None:
            self.look_in(0)

    def _serve(self) -> None:
        """Give the document to a reader, if one is there."""
        document = self._document()
        if document is None or not _is_read(self._descriptor):
            return
        self._rest = document
        self._loop.add_writer(self._descriptor, self._write)
        self._write()

    def _write(self) -> None:
        try:
            self._rest = self._rest[os.write(self._descriptor, self._rest) :]
        except BlockingIOError:
            return
        except BrokenPipeError:  # they have left before the end
            self._close()
            self.look_in(PAUSE)
            return
        if not self._rest:
            self._close()
            self._served = True
            self.look_in(LINGER)

    def _close(self) -> None:
        self._rest = b""
        if self._descriptor >= 0:
            self._loop.remove_writer(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1


def _is_read(descriptor: int) -> bool:
    """Whether the other end of a pipe is open."""
    poll = select.poll()
    poll.register(descriptor, 0)
    return not poll.poll(0)
