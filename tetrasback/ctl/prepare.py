"""`prepare`: make a whole disk one of the backup disks, after a look at what would be lost."""

import asyncio
import os
import shlex
from collections.abc import Iterable
from pathlib import Path

from tetrasback import names
from tetrasback.client import shapes
from tetrasback.client.events import Changed
from tetrasback.client.proxy import Client
from tetrasback.ctl.confirm import ask, check_same
from tetrasback.ctl.context import Context
from tetrasback.ctl.sentences import disk_state
from tetrasback.ctl.wholes import contents_lines, is_empty, preparable_name
from tetrasback.errors import EXIT_OK, InvalidArgs, Rejected
from tetrasback.lang.i18n import _
from tetrasback.lang.text import clean
from tetrasback.lang.units import size
from tetrasback.lang.words import PREPARING, say
from tetrasback.wire import PreparableView, manager_from_wire

BY_SEQUENCE = Path("/dev/disk/by-diskseq")


async def prepare(context: Context) -> int:
    """Erase a disk, after it was named once more, and make it a backup disk."""
    options = context.options
    device, erase = options.device, options.erase
    if not device and erase and erase.startswith("/"):
        device, erase = erase, ""  # the parser took the device for what --erase may be given
    if not device:
        raise InvalidArgs(_("name the whole disk to prepare, such as /dev/sdb"))
    if not options.name:
        raise InvalidArgs(_("say what the disk is to be called: --name NAME"))
    device = str(Path.cwd() / device)
    whole = _find((await context.client.manager()).preparable, device)
    if whole is not None and erase:
        check_same(whole, erase)
    if whole is None or is_empty(whole):
        try:
            return await _carry_out(context, _path(whole, device), erase=False)
        except Rejected:
            # It was opened, and something is on it: now the service can show it to everybody.
            whole = _find((await context.client.manager()).preparable, device)
            if whole is None or erase is None:
                raise
    _check_use(whole)
    if erase is None:
        raise _not_empty(whole, f"{_command(context, device)} --erase")
    if not erase:
        erase = await ask(context, whole)
    check_same(whole, erase)
    return await _carry_out(context, _path(whole, device), erase=True)


def _not_empty(whole: PreparableView, command: str) -> Rejected:
    text = _("{disk} is not empty: {contents}; nothing was changed; to erase all of it: {command}")
    contents = "; ".join(line.strip() for line in contents_lines(whole))
    return Rejected(text.format(disk=preparable_name(whole), contents=contents, command=command))


def _find(preparable: Iterable[PreparableView], device: str) -> PreparableView | None:
    real = os.path.realpath(device)
    return next((whole for whole in preparable if whole.device == real), None)


def _path(whole: PreparableView | None, device: str) -> str:
    """How the disk is named to the service: by this very appearance of it, where that can be. So
    what was shown is what is erased, though another disk be plugged in its place meanwhile."""
    if whole is not None:
        link = BY_SEQUENCE / str(whole.disk_sequence)
        if os.path.realpath(link) == whole.device:
            return str(link)
    return os.path.realpath(device)  # of links the service takes only those


def _check_use(whole: PreparableView) -> None:
    for item in whole.contents:
        for where in item.mount_points:
            raise Rejected(
                _("{device} is mounted at {where}: unmount it first").format(
                    device=clean(item.device, 100), where=clean(where, 200)
                )
            )
        for user in item.used_by:
            raise Rejected(
                _("{device} is in use ({user}): end that first").format(
                    device=clean(item.device, 100), user=clean(user, 100)
                )
            )


def _command(context: Context, device: str) -> str:
    options = context.options
    words = ["tetras-backctl", "prepare", device, "--name", clean(options.name, 64)]
    if options.fs != "ext4":
        words += ["--fs", options.fs]
    return shlex.join(words)


async def _carry_out(context: Context, path: str, *, erase: bool) -> int:
    """Have it done, tell how far it is, and what to do next."""
    options, client = context.options, context.client
    async with client.events() as events:
        doing = asyncio.create_task(client.prepare_disk(path, options.name, options.fs, erase))
        try:
            step = ""
            while not doing.done():
                match await events.next(0.25):
                    case Changed(names.ROOT_PATH, names.MANAGER_INTERFACE, values):
                        whole = _find(manager_from_wire(values).preparable, path)
                        if whole is not None and whole.step not in ("", step):
                            step = whole.step
                            _tell_step(context, whole.device, step)
            made = await doing
        finally:
            doing.cancel()
    return await _tell(context, client, made)


def _tell_step(context: Context, device: str, step: str) -> None:
    shown = clean(device, 100)
    context.on_interrupt = _("no longer waiting: {device} is still being prepared").format(
        device=shown
    )
    context.out.line(f"{shown}: {say(PREPARING, step)}")


async def _tell(context: Context, client: Client, path: str) -> int:
    disk = await client.disk_at(path)
    if context.out.json:
        context.out.data({"disk": shapes.disk_shape(disk)})
    if disk.state != "plugged":
        advice = disk_state(disk)
    else:
        command = f"tetras-backctl backup {shlex.quote(clean(disk.name, 64))}"
        advice = _("to back up now: {command}").format(command=command)
    name = clean(disk.name, 64)
    context.out.line(
        (_("{name} is ready, with {size} for backups").format(name=name, size=size(disk.size)), ""),
        f"; {advice}",
    )
    return EXIT_OK
