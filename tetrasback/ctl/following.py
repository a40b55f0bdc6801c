"""Staying with something that the daemon does until its verdict, whatever becomes of the daemon."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from tetrasback.client.events import Changed, DaemonGone, Signal
from tetrasback.client.explain import DIED
from tetrasback.client.mirror import updated
from tetrasback.client.proxy import Client
from tetrasback.client.subscription import Subscription
from tetrasback.ctl.context import Context
from tetrasback.ctl.progress import Display
from tetrasback.errors import UnknownDisk, Unreachable
from tetrasback.lang.i18n import _
from tetrasback.wire import BackupView, DiskView, JobView

BACK_LIMIT: Final = 30.0
"""Seconds that a daemon which went away is waited for."""
REREAD: Final = 5.0
"""Seconds of silence after which it is looked at again."""
RELEASE_LIMIT: Final = 60.0
"""Seconds after the verdict until it must be told whether the disk is free."""
TURN: Final = 0.5
"""Seconds between two looks at whether anything else is to be done meanwhile."""
_UNSETTLED: Final = frozenset({"running", "plugged"})


Shown = TypeVar("Shown", BackupView, JobView)


@dataclass(frozen=True, slots=True)
class Followed(Generic[Shown]):
    """A backup or a job: its object, the signal of its end, whose argument of that name is the
    object's path, and how to look at it as it is now. HISTORY: the command that tells its verdict
    later."""

    path: str
    interface: str
    finished: str
    argument: str
    look: Callable[[Client], Awaitable[Shown]]
    history: str


async def _nothing() -> None:
    """What is done meanwhile, by default."""


async def follow(
    context: Context,
    followed: Followed[Shown],
    display: Display,
    meanwhile: Callable[[], Awaitable[None]] = _nothing,
) -> None:
    """Return when it has its verdict; Unreachable if the daemon stays away.

    MEANWHILE is called twice a second, and may raise.
    """
    while True:
        try:
            async with context.client.events() as events:
                if not events.daemon_present:
                    raise Unreachable(_(DIED))
                await _until_verdict(context.client, events, followed, display, meanwhile)
                return
        except Unreachable:
            display.stop()
            context.out.note(
                _(
                    "the service has gone away; waiting up to {seconds} s for it to come back"
                ).format(seconds=f"{BACK_LIMIT:.0f}")
            )
            await _wait_back(context, followed.history)


async def _until_verdict(
    client: Client,
    events: Subscription,
    followed: Followed[Shown],
    display: Display,
    meanwhile: Callable[[], Awaitable[None]],
) -> None:
    view = await followed.look(client)
    quiet_since = time.monotonic()
    while not view.verdict:
        display.show(view)
        await meanwhile()
        event = await events.next(TURN)
        match event:
            case Changed(followed.path, followed.interface, values):
                view = updated(view, values)
            case Signal(followed.finished, arguments):
                if arguments[followed.argument] == followed.path:
                    return
            case DaemonGone():
                raise Unreachable(_(DIED))
        if event is not None:
            quiet_since = time.monotonic()
        elif time.monotonic() - quiet_since > REREAD:
            view = await followed.look(client)
            quiet_since = time.monotonic()


async def _wait_back(context: Context, history: str) -> None:
    end = time.monotonic() + BACK_LIMIT
    while True:
        try:
            if context.client.connection.closed.done():
                context.client = await context.client.reopened()
            async with context.client.events() as events:
                if events.daemon_present:
                    return
        except Unreachable:
            pass  # the bus is not back either
        if time.monotonic() > end:
            raise Unreachable(
                _("the service did not come back; the verdict will be in: {command}").format(
                    command=history
                )
            )
        await asyncio.sleep(0.5)


async def released(client: Client, uuid: str) -> DiskView | None:
    """The disk once it is told whether it may be unplugged; None where it is no longer known."""
    end = time.monotonic() + RELEASE_LIMIT
    async with client.events() as events:
        while True:
            try:
                disk = await client.disk(uuid)
            except UnknownDisk:
                return None
            if disk.state not in _UNSETTLED or time.monotonic() > end:
                return disk
            await events.next(1.0)
