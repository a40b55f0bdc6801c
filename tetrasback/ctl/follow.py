"""`backup`: start one and stay with it to its end, whatever becomes of the daemon meanwhile."""

import asyncio
import shlex
import time
from dataclasses import replace
from typing import Final

from tetrasback import names
from tetrasback.client import shapes
from tetrasback.client.events import Changed, DaemonGone, Signal
from tetrasback.client.explain import DIED, verdict_exit_code
from tetrasback.client.mirror import updated
from tetrasback.client.proxy import Client
from tetrasback.client.subscription import Subscription
from tetrasback.ctl.context import Context
from tetrasback.ctl.match import resolve
from tetrasback.ctl.progress import Display
from tetrasback.ctl.sentences import disk_name, release_line, verdict_line
from tetrasback.errors import EXIT_OK, UnknownBackup, UnknownDisk, Unreachable
from tetrasback.lang.i18n import _
from tetrasback.lang.text import clean
from tetrasback.wire import BackupView, DiskView, HistoryEntry

BACK_LIMIT: Final = 30.0
"""Seconds that a daemon which went away is waited for."""
RELEASE_LIMIT: Final = 60.0
"""Seconds after the verdict until it must be told whether the disk is free."""
REREAD: Final = 5.0
"""Seconds of silence after which the backup is looked at again."""
_UNSETTLED: Final = frozenset({"running", "plugged"})


async def backup(context: Context) -> int:
    """Start a backup; unless --no-wait, follow it. The exit code is the verdict's."""
    disk = await resolve(context.client, context.options.disk)
    number = await context.client.run_backup(disk.uuid)
    name = disk_name(disk)
    if context.options.no_wait:
        if context.out.json:
            context.out.data({"backup": shapes.backup_shape(await context.client.backup(number))})
        context.out.line(
            _("backup {number} on {disk} has begun; see: tetras-backctl watch").format(
                number=number, disk=name
            )
        )
        return EXIT_OK
    shown = clean(name, 64)
    context.on_interrupt = _(
        "no longer following: the backup on {disk} goes on; to stop it: {command}"
    ).format(disk=shown, command=f"tetras-backctl cancel {shlex.quote(shown)}")
    with Display(context.out, name) as display:
        await _follow(context, number, display)
    ended = await _ended(context.client, number)
    context.out.line(*verdict_line(name, ended))
    context.on_interrupt = _(
        "no longer waiting: ask tetras-backctl whether {disk} may be unplugged"
    ).format(disk=shown)
    released = await _released(context.client, disk.uuid)
    if context.out.json:
        context.out.data(
            {
                "backup": shapes.history_shape(ended),
                "disk": shapes.disk_shape(released) if released else None,
            }
        )
    context.out.line(*release_line(name, released))
    return verdict_exit_code(ended.verdict)


async def _follow(context: Context, number: int, display: Display) -> None:
    """Return when the backup has its verdict; Unreachable if the daemon stays away."""
    while True:
        try:
            async with context.client.events() as events:
                if not events.daemon_present:
                    raise Unreachable(_(DIED))
                await _until_verdict(context.client, events, number, display)
                return
        except Unreachable:
            display.stop()
            context.out.note(
                _(
                    "the service has gone away; waiting up to {seconds} s for it to come back"
                ).format(seconds=f"{BACK_LIMIT:.0f}")
            )
            await _wait_back(context)


async def _until_verdict(
    client: Client, events: Subscription, number: int, display: Display
) -> None:
    path = names.backup_path(number)
    view = await _look(client, number)
    quiet_since = time.monotonic()
    while not view.verdict:
        display.show(view)
        event = await events.next(0.5)
        match event:
            case Changed(changed, names.BACKUP_INTERFACE, values) if changed == path:
                view = updated(view, values)
            case Signal("BackupFinished", {"backup": finished}) if finished == path:
                return
            case DaemonGone():
                raise Unreachable(_(DIED))
        if event is not None:
            quiet_since = time.monotonic()
        elif time.monotonic() - quiet_since > REREAD:
            view = await _look(client, number)
            quiet_since = time.monotonic()


async def _look(client: Client, number: int) -> BackupView:
    """The backup as it is now; one that is no longer shown, by its row in the history."""
    try:
        return await client.backup(number)
    except UnknownBackup:
        row = await _row(client, number)
        return BackupView(id=row.id, uuid=row.uuid, state="running", verdict=row.verdict)


async def _ended(client: Client, number: int) -> HistoryEntry:
    """Its row; where that could not be written, with the verdict as it was told."""
    row = await _row(client, number)
    if row.verdict:
        return row
    view = await client.backup(number)
    return replace(
        row,
        verdict=view.verdict,
        code=view.code,
        message=view.message,
        finished_at=view.finished_at,
        bytes=view.bytes_done,
        files=view.files_done,
        warnings=view.warnings,
    )


async def _row(client: Client, number: int) -> HistoryEntry:
    for row in await client.history("", number + 1, 1):
        if row.id == number:
            return row
    raise UnknownBackup(
        _("backup {number} is not in the history; see: tetras-backctl history").format(
            number=number
        )
    )


async def _wait_back(context: Context) -> None:
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
                _("the service did not come back; the verdict will be in: tetras-backctl history")
            )
        await asyncio.sleep(0.5)


async def _released(client: Client, uuid: str) -> DiskView | None:
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
