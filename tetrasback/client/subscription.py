"""The stream of the daemon's events, believed only when the daemon itself sent them."""

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, Self

from tetrasback.client.connection import LOST, Link
from tetrasback.client.events import (
    SIGNALS,
    Added,
    Changed,
    DaemonBack,
    DaemonGone,
    Event,
    Lost,
    Removed,
    Signal,
)
from tetrasback.errors import Unreachable
from tetrasback.lang.i18n import _
from tetrasback.names import (
    BUS_NAME,
    DBUS_INTERFACE,
    DBUS_SERVICE,
    MANAGER_INTERFACE,
    OBJECT_MANAGER_INTERFACE,
    PROPERTIES_INTERFACE,
    ROOT_PATH,
)

MAX_WAITING: Final = 10_000

_RULES: Final = (
    f"type='signal',sender='{DBUS_SERVICE}',interface='{DBUS_INTERFACE}',"
    f"member='NameOwnerChanged',arg0='{BUS_NAME}'",
    f"type='signal',sender='{BUS_NAME}',path_namespace='{ROOT_PATH}'",
)


class Subscription:
    """An asynchronous context manager and iterator of events.

    On entering, the match rules are in force: whatever is read afterwards is at least as new as
    the first event. Raises Unreachable when the connection to the bus is lost.
    """

    def __init__(self, connection: Link) -> None:
        self._connection = connection
        self._owner = ""
        self._waiting: deque[Event] = deque()
        self._more = asyncio.Event()
        self._stop: Callable[[], None] | None = None

    @property
    def daemon_present(self) -> bool:
        """Whether somebody owns the daemon's name."""
        return bool(self._owner)

    async def __aenter__(self) -> Self:
        self._stop = self._connection.on_signal(self._receive)
        for rule in _RULES:
            await self._connection.call_bus("AddMatch", rule)
        try:
            (self._owner,) = await self._connection.call_bus("GetNameOwner", BUS_NAME, "s")
        except Unreachable:
            if self._connection.closed.done():
                raise
            self._owner = ""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._stop is not None:
            self._stop()
        if not self._connection.closed.done():
            for rule in _RULES:
                await self._connection.call_bus("RemoveMatch", rule)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while True:
            event = await self.next(3600)
            if event is not None:
                return event

    async def next(self, limit: float) -> Event | None:
        """The next event, or None after LIMIT seconds."""
        if not self._waiting:
            self._more.clear()
            more = asyncio.ensure_future(self._more.wait())
            either: list[asyncio.Future[Any]] = [more, self._connection.closed]
            try:
                await asyncio.wait(
                    either,
                    timeout=limit,
                    return_when=asyncio.FIRST_COMPLETED,
                )
            finally:
                more.cancel()
        if self._waiting:
            return self._waiting.popleft()
        if self._connection.closed.done():
            raise Unreachable(_(LOST))
        return None

    def waiting(self) -> Event | None:
        """The next event if it is there already, else None."""
        return self._waiting.popleft() if self._waiting else None

    def _receive(
        self, sender: str, path: str, interface: str, member: str, signature: str, body: list[Any]
    ) -> None:
        event: Event | None = None
        if sender == DBUS_SERVICE:
            if member == "NameOwnerChanged" and signature == "sss" and body[0] == BUS_NAME:
                self._owner = body[2]
                event = DaemonBack() if self._owner else DaemonGone()
        elif sender and sender == self._owner:  # anybody may send us a signal of any content
            event = _read(path, interface, member, signature, body)
        if event is None:
            return
        if len(self._waiting) >= MAX_WAITING:
            first = self._waiting[0]
            before = first.count - 1 if isinstance(first, Lost) else 0
            lost = Lost(len(self._waiting) + before)
            self._waiting.clear()
            self._waiting.append(lost)
        self._waiting.append(event)
        self._more.set()


def _read(path: str, interface: str, member: str, signature: str, body: list[Any]) -> Event | None:
    if interface == MANAGER_INTERFACE and path == ROOT_PATH and member in SIGNALS:
        expected, arguments = SIGNALS[member]
        if signature == expected:
            return Signal(member, dict(zip(arguments, body, strict=True)))
    elif (interface, member, signature) == (PROPERTIES_INTERFACE, "PropertiesChanged", "sa{sv}as"):
        return Changed(path, body[0], body[1])
    elif interface == OBJECT_MANAGER_INTERFACE and path == ROOT_PATH:
        if (member, signature) == ("InterfacesAdded", "oa{sa{sv}}"):
            return Added(body[0], body[1])
        if (member, signature) == ("InterfacesRemoved", "oas"):
            return Removed(body[0], tuple(body[1]))
    return None
