"""Opening FIFOs: the only place where the relay looks at paths.

What is opened is always the very file that was looked at. It is found by a walk that follows
nobody's links but root's, held without being opened (O_PATH), proved to be a FIFO of the right
owner, and only then opened, by way of what is held: whatever takes its name meanwhile is not it.

File systems may hang, be it a network's or one that a user has made: so all this runs in threads,
one for each user at a time, and is waited for a limited time only.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import stat
import struct
import termios
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final, TypeVar

from tetrasback.errors import CannotWrite, NotAFifo, NotYours
from tetrasback.host.walk import UntrustedLink, through, walk
from tetrasback.service.text import safe_text

T = TypeVar("T")

LIMIT: Final = 10.0
"""Seconds that a file system may take."""
_THREADS: Final = 32
_NOBODY: Final = 65534
"""Whom the kernel shows for every user that it cannot name here."""
_PASS_OTHERS: Final = 0o001


@dataclass(frozen=True, slots=True)
class Found:
    """A FIFO that was opened: DESCRIPTOR is for writing (-1: not now), WATCH the watcher's."""

    identity: tuple[int, int]
    owner: int
    descriptor: int
    watch: int

    def drop(self) -> None:
        """Close it."""
        if self.descriptor >= 0:
            os.close(self.descriptor)


class Doors:
    """Has paths looked at in threads."""

    def __init__(self, limit: float = LIMIT) -> None:
        self._limit = limit
        self._threads = ThreadPoolExecutor(_THREADS, "doors")
        self._turns: dict[int, asyncio.Lock] = {}

    async def run(self, uid: int, work: Callable[[], Found]) -> Found:
        """What WORK finds, on behalf of the user UID. Raises its errors, and CannotWrite where it
        takes too long; what it finds then is dropped."""
        turn = self._turns.setdefault(uid, asyncio.Lock())
        try:
            async with asyncio.timeout(self._limit):
                await turn.acquire()
                running = asyncio.get_running_loop().run_in_executor(self._threads, work)
                # Who hangs keeps the turn: no second thread is given to the same user.
                running.add_done_callback(lambda _: turn.release())
                try:
                    return await asyncio.shield(running)
                except asyncio.CancelledError:
                    running.add_done_callback(_drop)
                    raise
        except TimeoutError:
            raise CannotWrite("its file system does not answer; register it again later") from None


def _drop(late: asyncio.Future[Found]) -> None:
    if not late.cancelled() and late.exception() is None:
        late.result().drop()


def find(
    path: str,
    uid: int,
    owner: int | None,
    watch: Callable[[bytes], int],
    open_it: Callable[[str], int],
) -> Found:
    """Open the FIFO at PATH that UID has registered, and that belongs to OWNER (None: to anybody).

    WATCH begins to watch a path and gives the number of the watch, OPEN_IT opens one. Raises
    NotAFifo, NotYours, CannotWrite.
    """
    place = _locate(path, uid)
    try:
        status = os.fstat(place)
        if not stat.S_ISFIFO(status.st_mode):
            raise NotAFifo(f"{_shown(path)} is no FIFO; make one with mkfifo")
        if status.st_uid != (status.st_uid if owner is None else owner):
            raise NotYours(f"{_shown(path)} belongs to somebody else")
        number = watch(os.fsencode(through(place)))
        descriptor = open_it(through(place))
    except OSError as error:
        if error.errno == errno.EACCES:
            raise CannotWrite(
                f"tetras-back-relay may not open {_shown(path)} for reading and writing;"
                " tetras-backctl register lets it"
            ) from None
        raise CannotWrite(f"{_shown(path)} cannot be opened: {error.strerror}") from None
    finally:
        os.close(place)
    return Found((status.st_dev, status.st_ino), status.st_uid, descriptor, number)


def owner_for(uid: int) -> int | None:
    """Whose FIFO the user UID may register: their own, root anybody's. Raises NotYours."""
    if uid == _NOBODY:
        raise NotYours("you have no name here, so that nothing can be told to be yours")
    return None if uid == 0 else uid


def _locate(path: str, uid: int) -> int:
    def visit(place: str, descriptor: int, status: os.stat_result) -> None:
        # We may have been let pass where UID may not: nothing is to be learnt of what lies there.
        if uid not in (0, status.st_uid) and not status.st_mode & _PASS_OTHERS:
            raise CannotWrite(
                f"{_shown(place)} is somebody else's and closed to others; make the FIFO"
                " elsewhere, or let root register it"
            )

    try:
        return walk(path, visit)
    except UntrustedLink as link:
        raise NotYours(
            f"{_shown(str(link))} is a symbolic link that is not root's; register the FIFO by its"
            " own path"
        ) from None
    except OSError as error:
        if error.errno == errno.EACCES:
            closed = PurePath(str(error.filename)).parent
            raise CannotWrite(
                f"tetras-back-relay may not pass through {_shown(str(closed))}; tetras-backctl"
                " register lets it"
            ) from None
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            raise NotAFifo(f"there is no FIFO at {_shown(path)}; make one with mkfifo") from None
        raise CannotWrite(f"{_shown(path)} cannot be reached: {error.strerror}") from None


def _shown(path: str) -> str:
    return safe_text(path, 300)


def open_both_ends(path: str) -> int:
    """Hold a FIFO open with both ends, so that it stays open while readers come and go."""
    return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)


def open_writing_end(path: str, *, unread: int | None) -> int:
    """Hold only the writing end of a FIFO, so that readers come in, can be told from none, and get
    end-of-file when it is closed.

    Where a reader is there, what lies in the pipe is taken out, for they are to get one document.
    UNREAD: it may be the last reader, who has not left since they were given so many bytes; then
    -1, if they have read some and not all of them. None: it is another.
    """
    flags = os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    # A reading end of our own comes first: without a reader there is no writing one, and who waits
    # to be let in must find the pipe empty already when the writing one lets them in.
    reading = os.open(path, os.O_RDONLY | flags)
    try:
        lying = struct.unpack("i", fcntl.ioctl(reading, termios.FIONREAD, bytes(4)))[0]
        if unread is not None and lying not in (0, unread):
            return -1
        with contextlib.suppress(BlockingIOError):
            while os.read(reading, 1 << 16):
                pass
        return os.open(path, os.O_WRONLY | flags)
    finally:
        os.close(reading)


def check_only(path: str) -> int:
    """See that a FIFO could be opened, without a reader's noticing; -1."""
    if not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))
    return -1
