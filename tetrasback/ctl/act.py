"""The commands that change something and end at once."""

import shlex
from pathlib import Path

from tetrasback.client import shapes
from tetrasback.ctl import jobs
from tetrasback.ctl.context import Context
from tetrasback.ctl.match import resolve, uuid_of_device, uuid_to_save
from tetrasback.ctl.sentences import disk_name, disk_state
from tetrasback.errors import EXIT_OK, InvalidArgs, NotPlugged
from tetrasback.lang.i18n import _
from tetrasback.lang.text import clean
from tetrasback.lang.words import about
from tetrasback.wire import DiskView


async def save(context: Context) -> int:
    """Save a disk under a name, or rename it."""
    options = context.options
    if options.device:
        known = (await context.client.objects()).disks.values()
        uuid, name = uuid_of_device(known, options.device), options.disk
    else:
        wanted, equals, name = options.disk.partition("=")
        if not equals:
            raise InvalidArgs(_("write UUID=NAME, or --device DEVICE NAME"))
        uuid = await uuid_to_save(context.client, wanted)
    path = await context.client.save_disk(uuid, name)
    disk = await context.client.disk_at(path)
    _tell(context, disk, _saved(disk))
    return EXIT_OK


def _saved(disk: DiskView) -> str:
    if disk.reason:
        return _("saved as {name}; but {state}").format(name=disk.name, state=disk_state(disk))
    if disk.device:
        return _("saved as {name}; to back up now: {command}").format(
            name=disk.name, command=f"tetras-backctl backup {shlex.quote(clean(disk.name, 64))}"
        )
    return _("saved as {name}; a backup starts when it is plugged in").format(name=disk.name)


async def forget(context: Context) -> int:
    """Forget a saved disk; what is on it stays."""
    disk = await resolve(context.client, context.options.disk)
    await context.client.forget_disk(disk.uuid)
    if context.out.json:
        context.out.data({"forgotten": {"uuid": disk.uuid, "name": disk.name}})
    context.out.line(
        _("{disk} is forgotten; the backups on it are untouched").format(disk=disk_name(disk))
    )
    return EXIT_OK


async def plug(context: Context) -> int:
    """As if the disk had just been plugged in."""
    path = await context.client.plug(await _device(context))
    disk = await context.client.disk_at(path)
    _tell(context, disk, about(disk_name(disk), disk_state(disk)))
    return EXIT_OK


async def unplug(context: Context) -> int:
    """End whatever uses the disk; returns when it may be pulled out."""
    device = await _device(context)
    context.on_interrupt = _(
        "no longer waiting; {device} is still being made ready: do not unplug it yet"
    ).format(device=clean(device, 200))
    await context.client.unplug(device)
    if context.out.json:
        context.out.data({"unplugged": {"device": device}})
    context.out.line((_("{disk} is safe to unplug").format(disk=device), "green"))
    return EXIT_OK


async def _device(context: Context) -> str:
    """The device that is meant: a path as it stands, otherwise that of a disk."""
    wanted = str(context.options.disk)
    if wanted.startswith(("/", "./", "../")):
        return str(Path.cwd() / wanted)
    disk = await resolve(context.client, wanted)
    if not disk.device:
        raise NotPlugged(_("{disk} is not plugged in").format(disk=disk_name(disk)))
    return disk.device


async def cancel(context: Context) -> int:
    """Cancel the backup of a disk, or a job."""
    if context.options.job is not None:
        if context.options.disk:
            raise InvalidArgs(_("name a disk, or a job"))
        return await jobs.cancel(context, context.options.job)
    if not context.options.disk:
        raise InvalidArgs(_("name a disk, or a job"))
    disk = await resolve(context.client, context.options.disk)
    await context.client.cancel_backup(disk.uuid)
    if context.out.json:
        context.out.data({"cancelled": {"uuid": disk.uuid, "name": disk.name}})
    context.out.line(
        _("the backup on {disk} is being cancelled: wait until it is safe").format(
            disk=disk_name(disk)
        )
    )
    return EXIT_OK


async def enable(context: Context) -> int:
    """Let a script run in every backup."""
    return await _set_enabled(context, True)


async def disable(context: Context) -> int:
    """Let a script run no longer."""
    return await _set_enabled(context, False)


async def _set_enabled(context: Context, enabled: bool) -> int:
    name = context.options.script
    await context.client.set_script_enabled(name, enabled)
    if context.out.json:
        context.out.data({"script": {"name": name, "enabled": enabled}})
    done = _("{script} is enabled") if enabled else _("{script} is disabled")
    context.out.line(done.format(script=name))
    return EXIT_OK


async def reload(context: Context) -> int:
    """Let the daemon read its configuration again."""
    await context.client.reload()
    if context.out.json:
        context.out.data({"reloaded": True})
    context.out.line(_("the configuration is in force"))
    return EXIT_OK


def _tell(context: Context, disk: DiskView, text: str) -> None:
    if context.out.json:
        context.out.data({"disk": shapes.disk_shape(disk)})
    context.out.line(text)
