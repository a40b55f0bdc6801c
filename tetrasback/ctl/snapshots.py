"""The backups on a disk: snapshots, pin, unpin; and which one a person means."""

import re
from collections.abc import Sequence
from typing import Final

from tetrasback.client import shapes
from tetrasback.client.explain import explain
from tetrasback.client.proxy import Client
from tetrasback.ctl.context import Context
from tetrasback.ctl.match import resolve
from tetrasback.ctl.output import Cell, Column, Table
from tetrasback.ctl.sentences import disk_name, sort_disks
from tetrasback.errors import (
    EXIT_OK,
    Busy,
    InvalidArgs,
    NotPlugged,
    Rejected,
    UnknownSnapshot,
)
from tetrasback.lang.i18n import _
from tetrasback.lang.text import clean
from tetrasback.lang.units import moment, size
from tetrasback.lang.words import PROOFS, about, say
from tetrasback.wire import DiskView, SnapshotView

LATEST: Final = "latest"
MAX_NAMED: Final = 5
SEALED: Final = "sealed"
BROKEN: Final = "broken"

_FOLDER: Final = re.compile(
    r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_sauvegarde_.+", re.ASCII | re.IGNORECASE
)

Found = tuple[DiskView, SnapshotView]


async def snapshots(context: Context) -> int:
    """The complete backups on one disk, or on all that are saved."""
    wanted = context.options.disk
    code = EXIT_OK
    if wanted:
        disk = await resolve(context.client, wanted)
        found = [(disk, one) for one in await context.client.snapshots(disk.uuid)]
    else:
        found, code = await _everywhere(context)
    if context.out.json:
        shown = [shapes.snapshot_shape(one, disk) for disk, one in found]
        context.out.data({"snapshots": shown})
    elif found:
        context.out.table(_table(found, with_disk=not wanted))
    elif code == EXIT_OK:
        context.out.line(_("no complete backup"))
    return code


async def _everywhere(context: Context) -> tuple[list[Found], int]:
    """Those on every saved disk; one that cannot be looked at is told, and its code returned."""
    disks = (await context.client.objects()).disks.values()
    found: list[Found] = []
    code = EXIT_OK
    for disk in sort_disks([disk for disk in disks if disk.saved]):
        try:
            found += [(disk, one) for one in await context.client.snapshots(disk.uuid)]
        except (Busy, NotPlugged, Rejected) as error:
            context.out.note(about(clean(disk_name(disk), 64), explain(error)))
            code = code or error.exit_code
    return found, code


def _table(found: Sequence[Found], *, with_disk: bool) -> Table:
    columns = [
        Column(_("Snapshot"), full=True),
        Column(_("Started"), full=True),
        Column(_("Host")),
        Column(_("Size"), right=True),
        Column(_("Files"), right=True),
        Column(_("Remarks")),
    ]
    table = Table([Column(_("Disk")), *columns] if with_disk else columns)
    for disk, one in found:
        cells: list[Cell] = [
            one.snapshot,
            moment(one.started_at),
            one.host or "-",
            size(one.bytes) if one.bytes else "-",
            str(one.files) if one.files else "-",
            (_remarks(one), _colour(one)),
        ]
        table.rows.append([disk_name(disk), *cells] if with_disk else cells)
    return table


def _remarks(one: SnapshotView) -> str:
    remarks = (
        _("pinned") if one.pinned else "",
        "" if one.ours else _("another server's"),
        _("the original's") if one.original else "",
        "" if one.manifest else _("cannot be verified"),
        "" if one.proof == SEALED else say(PROOFS, one.proof),
    )
    return ", ".join(remark for remark in remarks if remark)


def _colour(one: SnapshotView) -> str:
    if one.proof == BROKEN:
        return "red"
    return "cyan" if one.pinned else ""


async def pin(context: Context) -> int:
    """Keep a backup for ever."""
    return await _set_pinned(context, True)


async def unpin(context: Context) -> int:
    """Keep it no longer than others."""
    return await _set_pinned(context, False)


async def _set_pinned(context: Context, pinned: bool) -> int:
    disk = await resolve(context.client, context.options.disk)
    folder = await find(context.client, disk, context.options.snapshot)
    await context.client.pin_snapshot(disk.uuid, folder, pinned)
    if context.out.json:
        members = {"uuid": disk.uuid, "name": disk.name, "snapshot": folder, "pinned": pinned}
        context.out.data({"snapshot": members})
    if pinned:
        done = _("{snapshot} on {disk} is pinned: it is never deleted to make room")
    else:
        done = _("{snapshot} on {disk} is not pinned any more")
    context.out.line(done.format(snapshot=folder, disk=disk_name(disk)))
    return EXIT_OK


async def find(client: Client, disk: DiskView, text: str) -> str:
    """The folder on DISK that a person means by TEXT: see `choose`.

    A whole name is not looked for: the service knows better, and no password need be asked for.
    """
    if _FOLDER.fullmatch(text):
        return text
    return choose(await client.snapshots(disk.uuid), text, disk_name(disk)).snapshot


def choose(known: Sequence[SnapshotView], text: str, disk: str) -> SnapshotView:
    """Which of KNOWN is meant by TEXT: a folder's name, a beginning that fits one, or `latest`.

    That is this server's newest, one that proves it before one that does not; where none is this
    server's, as on a new one, the newest, if all are of one server. UnknownSnapshot where none
    fits, InvalidArgs where several do.
    """
    shown = clean(disk, 64)
    if not known:
        raise UnknownSnapshot(_("there is no complete backup on {disk}").format(disk=shown))
    if text == LATEST:
        return _latest(known, shown)
    exact = [one for one in known if one.snapshot == text]
    found = exact or [one for one in known if text and one.snapshot.startswith(text)]
    if not found:
        raise UnknownSnapshot(
            _("no backup on {disk} is called {text}; see: tetras-backctl snapshots").format(
                disk=shown, text=clean(text, 80)
            )
        )
    if len(found) > 1:
        raise InvalidArgs(
            _("{text} may mean {names}; write more of it").format(
                text=clean(text, 80), names=_named([one.snapshot for one in found])
            )
        )
    return found[0]


def _latest(known: Sequence[SnapshotView], disk: str) -> SnapshotView:
    ours = [one for one in known if one.ours]
    candidates = (
        [one for one in ours if one.proof == SEALED]
        or [one for one in ours if one.proof != BROKEN]
        or ours
        or known
    )
    hosts = sorted({one.host for one in candidates})
    if len(hosts) > 1 and not candidates[0].ours:
        raise InvalidArgs(
            _("{disk} holds backups of several servers ({names}): name one of the backups").format(
                disk=disk, names=_named(hosts)
            )
        )
    return max(candidates, key=lambda one: one.started_at)


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(clean(name, 100) for name in names[:MAX_NAMED])
    return shown + ", …" if len(names) > MAX_NAMED else shown
