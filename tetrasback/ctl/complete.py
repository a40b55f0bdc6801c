"""`tetras-backctl __complete KIND`: what the shells' completion offers, one a line, or nothing."""

import sys
from collections.abc import Iterable

from tetrasback.client.proxy import Client
from tetrasback.client.relay import Relay
from tetrasback.errors import EXIT_OK, EXIT_USAGE, TetrasBackError
from tetrasback.wire import DiskView

KINDS = ("disks", "names", "uuids", "unsaved", "scripts", "fifos", "preparable")


async def complete(kind: str) -> int:
    """Print the names, UUIDs, both (disks), UUIDs of unsaved disks, scripts, registered FIFOs, or
    devices of whole disks that could be prepared.

    Quiet where nothing can be known: nobody wants an error while typing.
    """
    if kind not in KINDS:
        return EXIT_USAGE
    try:
        async with await Client.open() as client:
            words = await _words(client, kind)
    except TetrasBackError:
        return EXIT_OK
    # A name that a terminal might obey is not offered: the shell prints what it is given.
    sys.stdout.writelines(f"{word}\n" for word in words if word and word.isprintable())
    return EXIT_OK


async def _words(client: Client, kind: str) -> Iterable[str]:
    if kind == "scripts":
        return [script.name for script in (await client.manager()).scripts]
    if kind == "preparable":
        return [whole.device for whole in (await client.manager()).preparable]
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
