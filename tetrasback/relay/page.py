"""A FIFO of the format original: one document, then end-of-file, for each reader that opens it.

While nobody reads, its writing end is held open, so that a reader who opens it comes in at once;
the kernel says that somebody has, and a look at our end whether they are still there. They get the
document and, as we close our end, end-of-file. Our end is opened again when they have left: as long
as they are there, a new one would take their end-of-file away. Only who stays for seconds cannot be
told from the next one, who may be waiting to be let in: then that one matters.
"""

import contextlib
import fcntl
import os
import select
from collections.abc import Callable
from functools import partial
from typing import Final

from tetrasback.relay.doors import Doors, Found, check_only, open_writing_end
from tetrasback.relay.fifo import Fifo, Registration
from tetrasback.relay.watcher import LEFT, OPENED, READER_LEFT, WRITER_LEFT, Watcher

PAUSE: Final = 0.05
"""Seconds from a reader's leaving until the next is let in: who opens it without end gets no more
than twenty documents a second."""
LINGER: Final = 3.0
"""Seconds after which a reader who has all and does not leave keeps others waiting no longer."""


_PIPE_SIZE: Final = 1 << 16
"""Bytes of an ordinary pipe. One that holds the whole document needs no waiting in the middle of
it, where the next reader could come in."""


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
        self._given: int | None = None
        """The bytes that a reader was given who may still be there."""
        self._asked: int | None = None
        """The same, as it was when it was last looked for."""
        self._unknown = False
        """What is to be told is not known yet."""

    def opening(self) -> Callable[[str], int]:
        self._unknown = self._document() is None
        if self._unknown:
            return check_only
        self._asked = self._given
        return partial(open_writing_end, unread=self._asked)

    def opened(self, found: Found) -> None:
        served = self._rest or (self._given is not None and self._asked is None)
        if found.descriptor >= 0 and not (served and found.identity == self.identity):
            self._close()
            self._descriptor = found.descriptor
            # Only now is the old end closed and the new one open; what was told of it was us.
            self._watcher.skip(found.watch, OPENED | LEFT)
            self._serve()
            return
        found.drop()  # a reader has come in meanwhile, or reads
        if self._meanwhile & READER_LEFT:
            self._given = None
            self.look_in(PAUSE)
        elif self._given is not None:
            self.look_in(LINGER)

    def lost(self) -> None:
        self._close()
        self._given = None

    def happened(self, mask: int) -> None:
        if self._descriptor >= 0:
            if not self._rest:
                self._serve()
        elif mask & LEFT:
            self._given = None
            self.look_in(PAUSE)

    def wake(self) -> None:
        """When it has become known how everything stands, readers are let in."""
        if self._unknown and self._document() is not None:
            self.look_in(0)

    def _serve(self) -> None:
        """Give the document to a reader, if one is there."""
        self._given = None
        document = self._document()
        if document is None or not _is_read(self._descriptor):
            return
        self._rest = document
        self._given = len(document)
        with contextlib.suppress(OSError):  # it may be larger than a user's pipes may be
            fcntl.fcntl(self._descriptor, fcntl.F_SETPIPE_SZ, max(len(document), _PIPE_SIZE))
        self._loop.add_writer(self._descriptor, self._write)
        self._write()

    def _write(self) -> None:
        try:
            self._rest = self._rest[os.write(self._descriptor, self._rest) :]
        except BlockingIOError:
            return
        except BrokenPipeError:  # they have left before the end
            self._close()
            self._given = None
            self.look_in(PAUSE)
            return
        if not self._rest:
            self._close()
            self._watcher.skip(self._watch, WRITER_LEFT)
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
