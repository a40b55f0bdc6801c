"""What the daemon tells, made into lines and kept as a picture; the connection is kept for ever."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from tetrasback.client.connection import Link
from tetrasback.client.events import DaemonBack, DaemonGone, Event, Lost, Signal
from tetrasback.client.mirror import Mirror
from tetrasback.client.proxy import Client
from tetrasback.errors import TetrasBackError
from tetrasback.lang.units import now
from tetrasback.relay import lines
from tetrasback.relay.document import document
from tetrasback.relay.ring import Cursor, Line, Ring
from tetrasback.wire import Alert

log = logging.getLogger(__name__)

FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 5.0
"""Seconds between attempts to reach a bus that is lost."""
BATCH: Final = 64
"""Events after which what they made is written."""
SILENCE: Final = 3600.0

_GONE: Final = ""
"""The key of the fact that the daemon is not there; others are a disk's UUID, or an alert."""


class Feed:
    """The daemon's news. CONNECT makes a connection, CHANGED is called when there may be more to
    say."""

    def __init__(self, connect: Callable[[], Awaitable[Link]], changed: Callable[[], None]) -> None:
        self._connect = connect
        self._changed = changed
        self.settled = asyncio.Event()
        """Set once it is known whether the daemon is there, and then how everything stands."""
        self._ring = Ring()
        self._mirror = Mirror()
        self._present = False
        self._known = False
        self._alerts: tuple[Alert, ...] = ()
        self._pause = FIRST_PAUSE

    def begin(self) -> Cursor:
        """The lines from now on, after those that say how everything stands."""
        return Cursor(self._ring, self, lambda count: lines.lost(count, now()))

    def document(self) -> bytes | None:
        """How everything stands, as the original said it; None: not known yet."""
        if not self._known:
            return None
        return document(self._mirror.disks.values(), self._mirror.backups.values())

    def keys(self) -> Iterable[str | Alert]:
        """As in `ring.Facts`: every disk, then what a person should know."""
        if not self._present:
            return [_GONE]
        return [*self._mirror.disks, *self._alerts]

    def line(self, key: str | Alert) -> Line | None:
        """As in `ring.Facts`."""
        if isinstance(key, Alert):
            return lines.alert(key, True, now()) if key in self._alerts else None
        if key == _GONE:
            return None if self._present else lines.daemon_gone(now())
        disk = self._mirror.disks.get(key)
        return lines.state(disk, now()) if disk else None

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                link = await self._connect()
            except (TetrasBackError, OSError) as error:
                log.debug("no system bus yet: %s", error)
            else:
                try:
                    await self._listen(Client(link))
                except TetrasBackError as error:
                    log.warning("the daemon is not heard any more (%s)", error)
                finally:
                    await link.close()
            self._take_over(DaemonGone())
            self._changed()
            self.settled.set()
            await asyncio.sleep(self._pause)
            self._pause = min(2 * self._pause, LONGEST_PAUSE)

    async def _listen(self, client: Client) -> None:
        async with client.events() as events:
            # Whoever is not there is not to be started by us: their coming will be told.
            if events.daemon_present:
                await self._load(client)
            self._changed()
            self.settled.set()
            while True:
                event = await events.next(SILENCE)
                for _ in range(BATCH):
                    if event is None:
                        break
                    self._take_over(event)
                    if isinstance(event, DaemonBack | Lost):
                        await self._load(client)
                    event = events.waiting()
                self._changed()
                await asyncio.sleep(0)

    def _take_over(self, event: Event) -> None:
        at = now()
        match event:
            case Signal():
                self._ring.append(lines.signal(event, at))
            case Lost(count):
                self._ring.append(lines.lost(count, at))
            case DaemonGone() if self._present:
                self._present = False
                self._ring.append(lines.daemon_gone(at))
        self._mirror.apply(event)
        if self._present:
            self._tell_alerts(at)

    async def _load(self, client: Client) -> None:
        """Read everything anew, and tell everybody."""
        await self._mirror.load(client)
        self._pause = FIRST_PAUSE
        if not self._present:
            self._ring.append(lines.daemon_back(now()))
        self._present = self._known = True
        self._alerts = self._mirror.manager.alerts
        for key in self.keys():
            line = self.line(key)
            if line:
                self._ring.append(line)

    def _tell_alerts(self, at: int) -> None:
        """What has begun or ended since the last time."""
        alerts = self._mirror.manager.alerts
        if alerts is self._alerts:
            return
        before = {_mark(alert): alert for alert in self._alerts}
        after = {_mark(alert): alert for alert in alerts}
        for mark in before.keys() - after.keys():
            self._ring.append(lines.alert(before[mark], False, at))
        for mark in after.keys() - before.keys():
            self._ring.append(lines.alert(after[mark], True, at))
        self._alerts = alerts


def _mark(alert: Alert) -> tuple[str, str, int]:
    """What makes an alert the same one, though its message may count the days."""
    return alert.code, alert.uuid, alert.since
