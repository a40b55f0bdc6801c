"""Whoever shows notifications in this session: org.freedesktop.Notifications, version 1.2.

https://specifications.freedesktop.org/notification-spec/latest/
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dbus_next.signature import Variant

from tetrasback.client.connection import Connection
from tetrasback.errors import TetrasBackError, Unreachable
from tetrasback.names import (
    DBUS_INTERFACE,
    DBUS_PATH,
    DBUS_SERVICE,
    NOTIFICATIONS_INTERFACE,
    NOTIFICATIONS_PATH,
    NOTIFICATIONS_SERVICE,
)

APPLICATION: Final = "Tetras-back"
CALL_LIMIT: Final = 5.0
"""Seconds in which a server must have answered; it only has to draw."""
MAX_WAITING: Final = 1000
_MAX_CAPABILITIES: Final = 100

_RULES: Final = (
    f"type='signal',sender='{DBUS_SERVICE}',interface='{DBUS_INTERFACE}',"
    f"member='NameOwnerChanged',arg0='{NOTIFICATIONS_SERVICE}'",
    f"type='signal',sender='{NOTIFICATIONS_SERVICE}',interface='{NOTIFICATIONS_INTERFACE}'",
)


@dataclass(frozen=True, slots=True)
class Form:
    """The arguments of Notify. ``hints``: name → (signature, value); ``timeout`` in ms, 0 = it
    stays, -1 = as the server likes."""

    summary: str
    body: str = ""
    icon: str = ""
    actions: tuple[tuple[str, str], ...] = ()
    hints: Mapping[str, tuple[str, Any]] = field(default_factory=dict)
    timeout: int = -1


@dataclass(frozen=True, slots=True)
class Pressed:
    """The button ACTION of the notification ID was pressed."""

    id: int
    action: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The notification ID is no longer shown: dismissed, expired, or closed by us."""

    id: int


@dataclass(frozen=True, slots=True)
class ServerChanged:
    """Another server, or none: what was shown is gone, and so are its ids."""


ServerEvent = Pressed | Closed | ServerChanged


class NotificationServer:
    """The server of the session that CONNECTION belongs to; `start` it first.

    What it tells waits until `next_event` takes it, so that nothing is heard of a notification
    before its id is known; WAKE is called when there is something. It is believed only where its
    sender is the very program that the notifications went to.
    """

    def __init__(self, connection: Connection, wake: Callable[[], None]) -> None:
        self.owner = ""
        """Unique name of the server; empty = there is none."""
        self._connection = connection
        self._wake = wake
        self._waiting: deque[ServerEvent] = deque(maxlen=MAX_WAITING)

    async def start(self) -> None:
        """Listen. Raises Unreachable when the session bus is lost."""
        self._connection.on_signal(self._receive)
        for rule in _RULES:
            await self._connection.call_bus("AddMatch", rule)
        try:
            answer = await self._connection.call_bus("GetNameOwner", NOTIFICATIONS_SERVICE, "s")
        except Unreachable:
            if self._connection.closed.done():
                raise
        else:
            self.owner = answer[0]

    def next_event(self) -> ServerEvent | None:
        """What the server has told next; None = nothing yet."""
        return self._waiting.popleft() if self._waiting else None

    async def launch(self) -> None:
        """Have the bus start a server, if it knows one. Raises the errors of `Connection.call`."""
        await self._connection.call(
            *(DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE, "StartServiceByName"),
            *("su", [NOTIFICATIONS_SERVICE, 0]),
            expects="u",
        )

    async def capabilities(self) -> frozenset[str]:
        """What it can do, in the words of the specification."""
        (words,) = await self._call("GetCapabilities", "", [], "as")
        return frozenset(words[:_MAX_CAPABILITIES])

    async def notify(self, form: Form, replaces: int = 0) -> int:
        """Show FORM, in place of the notification REPLACES; its id."""
        hints = {name: Variant(signature, value) for name, (signature, value) in form.hints.items()}
        actions = [word for action in form.actions for word in action]
        (number,) = await self._call(
            "Notify",
            "susssasa{sv}i",
            [
                *(APPLICATION, replaces, form.icon, form.summary, form.body),
                *(actions, hints, form.timeout),
            ],
            "u",
        )
        return int(number)

    async def close(self, number: int) -> None:
        """Show it no longer. That it is not shown any more is no error."""
        try:
            await self._call("CloseNotification", "u", [number], "")
        except Unreachable:
            raise
        except TetrasBackError:
            pass  # the specification lets a server say so, with an error of its choice

    async def _call(self, member: str, signature: str, body: list[Any], expects: str) -> list[Any]:
        return await self._connection.call(
            *(self.owner, NOTIFICATIONS_PATH, NOTIFICATIONS_INTERFACE, member, signature, body),
            expects=expects,
            limit=CALL_LIMIT,
        )

    def _receive(
        self, sender: str, path: str, interface: str, member: str, signature: str, body: list[Any]
    ) -> None:
        event: ServerEvent | None = None
        if sender == DBUS_SERVICE:
            named = (member, signature) == ("NameOwnerChanged", "sss")
            if named and body[0] == NOTIFICATIONS_SERVICE:
                self.owner = body[2]
                self._waiting.clear()  # it was told of ids that mean nothing any more
                event = ServerChanged()
        elif sender and sender == self.owner and interface == NOTIFICATIONS_INTERFACE:
            if (member, signature) == ("ActionInvoked", "us"):
                event = Pressed(body[0], body[1])
            elif (member, signature) == ("NotificationClosed", "uu"):
                event = Closed(body[0])
        if event is not None:
            self._waiting.append(event)
            self._wake()
