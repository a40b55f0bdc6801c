"""The commands that put backups off: hold, release."""

import shlex

from tetrasback.client import shapes
from tetrasback.ctl.context import Context
from tetrasback.ctl.match import full_uuid, resolve
from tetrasback.ctl.sentences import disk_name
from tetrasback.errors import EXIT_OK, UnknownDisk
from tetrasback.lang.i18n import _
from tetrasback.lang.text import clean
from tetrasback.lang.units import moment
from tetrasback.wire import DiskView, HoldView


async def hold(context: Context) -> int:
    """Let no backup start on a disk, or on any, for a time."""
    disk = await _disk(context)
    uuid = disk.uuid if disk else ""
    await context.client.hold(uuid, context.options.minutes)
    held = [hold for hold in (await context.client.manager()).holds if hold.uuid == uuid]
    made = held[0] if held else HoldView(uuid, 0)
    if context.out.json:
        context.out.data({"hold": shapes.hold_shape(made, disk.name if disk else "")})
    context.out.line(hold_line(made, disk))
    return EXIT_OK


async def release(context: Context) -> int:
    """Let backups start again."""
    disk = await _disk(context)
    await context.client.release(disk.uuid if disk else "")
    if context.out.json:
        released = {"uuid": disk.uuid if disk else "", "name": disk.name if disk else ""}
        context.out.data({"released": released})
    if disk is None:
        context.out.line(_("backups start again on every disk that is not held by itself"))
    else:
        context.out.line(_("backups on {disk} start again").format(disk=disk_name(disk)))
    return EXIT_OK


async def _disk(context: Context) -> DiskView | None:
    """The disk that is meant, which need not be known where its whole UUID is given."""
    wanted = context.options.disk
    if not wanted:
        return None
    try:
        return await resolve(context.client, wanted)
    except UnknownDisk:
        uuid = full_uuid(wanted)
        if not uuid:
            raise
        return DiskView(uuid=uuid)


def hold_line(hold: HoldView, disk: DiskView | None) -> str:
    """What is put off until when, and how to end that."""
    until = moment(hold.until)
    if not hold.uuid:
        text = _("no backup starts on any disk until {time}; to end this: {command}")
        return text.format(time=until, command="tetras-backctl release")
    name = clean(disk_name(disk) if disk else hold.uuid, 64)
    return _("no backup starts on {disk} until {time}; to end this: {command}").format(
        disk=name, time=until, command=f"tetras-backctl release {shlex.quote(name)}"
    )
