"""Which disk is meant: by UUID, by name, or by an unambiguous beginning of either."""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tetrasback.client.proxy import Client
from tetrasback.errors import InvalidArgs, NoSuchDevice, NotAFilesystem, UnknownDisk
from tetrasback.lang.i18n import _
from tetrasback.lang.text import clean
from tetrasback.wire import DiskView

_RFC_4122: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_FAT_OR_NTFS: Final = re.compile(r"[0-9A-F]{4}-[0-9A-F]{4}|[0-9A-F]{16}", re.ASCII)
_SHOWN: Final = 5
MIN_SHORT: Final = 8


def full_uuid(text: str) -> str:
    """TEXT in the form that the daemon uses if it is a whole UUID, else empty."""
    if _RFC_4122.fullmatch(text.lower()):
        return text.lower()
    return text.upper() if _FAT_OR_NTFS.fullmatch(text.upper()) else ""


def match(disks: Iterable[DiskView], text: str) -> DiskView:
    """The disk that TEXT means: exactly its UUID, exactly its name, or a beginning that fits one.

    Beginnings disregard case. UnknownDisk where none fits, InvalidArgs naming them where several
    do.
    """
    if not text:
        raise InvalidArgs(_("no disk named; see: tetras-backctl disks"))
    known = list(disks)
    uuid = full_uuid(text)
    for disk in known:
        if uuid and disk.uuid == uuid:
            return disk
    for disk in known:
        if disk.name == text:
            return disk
    folded = text.casefold()
    found = [
        disk
        for disk in known
        if disk.uuid.casefold().startswith(folded) or disk.name.casefold().startswith(folded)
    ]
    if not found:
        raise UnknownDisk(
            _("no disk is called {text}; see: tetras-backctl disks").format(text=clean(text, 80))
        )
    if len(found) > 1:
        names = ", ".join(sorted(clean(disk.name or disk.uuid, 64) for disk in found)[:_SHOWN])
        more = ", …" if len(found) > _SHOWN else ""
        raise InvalidArgs(
            _("{text} may mean {names}; write more of it").format(
                text=clean(text, 80), names=names + more
            )
        )
    return found[0]


async def resolve(client: Client, text: str) -> DiskView:
    """The disk that a user means by TEXT; see `match`."""
    if _RFC_4122.fullmatch(text.lower()):
        return await client.disk(text.lower())  # no name need be compared: one small answer
    return match((await client.objects()).disks.values(), text)


async def history_uuid(client: Client, text: str) -> str:
    """The UUID that a user means by TEXT; what a forgotten disk has left is there under its own."""
    try:
        return (await resolve(client, text)).uuid
    except UnknownDisk:
        uuid = full_uuid(text)
        if not uuid:
            raise
        return uuid


async def uuid_to_save(client: Client, text: str) -> str:
    """The UUID that TEXT means, which need not be known yet when it is written out."""
    return full_uuid(text) or (await resolve(client, text)).uuid


def uuid_of_device(
    disks: Iterable[DiskView], device: str, links: Path = Path("/dev/disk/by-uuid")
) -> str:
    """The UUID of the file system on DEVICE, from the daemon's DISKS, else from udev's LINKS.

    NoSuchDevice where there is no such file, NotAFilesystem where nobody knows a UUID of it.
    """
    if not os.path.exists(device):
        raise NoSuchDevice(
            _("there is no {device}; see: tetras-backctl disks").format(device=clean(device, 200))
        )
    real = os.path.realpath(device)
    for disk in disks:
        if disk.device and os.path.realpath(disk.device) == real:
            return disk.uuid
    if links.is_dir():
        for link in links.iterdir():
            if os.path.realpath(link) == real:
                return full_uuid(link.name) or link.name
    raise NotAFilesystem(
        _("{device} carries no file system with a UUID; has it partitions? name one").format(
            device=clean(device, 200)
        )
    )


def shortest(uuid: str, all_uuids: Iterable[str]) -> str:
    """The shortest beginning of UUID, at least 8 characters, that no other of ALL_UUIDS has."""
    others = [
        other for other in all_uuids if other != uuid and other[:MIN_SHORT] == uuid[:MIN_SHORT]
    ]
    length = MIN_SHORT
    while length < len(uuid) and any(other[:length] == uuid[:length] for other in others):
        length += 1
    return uuid[:length]
