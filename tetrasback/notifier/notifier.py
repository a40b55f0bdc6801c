"""The two halves put together: the daemon is heard, and the screen is made to fit.

::

    daemon ── signals ── mirror ── desk ── notes ── board ── server of the session
    person ── button ── server ── board ── command ── daemon

It decides nothing that could be decided without a bus: that is for `desk` and `board`.
"""

import asyncio
import contextlib
import logging
from typing import Final

from tetrasback.client.connection import LOST, Connection
from tetrasback.client.events import DaemonBack, DaemonGone, Lost
from tetrasback.client.explain import explain
from tetrasback.client.notifications import Closed, NotificationServer, Pressed, ServerChanged
from tetrasback.client.proxy import Client
from tetrasback.client.subscription import Subscription
from tetrasback.errors import AuthorizationRequired, TetrasBackError, Unreachable
from tetrasback.lang.i18n import _
from tetrasback.lang.units import now
from tetrasback.notifier.board import Board, Plan
from tetrasback.notifier.desk import Desk
from tetrasback.notifier.form import form
from tetrasback.notifier.memory import Memory
from tetrasback.notifier.note import BackUp, Cancel, Command, Save

log = logging.getLogger(__name__)

SETTLE: Final = 0.05
"""Seconds in which several signals make one change of the screen."""
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0
"""Seconds between attempts to reach a system bus that is lost."""
NOT_READY: Final = 5.0
"""Seconds after which a daemon that could not tell how things stand is asked again."""
REST: Final = 10.0
"""Seconds in which a server that has failed is left alone."""
LAUNCH_PAUSE: Final = 60.0
"""Seconds between attempts to have a server started."""
HOUR: Final = 3600.0
"""Seconds after which old alerts are looked at again."""


class Notifier:
    """Shows what the daemon tells in the session that SESSION is connected to."""

    def __init__(self, session: Connection, memory: Memory) -> None:
        self._session = session
        self._memory = memory
        self._told = memory.load()
        self._desk = Desk(self._told)
        self._board = Board()
        self._server = NotificationServer(session, self._wake)
        self._capabilities: frozenset[str] | None = None
        self._changed = asyncio.Event()
        self._client: Client | None = None
        self._commands: dict[str, asyncio.Task[None]] = {}
        self._rest_until = 0.0

    async def run(self) -> None:
        """Until it is cancelled. Raises Unreachable when the session bus is lost."""
        await self._server.start()
        tasks = [
            asyncio.create_task(self._follow(), name="follow"),
            asyncio.create_task(self._show(), name="show"),
        ]
        try:
            done, _running = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            if self._client is not None:  # first, or it would take its leave of a bus that hangs
                await self._client.connection.close()
            for task in (*tasks, *self._commands.values()):
                task.cancel()
            await asyncio.gather(*tasks, *self._commands.values(), return_exceptions=True)

    async def close(self) -> None:
        """After `run`: whatever would need us is taken off the screen."""
        with contextlib.suppress(TetrasBackError):
            for shown in self._board.all_shown():
                if shown.note.buttons or shown.note.progress is not None:
                    await self._server.close(shown.id)

    # The daemon

    async def _follow(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                # With this the desktop's agent asks for a password where one is needed.
                client = self._client = await Client.open(contextlib.nullcontext)
                try:
                    pause = FIRST_PAUSE
                    await self._listen(client)
                finally:
                    self._client = None
                    await client.connection.close()
            except TetrasBackError as error:
                log.debug("the daemon is not heard: %s", error)
            self._desk.lost()
            self._wake()
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _listen(self, client: Client) -> None:
        async with client.events() as events:
            # A daemon that is not there is not to be started by us: its coming will be told.
            unread = events.daemon_present
            while True:
                if unread:
                    unread = not await self._load(client)
                unread |= await self._hear(events, NOT_READY if unread else HOUR)
                self._wake()

    async def _load(self, client: Client) -> bool:
        """Whether everything could be read anew."""
        try:
            await self._desk.mirror.load(client)
        except TetrasBackError as error:
            if client.connection.closed.done():
                raise
            log.debug("the daemon does not tell how things stand: %s", error)
            return False
        self._desk.loaded()
        self._wake()
        return True

    async def _hear(self, events: Subscription, limit: float) -> bool:
        """Take over what has happened; whether everything must be read anew."""
        unread = False
        event = await events.next(limit)
        while event is not None:
            match event:
                case DaemonGone():
                    self._desk.lost()
                    unread = False
                case DaemonBack() | Lost():
                    unread = True
                case _:
                    self._desk.mirror.apply(event)
                    self._desk.hear(event)
            event = events.waiting()
        return unread

    # The screen

    def _wake(self) -> None:
        self._changed.set()

    async def _show(self) -> None:
        while True:
            self._changed.clear()
            self._hear_server()
            wait = await self._update()
            if self._told.changed:
                self._told.changed = False
                await asyncio.to_thread(self._memory.save, self._told.items())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):  # wait_for of Python 3.11 may swallow a cancel
                    await self._changed.wait()
            await asyncio.sleep(SETTLE)

    def _hear_server(self) -> None:
        while (event := self._server.next_event()) is not None:
            match event:
                case ServerChanged():
                    self._board.forget()
                    self._capabilities = None
                    self._rest_until = 0.0
                case Closed(number):
                    key = self._board.closed(number)
                    if key is not None:
                        self._desk.closed(key)
                case Pressed(number, action):
                    self._press(number, action)

    async def _update(self) -> float:
        """Make the screen fit; the seconds after which to look again if nothing changes."""
        if self._session.closed.done():
            raise Unreachable(_(LOST))
        clock = asyncio.get_running_loop().time()
        plan = self._board.plan(self._desk.wanted(now()), clock)
        for note in plan.same:
            self._desk.shown(note, now())
        if plan.close or plan.send:
            if clock < self._rest_until:
                return self._rest_until - clock
            try:
                await self._carry_out(plan)
            except TetrasBackError as error:
                log.info("notifications cannot be shown: %s", error)
                pause = REST if self._server.owner else LAUNCH_PAUSE
                self._rest_until = clock + pause
                return pause
        return HOUR if plan.wait is None else plan.wait

    async def _carry_out(self, plan: Plan) -> None:
        if not self._server.owner:
            await self._server.launch()
        owner = self._server.owner
        if self._capabilities is None:
            self._capabilities = await self._server.capabilities()
        for key in plan.close:
            shown = self._board.shown(key)
            if shown is not None:
                await self._server.close(shown.id)
                self._board.closed(shown.id)
                self._desk.closed(key)
        for note in plan.send:
            if self._server.owner != owner:
                return  # everything begins anew with the next one
            before = self._board.shown(note.key)
            update = before is not None and before.note.occasion == note.occasion
            number = await self._server.notify(
                form(note, self._capabilities, update=update), before.id if before else 0
            )
            self._board.sent(note, number, asyncio.get_running_loop().time())
            self._desk.shown(note, now())

    # Buttons

    def _press(self, number: int, action: str) -> None:
        note = self._board.note(number)
        for button in note.buttons if note else ():
            if button.key == action and button.command.uuid not in self._commands:
                uuid = button.command.uuid
                self._commands[uuid] = asyncio.create_task(self._obey(button.command))

    async def _obey(self, command: Command) -> None:
        try:
            await _call(self._client, command)
        except AuthorizationRequired:
            self._desk.failed(command, _("a password is needed, and nothing here can ask for it"))
        except TetrasBackError as error:
            self._desk.failed(command, explain(error))
        else:
            self._desk.succeeded(command)
        finally:
            del self._commands[command.uuid]
            self._wake()


async def _call(client: Client | None, command: Command) -> None:
    if client is None:
        raise Unreachable(_("the service does not answer"))
    match command:
        case Save(uuid, name):
            await client.save_disk(uuid, name)
        case BackUp(uuid):
            await client.run_backup(uuid)
        case Cancel(uuid):
            await client.cancel_backup(uuid)
