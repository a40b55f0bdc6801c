"""Events of block devices as udev or the kernel tells them, on the event loop, no thread."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pyudev

BUFFER: Final = 8 << 20
"""Bytes of events that the kernel may keep for us while we are busy."""

_UDEVD: Final = Path("/run/udev/control")
_SO_RCVBUFFORCE: Final = 33
_AT_ONCE: Final = 64


class Uevents:
    """Listens from the beginning: TAKE gets each event.

    TAG: only devices that carry, or once carried, this tag of udev's, by a filter in the kernel;
    empty = all. LOST is called where the kernel's buffer ran over and events are missing, once we
    listen again.
    """

    def __init__(
        self,
        context: pyudev.Context,
        take: Callable[[pyudev.Device], None],
        lost: Callable[[], None],
        *,
        tag: str = "",
        buffer: int = BUFFER,
    ) -> None:
        self._context = context
        self._take = take
        self._lost = lost
        self._tag = tag
        self._buffer = buffer
        self._monitor: Any = self._listen()  # pyudev has no types; None = closed

    def close(self) -> None:
        """Stop listening."""
        if self._monitor is not None:
            asyncio.get_running_loop().remove_reader(self._monitor.fileno())
            self._monitor = None

    def _listen(self) -> pyudev.Monitor:
        # Without udevd only the kernel tells, and only that a device left or changed.
        source = "udev" if self._tag or _UDEVD.exists() else "kernel"
        monitor = pyudev.Monitor.from_netlink(self._context, source)
        monitor.filter_by("block")
        if self._tag:
            monitor.filter_by_tag(self._tag)
        monitor.start()
        _widen(monitor.fileno(), self._buffer)
        asyncio.get_running_loop().add_reader(monitor.fileno(), self._drain)
        return monitor

    def _drain(self) -> None:
        monitor = self._monitor
        for _ in range(_AT_ONCE):  # then the loop may do something else; it calls again
            if monitor is None or self._monitor is not monitor:
                return
            try:
                device = monitor.poll(timeout=0)
            except OSError:  # the kernel's buffer ran over
                self.close()
                self._monitor = self._listen()
                self._lost()
                return
            if device is None:
                return
            self._take(device)


def _widen(descriptor: int, size: int) -> None:
    """Let the kernel keep more events (libudev's own call answers 1, to pyudev an error)."""
    with socket.socket(fileno=os.dup(descriptor)) as netlink, contextlib.suppress(PermissionError):
        netlink.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, size)
