"""One connection to a bus, and every fault of dbus-next contained in one place.

Only single messages are used: no introspection, no proxy objects.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol

from dbus_next.aio.message_bus import MessageBus
from dbus_next.constants import BusType, MessageFlag, MessageType
from dbus_next.errors import AuthError, InvalidAddressError
from dbus_next.message import Message
from dbus_next.signature import Variant

from tetrasback.client.explain import error_from_wire
from tetrasback.errors import Failed, InvalidArgs, Unreachable
from tetrasback.lang.i18n import N_, _
from tetrasback.names import DBUS_INTERFACE, DBUS_PATH, DBUS_SERVICE

CONNECT_LIMIT: Final = 5.0
CALL_LIMIT: Final = 25.0
"""Seconds that a call without further ado may take; what libdbus and systemd use."""

NO_BUS: Final = N_("cannot reach the system bus; is D-Bus running?")
NO_SESSION_BUS: Final = N_("cannot reach the session bus; run this in a desktop session")
LOST: Final = N_("lost the connection to the system bus")
NO_ANSWER: Final = N_("the service did not answer in time; see: systemctl status tetras-back")

SignalHandler = Callable[[str, str, str, str, str, list[Any]], None]
"""Called with sender, path, interface, member, signature, unwrapped arguments. Must not raise."""


class Link(Protocol):
    """What the rest of this package needs of a connection to the bus."""

    @property
    def closed(self) -> "asyncio.Future[None]":
        """Done when the connection has ended, for whatever reason."""
        ...

    async def close(self) -> None:
        """End the connection; calls under way fail with Unreachable."""
        ...

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
        """Call a method; its answer's values, with variants unwrapped.

        EXPECTS is the answer's signature; INTERACTIVE lets polkit ask the user for a password.
        Raises the error of the wire as its class in `errors`, InvalidArgs for text that D-Bus
        cannot carry, Unreachable when nobody answers within LIMIT seconds.
        """
        ...

    async def call_bus(self, member: str, argument: str, expects: str = "") -> list[Any]:
        """Call a method of the bus itself that takes one string."""
        ...

    def on_signal(self, handler: SignalHandler) -> Callable[[], None]:
        """Give every signal that arrives to HANDLER; returns how to end that."""
        ...


class Connection:
    """A `Link` over the library. Use `Connection.open`, and `close` it."""

    def __init__(self, bus: Any) -> None:
        self._bus = bus
        self._handlers: list[SignalHandler] = []
        self.closed: asyncio.Future[None] = asyncio.ensure_future(_until_closed(bus))
        bus.add_message_handler(self._receive)

    @classmethod
    async def open(cls, limit: float = CONNECT_LIMIT, *, session: bool = False) -> "Connection":
        """Connect to the system bus (DBUS_SYSTEM_BUS_ADDRESS moves it) or that of the SESSION.

        Raises Unreachable when there is no bus, or it has not answered within LIMIT seconds.
        """
        bus: Any = None
        try:
            with _default_socket_timeout(limit):  # connect() waits where the backlog is full
                bus = (
                    MessageBus(bus_address=_session_address())
                    if session
                    else MessageBus(bus_type=BusType.SYSTEM)
                )
            with _end_of_file_raises():
                await asyncio.wait_for(bus.connect(), limit)
        except (OSError, EOFError, TimeoutError, AuthError, InvalidAddressError) as error:
            if bus is not None:
                bus.disconnect()
            raise Unreachable(_(NO_SESSION_BUS if session else NO_BUS)) from error
        return cls(bus)

    async def close(self) -> None:
        """As in `Link`."""
        if not self.closed.done():
            self._bus.disconnect()
            await asyncio.wait({self.closed}, timeout=1)
        self.closed.cancel()

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
        """As in `Link`."""
        for value in body:
            _check_text(value)
        message = Message(
            destination=destination,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(body),
            flags=MessageFlag.ALLOW_INTERACTIVE_AUTHORIZATION if interactive else MessageFlag.NONE,
        )
        if self.closed.done():
            raise Unreachable(_(LOST))
        # The library's call() never returns once the connection is lost.
        waiting = asyncio.ensure_future(self._bus.call(message))
        try:
            await asyncio.wait(
                {waiting, self.closed}, timeout=limit, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            if not waiting.done():
                waiting.cancel()
        if self.closed.done():
            if waiting.done() and not waiting.cancelled():
                waiting.exception()  # seen: it says the same
            raise Unreachable(_(LOST))
        if not waiting.done() or waiting.cancelled():
            raise Unreachable(_(NO_ANSWER))
        return answer_of(waiting.result(), expects)

    async def call_bus(self, member: str, argument: str, expects: str = "") -> list[Any]:
        """As in `Link`."""
        return await self.call(
            DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE, member, "s", [argument], expects=expects
        )

    def on_signal(self, handler: SignalHandler) -> Callable[[], None]:
        """As in `Link`."""
        self._handlers.append(handler)
        return lambda: self._handlers.remove(handler)

    def _receive(self, message: Any) -> bool:
        if message.message_type is MessageType.SIGNAL:
            body = [unwrap(value) for value in message.body]
            for handler in tuple(self._handlers):
                handler(
                    message.sender or "",
                    message.path,
                    message.interface,
                    message.member,
                    message.signature,
                    body,
                )
        # We offer nothing: whoever calls us gets no answer, not the library's invented ones.
        return bool(message.message_type is MessageType.METHOD_CALL)


def unwrap(value: Any) -> Any:
    """VALUE without dbus-next's variants, to any depth."""
    if isinstance(value, Variant):
        return unwrap(value.value)
    if isinstance(value, dict):
        return {key: unwrap(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unwrap(item) for item in value]
    return value


def answer_of(reply: Any, expects: str) -> list[Any]:
    """The values of a reply, with variants unwrapped; raises the error that it is, and Failed where
    its signature is not the one expected."""
    if reply.message_type is MessageType.ERROR:
        text = reply.body[0] if reply.body and isinstance(reply.body[0], str) else ""
        raise error_from_wire(reply.error_name, text)
    if reply.signature != expects:
        raise Failed(
            _("unexpected answer from the service; are program and service of one version?")
        )
    return [unwrap(value) for value in reply.body]


def _check_text(value: Any) -> None:
    # The library would end the connection, or fail with an error of Python's own.
    if isinstance(value, str) and ("\0" in value or not _encodable(value)):
        raise InvalidArgs(_("an argument holds characters that are not text"))


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _session_address() -> str:
    # The library would look for a bus of X11's as well; libdbus and systemd do as this does.
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    address = os.environ.get("DBUS_SESSION_BUS_ADDRESS") or (runtime and f"unix:path={runtime}/bus")
    if not address:
        raise InvalidAddressError("neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set")
    return address


async def _until_closed(bus: Any) -> None:
    # How it ended is of no use: whoever is affected finds out by `closed`.
    with contextlib.suppress(OSError, EOFError, ValueError, TypeError):
        await bus.wait_for_disconnect()


@contextlib.contextmanager
def _default_socket_timeout(limit: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(limit)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextlib.contextmanager
def _end_of_file_raises() -> Iterator[None]:
    """While this holds, the loop's `sock_recv` raises EOFError where it would return nothing.

    dbus-next reads in a loop until a line is whole: a bus that closes the connection during
    authentication would keep it spinning for ever, without giving any time limit a chance.
    """
    loop = asyncio.get_running_loop()
    original = loop.sock_recv

    async def sock_recv(sock: socket.socket, size: int) -> bytes:
        data = await original(sock, size)
        if not data:
            raise EOFError("the bus closed the connection")
        return data

    vars(loop)["sock_recv"] = sock_recv
    try:
        yield
    finally:
        del vars(loop)["sock_recv"]
