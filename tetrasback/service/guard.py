"""Between a well-formed call and what carries it out: limits, form, authorisation, errors.

The order is fixed: the form of the arguments, then polkit, then the work. Until a caller is
authorised nothing is looked at but what they said themselves.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from dbus_next.constants import MessageFlag, MessageType
from dbus_next.message import Message

from tetrasback import names
from tetrasback.errors import AccessDenied, Failed, LimitsExceeded, Rejected, TetrasBackError
from tetrasback.service.api import Authority, Checks
from tetrasback.service.connection import INTERNAL, Connection
from tetrasback.service.contract import Contract, Method
from tetrasback.service.values import received

log = logging.getLogger(__name__)

FROM_ONE: Final = 16
"""Requests under way from one connection …"""
FROM_ONE_USER: Final = 32
"""… of one user …"""
FROM_USERS: Final = 96
"""… of all users but root (the bus keeps 128 questions to polkit open for us, no more) …"""
ALL: Final = 1024
"""… and of all, but for the first of a connection: a flood turns no newcomer away."""
KNOWN: Final = 1024
"""Connections whose user is remembered: more than the bus lets several users have."""

_LOOK_UP_LIMIT: Final = 10.0
_TOO_MANY: Final = "too many requests under way; wait for the answers to some"


@dataclass(slots=True)
class _Caller:
    """A connection with requests under way. ``asking``: those that are not authorised yet;
    ``looking``: held while the bus is asked for its user; ``watched``: whether we are told when
    it goes."""

    count: int = 0
    asking: set[asyncio.Task[None]] = field(default_factory=set)
    looking: asyncio.Lock = field(default_factory=asyncio.Lock)
    watched: bool = False


class Guard:
    """Carries out calls of the contract's own methods for those who may."""

    def __init__(self, contract: Contract, control: Checks, authority: Authority) -> None:
        self._contract = contract
        self._control = control
        self._authority = authority
        self._tasks: set[asyncio.Task[None]] = set()
        self._callers: dict[str, _Caller] = {}
        self._users: Counter[int] = Counter()
        self._known: dict[str, int] = {}
        self._turns: dict[int, asyncio.Lock] = {}

    def begin(self, connection: Connection, call: Message, method: Method) -> None:
        """Start a call, whose answer comes later. Raises InvalidArgs or LimitsExceeded."""
        caller = self._callers.get(call.sender)
        if caller and (caller.count >= FROM_ONE or len(self._tasks) >= ALL):
            raise LimitsExceeded(_TOO_MANY)
        details = self._control.check(method.name, received(call.body))
        if caller is None:
            caller = self._callers[call.sender] = _Caller()
        caller.count += 1
        task = asyncio.create_task(self._serve(connection, call, method, details, caller))
        caller.asking.add(task)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._served(connection, call.sender, caller, done))

    def left(self, sender: str) -> None:
        """A caller has gone: no question of theirs is asked any more. Work under way goes on."""
        if sender in self._callers:
            for task in tuple(self._callers[sender].asking):
                task.cancel()

    def all_left(self) -> None:
        """The bus is lost, and with it every caller."""
        for sender in tuple(self._callers):
            self.left(sender)
        self._callers.clear()
        self._known = {}

    async def close(self) -> None:
        """End everything that is under way; each caller is told."""
        await asyncio.sleep(0)  # a task that has not begun would end without a word
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(
        self,
        connection: Connection,
        call: Message,
        method: Method,
        details: Mapping[str, str],
        caller: _Caller,
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        try:
            uid = await self._user(connection, call.sender, caller)
            self._users[uid] += 1
            try:
                self._check_users(uid)
                if method.action is None:
                    await self._answer_anybody(connection, call, method, uid)
                    return
                if not caller.watched:
                    caller.watched = True
                    connection.watch(call.sender, True)
                interactive = bool(call.flags & MessageFlag.ALLOW_INTERACTIVE_AUTHORIZATION)
                await self._authority.check(
                    partial(connection.call, behalf=call.sender),
                    call.sender,
                    uid,
                    method.action,
                    interactive,
                    details,
                )
                caller.asking.discard(task)
                # Root is asked nothing, and so was shown nothing.
                if (
                    method.as_shown
                    and uid
                    and self._control.check(method.name, received(call.body)) != details
                ):
                    raise Rejected("it has changed since it was asked for; look again, then retry")
                log.info("%s for user %d", method.name, uid)
                _answer(connection, call, method, await self._run(method, call, uid))
            finally:
                self._users[uid] -= 1
                if not self._users[uid]:
                    del self._users[uid]
                    self._turns.pop(uid, None)
        except TetrasBackError as error:
            connection.refuse(call, error)
        except asyncio.CancelledError:
            connection.refuse(call, Failed("the service is being stopped; try again later"))
            raise
        except Exception:
            # Whatever it is, the caller gets an answer without our insides and the daemon lives.
            log.exception("%s failed", method.name)
            connection.refuse(call, INTERNAL)

    async def _answer_anybody(
        self, connection: Connection, call: Message, method: Method, uid: int
    ) -> None:
        """For methods that need no authorisation and may cost something: one after the other for
        each user, the next when the answer is on its way, so that nobody can make others wait."""
        async with self._turns.setdefault(uid, asyncio.Lock()):
            value = await self._run(method, call, uid)
            taken = asyncio.Event()
            if _answer(connection, call, method, value, taken):
                waits = {asyncio.create_task(taken.wait()), asyncio.create_task(connection.lost())}
                try:
                    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for wait in waits:
                        wait.cancel()

    async def _run(self, method: Method, call: Message, uid: int) -> Any:
        args = received(call.body)
        return await method.run(self._control, [*args, uid] if method.for_user else args)

    async def _user(self, connection: Connection, sender: str, caller: _Caller) -> int:
        """The user of a connection; asked once, for a unique name is never given again."""
        async with caller.looking:
            known = self._known  # of this bus: the next one gives the same names to others
            uid = known.pop(sender, None)
            if uid is None:
                uid = await _user_of(connection, sender)
            known[sender] = uid  # the last again
            if len(known) > KNOWN:
                del known[next(iter(known))]
            return uid

    def _check_users(self, uid: int) -> None:
        if uid != 0 and (
            self._users[uid] > FROM_ONE_USER or self._users.total() - self._users[0] > FROM_USERS
        ):
            raise LimitsExceeded(_TOO_MANY)

    def _served(
        self, connection: Connection, sender: str, caller: _Caller, task: asyncio.Task[None]
    ) -> None:
        self._tasks.discard(task)
        caller.asking.discard(task)
        caller.count -= 1
        if not caller.count and self._callers.get(sender) is caller:
            del self._callers[sender]
            if caller.watched:
                connection.watch(sender, False)


def _answer(
    connection: Connection,
    call: Message,
    method: Method,
    value: Any,
    taken: asyncio.Event | None = None,
) -> bool:
    sent = (lambda _: taken.set()) if taken else None
    if method.result is None:
        return connection.reply(call, sent=sent)
    signature = method.result[0]
    size = len(value) + 256 if signature == "s" else 512 * len(value)
    return connection.reply(call, signature, [value], size, sent)


async def _user_of(connection: Connection, sender: str) -> int:
    """The user of a connection, as the bus knows it. Raises AccessDenied."""
    try:
        answer = await connection.call(
            Message(
                destination=names.DBUS_SERVICE,
                path=names.DBUS_PATH,
                interface=names.DBUS_INTERFACE,
                member="GetConnectionUnixUser",
                signature="s",
                body=[sender],
            ),
            _LOOK_UP_LIMIT,
            sender,
        )
    except (TimeoutError, ConnectionError):
        answer = None
    if (
        answer is None
        or answer.message_type is not MessageType.METHOD_RETURN
        or answer.sender != names.DBUS_SERVICE
        or answer.signature != "u"
    ):
        raise AccessDenied("the bus does not say who is asking; try again")
    return int(answer.body[0])
