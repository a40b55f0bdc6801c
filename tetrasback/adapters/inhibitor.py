"""logind's inhibitor lock: no sleep, no shutdown, no closed lid while a backup runs.

The lock is a descriptor. Descriptors are only negotiated on a connection of its own, without a
name and closed at once, because the library keeps every one that a stranger sends.
"""

import asyncio
import logging
import os
from typing import Any, Final

from tetrasback.names import (
    DBUS_INTERFACE,
    DBUS_PATH,
    DBUS_SERVICE,
    LOGIND_INTERFACE,
    LOGIND_PATH,
    LOGIND_SERVICE,
)

log = logging.getLogger(__name__)

WHAT: Final = "sleep:shutdown:handle-lid-switch"
WHO: Final = "Tetras-back"
LIMIT: Final = 10.0
"""Seconds for the whole exchange."""

_LINE_LIMIT: Final = 1024


class Inhibitor:
    """`ports.Inhibitor`, on the system bus."""

    def __init__(self, *, limit: float = LIMIT) -> None:
        self._limit = limit
        self._lock = -1

    async def hold(self, why: str) -> None:
        """Take the lock where logind is on the bus; otherwise do nothing. Never raises for it."""
        if self._lock >= 0:
            return
        try:
            self._lock = await asyncio.wait_for(_inhibit(why), self._limit)
        except TimeoutError:
            log.warning("logind did not answer: the computer may go to sleep during the backup")
        except (OSError, EOFError, _Refused) as error:
            log.warning("no inhibitor lock from logind: %s", error)

    async def release(self) -> None:
        """Give it back."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


class _Refused(Exception):
    """An answer that is no lock."""


async def _inhibit(why: str) -> int:
    """The lock as a descriptor, -1 where there is no logind."""
    bus = _new_bus()
    try:
        await bus.connect()
        # Asked first, so that logind is not started where it does not run.
        answer = await _call(
            bus, DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE, "NameHasOwner", "s", [LOGIND_SERVICE]
        )
        if answer.body != [True]:
            return -1
        answer = await _call(
            bus,
            *(LOGIND_SERVICE, LOGIND_PATH, LOGIND_INTERFACE, "Inhibit"),
            *("ssss", [WHAT, WHO, why, "block"]),
        )
        if answer.signature != "h" or len(answer.unix_fds) != 1:
            _close_all(answer)
            raise _Refused("it answered without a descriptor")
        lock = int(answer.unix_fds[0])
        os.set_inheritable(lock, False)
        return lock
    finally:
        bus.disconnect()


def _new_bus() -> Any:
    # Imported here: a daemon at rest does not need it, and a simulated one has no bus.
    from dbus_next.aio.message_bus import MessageBus
    from dbus_next.constants import BusType

    class Bus(MessageBus):
        async def _auth_readline(self) -> str:
            """The library's own spins for ever when the bus hangs up here (0.2.3)."""
            line = b""
            while not line.endswith(b"\r\n"):
                data = await self._loop.sock_recv(self._sock, 1)
                if not data or len(line) > _LINE_LIMIT:
                    raise EOFError("the bus hung up")
                line += data
            return line[:-2].decode("ascii", "replace")

    return Bus(bus_type=BusType.SYSTEM, negotiate_unix_fd=True)


async def _call(
    bus: Any, service: str, path: str, interface: str, member: str, signature: str, body: list[Any]
) -> Any:
    """One method call; raises _Refused for an error, EOFError if the connection ends."""
    from dbus_next.constants import MessageFlag, MessageType
    from dbus_next.message import Message

    message = Message(
        destination=service,
        path=path,
        interface=interface,
        member=member,
        signature=signature,
        body=body,
        flags=MessageFlag.NO_AUTOSTART,
    )
    # The library's call() waits for ever once the connection has ended.
    answered = asyncio.ensure_future(bus.call(message))
    ended = asyncio.ensure_future(bus.wait_for_disconnect())
    try:
        await asyncio.wait((answered, ended), return_when=asyncio.FIRST_COMPLETED)
        if not answered.done():
            raise EOFError("the bus went away")
        answer = answered.result()
    finally:
        for task in (answered, ended):
            task.cancel()
        await asyncio.gather(answered, ended, return_exceptions=True)
    if answer is None or answer.message_type is not MessageType.METHOD_RETURN:
        _close_all(answer)
        raise _Refused(str(answer.body[0]) if answer and answer.body else "an empty answer")
    return answer


def _close_all(answer: Any) -> None:
    for descriptor in getattr(answer, "unix_fds", ()):
        os.close(descriptor)
