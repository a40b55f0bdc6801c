"""The commands that keep plugging in from starting a backup: hold, release."""

import shlex

from tetrasback.client import shapes
from tetrasback.ctl.context import Context
from tetrasback.ctl.match import resolve
from tetrasback.ctl.sentences import disk_name
from tetrasback.errors import EXIT_OK
from tetrasback.lang.i18n import _
from tetrasback.lang.text import clean
from tetrasback.lang.units import moment
from tetrasback.wire import DiskView, HoldView


async def hold(context: Context) -> int:
    """Let plugging in a disk, or any, start no backup for a time."""
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
    """Let plugging in start backups again."""
    disk = await _disk(context)
    await context.client.release(disk.uuid if disk else "")
    if context.out.json:
        released = {"uuid": disk.uuid if disk else "", "name": disk.name if disk else ""}
        context.out.data({"released": released})
    if disk is None:
        context.out.line(_("no disk is held any more: plugging one in starts a backup"))
    else:
        text = _("{disk} is not held any more: plugging it in starts a backup")
        context.out.line(text.format(disk=disk_name(disk)))
    return EXIT_OK


async def _disk(context: Context) -> DiskView | None:
    """The disk that is meant, None = all."""
    wanted = context.options.disk
    return await resolve(context.client, wanted) if wanted else None


def hold_line(hold: HoldView, disk: DiskView | None) -> str:
    """What is put off until when, and how to end that."""
    until = moment(hold.until)
    if not hold.uuid:
        text = _("plugging in a disk starts no backup until {time}; to end this: {command}")
        return text.format(time=until, command="tetras-backctl release")
    name = clean(disk_name(disk) if disk else hold.uuid, 64)
    return _("plugging in {disk} starts no backup until {time}; to end this: {command}").format(
        disk=name, time=until, command=f"tetras-backctl release {shlex.quote(name)}"
    )
