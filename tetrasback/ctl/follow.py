"""`backup`: start one and stay with it to its end, whatever becomes of the daemon meanwhile."""

import shlex
from dataclasses import replace
from functools import partial

from tetrasback import names
from tetrasback.client import shapes
from tetrasback.client.explain import verdict_exit_code
from tetrasback.client.proxy import Client
from tetrasback.ctl.context import Context
from tetrasback.ctl.following import Followed, follow, released
from tetrasback.ctl.match import resolve
from tetrasback.ctl.progress import Display
from tetrasback.ctl.sentences import disk_name, release_line, verdict_line
from tetrasback.errors import EXIT_OK, UnknownBackup
from tetrasback.lang.i18n import _
from tetrasback.lang.text import clean
from tetrasback.wire import BackupView, HistoryEntry


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
    with Display(context.out, name, _("backup on {disk}").format(disk=name)) as display:
        await follow(context, _followed(number), display)
    ended = await _ended(context.client, number)
    context.out.line(*verdict_line(name, ended))
    context.on_interrupt = _(
        "no longer waiting: ask tetras-backctl whether {disk} may be unplugged"
    ).format(disk=shown)
    settled = await released(context.client, disk.uuid)
    if context.out.json:
        context.out.data(
            {
                "backup": shapes.history_shape(ended),
                "disk": shapes.disk_shape(settled) if settled else None,
            }
        )
    context.out.line(*release_line(name, settled))
    return verdict_exit_code(ended.verdict)


def _followed(number: int) -> Followed[BackupView]:
    return Followed(
        names.backup_path(number),
        names.BACKUP_INTERFACE,
        "BackupFinished",
        "backup",
        partial(_look, number=number),
        "tetras-backctl history",
    )


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
