"""`tetras-backctl __complete KIND [DISK]`: what shells offer to complete, one a line."""

import sys
from collections.abc import Iterable

from tetrasback.client.proxy import Client
from tetrasback.client.relay import Relay
from tetrasback.ctl.match import resolve
from tetrasback.ctl.snapshots import LATEST
from tetrasback.errors import EXIT_OK, EXIT_USAGE, TetrasBackError
from tetrasback.wire import DiskView

KINDS = ("disks", "names", "uuids", "unsaved", "scripts", "fifos", "preparable", "snapshots")


async def complete(kind: str, disk: str = "") -> int:
    """Print the names, UUIDs, both (disks), UUIDs of unsaved disks, scripts, registered FIFOs,
    devices of whole disks that could be prepared, or the backups on DISK.

    Quiet where nothing can be known: nobody wants an error while typing.
    """
    if kind not in KINDS:
        return EXIT_USAGE
    try:
        async with await Client.open() as client:
            words = await _words(client, kind, disk)
    except TetrasBackError:
        return EXIT_OK
    # A name that a terminal might obey is not offered: the shell prints what it is given.
    sys.stdout.writelines(f"{word}\n" for word in words if word and word.isprintable())
    return EXIT_OK


async def _words(client: Client, kind: str, disk: str) -> Iterable[str]:
    if kind == "scripts":
        return [script.name for script in (await client.manager()).scripts]
    if kind == "preparable":
        return [whole.device for whole in (await client.manager()).preparable]
    if kind == "snapshots":
        found = await client.snapshots((await resolve(client, disk)).uuid)
        return [LATEST, *(one.snapshot for one in found)] if found else []
    if kind == "fifos":
        return [fifo.path for fifo in await Relay(client).clients()]
    disks: Iterable[DiskView] = (await client.objects()).disks.values()
    names = [disk.name for disk in disks]
    uuids = [disk.uuid for disk in disks]
    match kind:
        case "names":
            return names
        case "uuids":
            return uuids
        case "unsaved":
            return [disk.uuid for disk in disks if not disk.saved]
    return [*names, *uuids]
