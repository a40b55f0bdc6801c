"""Tells when something has been mounted or unmounted, on the event loop.

proc(5): poll(2) on mountinfo marks a change of the namespace as an error condition, which the loop
itself cannot wait for; an epoll of our own, which it can wait for, waits for that.
"""

import asyncio
import contextlib
import os
import select
from collections.abc import Callable
from typing import Final

_FILES: Final = ("/proc/1/mountinfo", "/proc/self/mountinfo")
_PAUSE: Final = 0.5
"""Seconds in which several changes become one word of them."""


class MountWatch:
    """Calls CHANGED soon after a mount of the first process's namespace has come or gone."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._loop = asyncio.get_running_loop()
        self._file = _open()
        self._epoll = select.epoll()
        self._timer: asyncio.TimerHandle | None = None
        if self._file >= 0:
            self._epoll.register(self._file, select.EPOLLPRI | select.EPOLLERR)
            self._loop.add_reader(self._epoll.fileno(), self._ready)

    def close(self) -> None:
        """Stop watching."""
        if self._timer is not None:
            self._timer.cancel()
        if self._file >= 0:
            self._loop.remove_reader(self._epoll.fileno())
            os.close(self._file)
            self._file = -1
        self._epoll.close()

    def _ready(self) -> None:
        self._epoll.poll(0)  # asking takes the mark away
        if self._timer is None:
            self._timer = self._loop.call_later(_PAUSE, self._tell)

    def _tell(self) -> None:
        self._timer = None
        self._changed()


def _open() -> int:
    """The first process's mounts; where they are not to be seen, our own. -1: there is no /proc."""
    for path in _FILES:
        with contextlib.suppress(OSError):
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    return -1
