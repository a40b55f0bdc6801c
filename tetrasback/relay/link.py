"""The connection on which the daemon is heard: a client's, behind the gate of the service.

Anybody on the bus may send us messages, and the library would decode whatever comes. So this is the
service's connection, which judges by the header: calls are refused, and of signals only those of
the bus and of the daemon itself are decoded.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from dbus_next.message import Message

from tetrasback import names
from tetrasback.client.connection import (
    CALL_LIMIT,
    LOST,
    NO_ANSWER,
    SignalHandler,
    answer_of,
    unwrap,
)
from tetrasback.errors import AccessDenied, Unreachable
from tetrasback.service import gate
from tetrasback.service.connection import Connection
from tetrasback.service.gate import Head

ANSWERS: Final = frozenset({"", "s", "a{sv}", "a{oa{sa{sv}}}"})
"""Signatures of the answers to what a reader asks the bus and the daemon."""
FRAME_LIMIT: Final = 8 << 20
"""Bytes of a message: all disks come in one answer."""

_SIGNALS: Final = frozenset(
    {names.MANAGER_INTERFACE, names.PROPERTIES_INTERFACE, names.OBJECT_MANAGER_INTERFACE}
)


class GuardedLink:
    """A `client.connection.Link`; `open` makes one."""

    def __init__(self) -> None:
        self._handlers: list[SignalHandler] = []
        self._connection: Connection | None = None
        self._watching: asyncio.Task[None] | None = None
        self._owner = ""
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(cls, address: str) -> "GuardedLink":
        """A link to the bus at ADDRESS. Raises Unreachable."""
        link = cls()
        link._connection = await Connection.open(link, address, ANSWERS, FRAME_LIMIT)
        link._watching = asyncio.create_task(link._until_lost(), name="link")
        return link

    async def close(self) -> None:
        """As in `Link`."""
        assert self._connection is not None
        await self._connection.close()
        if self._watching:
            await self._watching

    async def call(
        self,
        destination: str,
        path: str,
        interface: str,
        member: str,
        signature: str = "",
        body: Sequence[Any] = (),
        *,
        expects: str = "",
        interactive: bool = False,
        limit: float = CALL_LIMIT,
    ) -> list[Any]:
        """As in `Link`, but nobody is ever asked for a password."""
        assert self._connection is not None
        message = Message(
            destination=destination,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
        )
        try:
            reply = await self._connection.call(message, limit)
        except ConnectionError as error:
            raise Unreachable(LOST) from error
        except TimeoutError as error:
            raise Unreachable(NO_ANSWER) from error
        return answer_of(reply, expects)

    async def call_bus(self, member: str, argument: str, expects: str = "") -> list[Any]:
        """As in `Link`."""
        answer = await self.call(
            *(names.DBUS_SERVICE, names.DBUS_PATH, names.DBUS_INTERFACE),
            *(member, "s", [argument]),
            expects=expects,
        )
        if member == "GetNameOwner" and argument == names.BUS_NAME:
            self._owner = answer[0]
        return answer

    def on_signal(self, handler: SignalHandler) -> Callable[[], None]:
        """As in `Link`."""
        self._handlers.append(handler)
        return lambda: self._handlers.remove(handler)

    # What the connection wants to know

    def admit(self, head: Head, frame: bytes) -> None:
        """Nobody has anything to call here."""
        raise AccessDenied("this is no service; call org.tetraslibre.Back.Relay")

    def handle(self, connection: Connection, message: Message) -> None:
        """No call is ever admitted."""

    def hears(self, head: Head, frame: bytes) -> bool:
        """The bus's news of the daemon, and the daemon's own."""
        if head.sender == names.DBUS_SERVICE:
            if (head.member, head.signature) != ("NameOwnerChanged", "sss"):
                return False
            name, _, owner = gate.strings(frame)
            if name == names.BUS_NAME:
                # What follows this message may be the new daemon's already.
                self._owner = owner
            return name == names.BUS_NAME
        return head.sender == self._owner and head.interface in _SIGNALS

    def heard(self, message: Message) -> None:
        """Tell everybody who listens."""
        body = [unwrap(value) for value in message.body]
        for handler in tuple(self._handlers):
            handler(
                *(message.sender or "", message.path, message.interface, message.member),
                *(message.signature, body),
            )

    async def _until_lost(self) -> None:
        assert self._connection is not None
        await self._connection.lost()
        self.closed.set_result(None)
