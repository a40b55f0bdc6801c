"""`restore` and `verify`: a backup's files put back, or read again."""

import os
import sys
from argparse import Namespace

from tetrasback.client.jobs import Jobs
from tetrasback.ctl.agent import may_ask
from tetrasback.ctl.attend import stay
from tetrasback.ctl.confirm import typed_line
from tetrasback.ctl.context import Context
from tetrasback.ctl.match import resolve
from tetrasback.ctl.sentences import disk_name
from tetrasback.ctl.snapshots import find
from tetrasback.errors import InvalidArgs
from tetrasback.lang.i18n import _, pgettext
from tetrasback.lang.text import clean
from tetrasback.wire import DiskView

MAX_SHOWN = 20


async def restore(context: Context) -> int:
    """Put a backup, or parts of it, back: to a new place, in place, or into a database server."""
    options = context.options
    disk = await resolve(context.client, options.disk)
    snapshot = await find(context.client, disk, options.snapshot)
    paths, destination = _places(options)
    if options.to is None:
        await _confirm(context, disk, snapshot, paths)
    number = await Jobs(context.client).restore(
        disk.uuid,
        snapshot,
        paths,
        destination,
        in_place=options.in_place,
        database=options.database,
        unproved=options.unproved,
    )
    return await stay(context, number, disk)


def _places(options: Namespace) -> tuple[list[str], str]:
    """What is to be restored (paths as on the server, or names of databases), and where to."""
    if "" in options.paths or options.to == "":
        raise InvalidArgs(_("an empty name: is a variable of your script not set?"))
    if options.database:
        return options.paths, ""
    paths = [os.path.abspath(path) for path in options.paths]
    return paths, "" if options.to is None else os.path.abspath(options.to)


async def _confirm(context: Context, disk: DiskView, snapshot: str, paths: list[str]) -> None:
    """Let a person say once more that what is there now may be replaced."""
    options, out = context.options, context.out
    if options.yes:
        return
    if out.json or not may_ask():
        raise InvalidArgs(
            _("without a terminal, say that what is there now may be replaced: {option}").format(
                option="--yes"
            )
        )
    name = clean(disk_name(disk), 64)
    if options.database:
        text = _("The databases of {server} will be replaced by those of {snapshot} on {disk}:")
    else:
        text = _("What is here now will be replaced by what is in {snapshot} on {disk}:")
    out.line((text.format(server=options.database, snapshot=snapshot, disk=name), "bold red"))
    for path in paths[:MAX_SHOWN] or [_("everything")]:
        out.line("  " + clean(path))
    if len(paths) > MAX_SHOWN:
        out.line("  …")
    yes = pgettext("answer", "yes")
    sys.stderr.write(_("To go on, type {yes}: ").format(yes=yes))
    sys.stderr.flush()
    if (await typed_line()).strip().casefold() not in {yes.casefold(), "yes"}:
        raise InvalidArgs(_("nothing was changed"))


async def verify(context: Context) -> int:
    """Read a backup, or a sample of it, again, and compare it with its manifest."""
    options = context.options
    disk = await resolve(context.client, options.disk)
    snapshot = ""
    if options.snapshot:
        snapshot = await find(context.client, disk, options.snapshot)
    number = await Jobs(context.client).verify(disk.uuid, snapshot, options.sample)
    return await stay(context, number, disk)
