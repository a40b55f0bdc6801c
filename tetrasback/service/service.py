"""The service: one connection kept for ever, what is published on it, what is told."""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from dbus_next.constants import MessageType, NameFlag, RequestNameReply
from dbus_next.message import Message

from tetrasback import names
from tetrasback.errors import Failed, TetrasBackError
from tetrasback.service.api import Authority, Checks
from tetrasback.service.connection import Connection
from tetrasback.service.contract import Contract, joined
from tetrasback.service.dispatch import Dispatcher
from tetrasback.service.guard import Guard
from tetrasback.service.link import system_address
from tetrasback.service.published import Published
from tetrasback.service.queues import Item, Rank

log = logging.getLogger(__name__)

BACKLOG: Final = 256
"""Signals kept while there is no bus."""
FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 5.0
"""Seconds between attempts to reach a bus that is lost."""
FLUSH_LIMIT: Final = 2.0
"""Seconds for the bus to take what is still to be said at the end."""
_NAME_LIMIT: Final = 10.0


class Service:
    """CONTRACT on the bus at ADDRESS (default: the system bus), obeyed by CONTROL.

    ROOT is the root object's view until another is published. `publish` and `tell` may be called at
    any time, also before `start` and while the bus is away: first publish the state that a signal
    speaks of, then tell the signal.
    """

    def __init__(
        self,
        contract: Contract,
        control: Checks,
        authority: Authority,
        root: Any,
        address: str | None = None,
    ) -> None:
        self._contract = contract
        self._address = system_address() if address is None else address
        self._published = Published(contract, root)
        self._guard = Guard(contract, control, authority)
        self._dispatcher = Dispatcher(contract, self._published, self._guard)
        self._connection: Connection | None = None
        self._backlog: deque[Any] = deque()

    async def start(self) -> None:
        """Connect and own the name. Raises Unreachable, or Failed where another daemon owns it."""
        connection = await Connection.open(self._dispatcher, self._address)
        try:
            await _own_name(connection, self._contract)
        except BaseException:
            await connection.close()
            raise
        self._connection = connection
        backlog, self._backlog = self._backlog, deque()
        for signal in backlog:
            self.tell(signal)

    async def run(self) -> None:
        """Keep the connection until cancelled: a bus that is lost is sought until it is back, the
        name is claimed again, and what was not told is told then."""
        while True:
            if self._connection is None:
                await self._come_back()
                continue
            reason = await self._connection.lost()
            log.warning("the system bus is lost (%s); work goes on", reason)
            connection, self._connection = self._connection, None
            self._guard.all_left()
            for signal in connection.unsent():
                self._keep(signal)
            await connection.close()

    def tell(self, signal: Any) -> None:
        """Tell everybody on the bus; while there is none, a bounded number of signals is kept."""
        if self._connection is None:
            self._keep(signal)
            return
        name = type(signal).__name__
        message = Message.new_signal(
            self._contract.root,
            self._contract.interface,
            name,
            joined(self._contract.signals[name]),
            self._contract.signal_body(signal),
        )
        rank = Rank.PROGRESS if self._passing(signal) else Rank.SIGNAL
        if not self._connection.send(Item(message, rank, signal=signal)):
            self._keep(signal)

    def publish(self, root: Any, *collections: Mapping[Any, Any]) -> None:
        """Show a new state, key → view for each collection of the contract, and announce what is
        different from the last one.

        A view that has not changed must be the same object as before: then it costs nothing.
        """
        for item in self._published.update(root, *collections):
            if self._connection is not None:
                self._connection.send(item)

    async def stop(self) -> None:
        """Answer who still waits, let the bus take what is queued (2 s at most), and leave it.

        Cancel `run` first.
        """
        await self._guard.close()
        connection, self._connection = self._connection, None
        if connection is None:
            return
        # Its answer comes after the bus has taken all that was queued before it.
        with suppress(TimeoutError, ConnectionError):
            await connection.call(_to_bus("ReleaseName", "s", [self._contract.name]), FLUSH_LIMIT)
        await connection.close()

    async def _come_back(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                await self.start()
            except (TetrasBackError, OSError) as error:
                log.debug("no system bus yet: %s", error)
            else:
                log.warning("the system bus is back")
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _keep(self, signal: Any) -> None:
        """Into the backlog; where that is full, progress goes first, then the oldest."""
        self._backlog.append(signal)
        if len(self._backlog) > BACKLOG:
            passing = next((s for s in self._backlog if self._passing(s)), None)
            self._backlog.remove(self._backlog[0] if passing is None else passing)

    def _passing(self, signal: Any) -> bool:
        return type(signal).__name__ in self._contract.passing


async def _own_name(connection: Connection, contract: Contract) -> None:
    """Claim the name, or nothing: being second in a queue helps nobody."""
    request = _to_bus("RequestName", "su", [contract.name, NameFlag.DO_NOT_QUEUE])
    try:
        answer = await connection.call(request, _NAME_LIMIT)
    except (TimeoutError, ConnectionError) as error:
        raise Failed("the system bus does not give us our name; is it stopped?") from error
    assert answer is not None
    if answer.message_type is MessageType.ERROR:
        raise Failed(
            f"the system bus refuses the name {contract.name}; run as the user that the bus policy"
            f" names, and install {contract.policy}"
        )
    owner = (RequestNameReply.PRIMARY_OWNER.value, RequestNameReply.ALREADY_OWNER.value)
    if answer.body[0] not in owner:
        raise Failed(
            f"{contract.name} has an owner already; stop the other {contract.program} first"
        )


def _to_bus(member: str, signature: str, body: list[object]) -> Message:
    return Message(
        destination=names.DBUS_SERVICE,
        path=names.DBUS_PATH,
        interface=names.DBUS_INTERFACE,
        member=member,
        signature=signature,
        body=body,
    )
