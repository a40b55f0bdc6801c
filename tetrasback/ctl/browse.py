"""`browse` and `diff`: the backups on a disk, shown on the system for a while."""

import asyncio
import contextlib
import json
import os
import shlex
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

from tetrasback.client import shapes
from tetrasback.ctl.attend import tell_released
from tetrasback.ctl.context import Context
from tetrasback.ctl.match import resolve
from tetrasback.ctl.sentences import disk_name
from tetrasback.ctl.snapshots import choose, find
from tetrasback.errors import EXIT_ERROR, EXIT_OK, InvalidArgs, NotRunning
from tetrasback.lang.i18n import _
from tetrasback.lang.text import clean
from tetrasback.lang.units import iso, moment
from tetrasback.wire import DiskView

PROGRAM: Final = (sys.executable, "-I", str(Path(__file__).parent.parent / "snapshot"))
"""tetras-back-snapshot, from where it lies."""
MAX_LINE: Final = 1 << 20
"""Bytes of what it says in a line: a path, and room for its escapes."""


async def browse(context: Context) -> int:
    """Show a backup for an hour, or no longer."""
    options, out = context.options, context.out
    if options.close:
        return await _close(context)
    if not options.disk:
        raise InvalidArgs(_("no disk named; see: tetras-backctl disks"))
    disk = await resolve(context.client, options.disk)
    folder = await find(context.client, disk, options.snapshot) if options.snapshot else ""
    path = await context.client.browse(disk.uuid, folder)
    until = (await context.client.disk(disk.uuid)).browse_until
    if out.json:
        members = {"uuid": disk.uuid, "name": disk.name, "path": path, "until": iso(until)}
        out.data({"browse": members})
        return EXIT_OK
    out.line(path)
    name = clean(disk_name(disk), 64)
    # Not on standard output: cd "$(tetras-backctl browse bleu)" goes there.
    out.note(
        _("shown until {time}, only for reading; to end this: {command}").format(
            time=moment(until), command=f"tetras-backctl browse --close {shlex.quote(name)}"
        )
    )
    return EXIT_OK


async def _close(context: Context) -> int:
    client = context.client
    if context.options.disk:
        disk = await resolve(client, context.options.disk)
    else:
        known = (await client.objects()).disks.values()
        shown = [disk for disk in known if disk.browse_until]
        if not shown:
            raise NotRunning(_("no backup is shown"))
        disk = shown[0]  # one disk at a time is
    async with client.events() as events:
        await client.end_browse(disk.uuid)
        context.out.line(_("{disk} is shown no longer").format(disk=disk_name(disk)))
        settled, safe = await tell_released(context, events, disk)
    if context.out.json:
        view = shapes.disk_shape(settled) if settled else None
        context.out.data({"disk": view, "safe_to_unplug": safe})
    return EXIT_OK


async def diff(context: Context) -> int:
    """What changed from one backup on a disk to another."""
    options, out = context.options, context.out
    disk = await resolve(context.client, options.disk)
    known = await context.client.snapshots(disk.uuid)
    name = disk_name(disk)
    older, newer = (choose(known, text, name) for text in (options.older, options.newer))
    paths = [os.path.abspath(path) for path in options.paths]  # noqa: ASYNC240  (no disk is asked)
    found: list[dict[str, str]] = []
    code = EXIT_OK
    async with _shown(context, disk, (older.snapshot, newer.snapshot)) as folders:
        async for change, path in _differences(context, ["--", *folders, *paths]):
            if not change:
                code = EXIT_ERROR
            elif out.json:
                found.append({"change": change, "path": path})
            else:
                out.line(f"{change} {path}")
    if out.json:
        members = {"older": older.snapshot, "newer": newer.snapshot, "differences": found}
        out.data({"diff": members})
    return code


@contextlib.asynccontextmanager
async def _shown(
    context: Context, disk: DiskView, folders: Sequence[str]
) -> AsyncIterator[Sequence[str]]:
    """While this holds, the backups in FOLDERS on DISK can be read in these directories."""
    first, *others = folders
    path = await context.client.browse(disk.uuid, first)
    try:
        yield [path, *[await context.client.browse(disk.uuid, folder) for folder in others]]
    finally:
        if not disk.browse_until:  # otherwise somebody is still looking around
            with contextlib.suppress(NotRunning):  # a backup, or somebody, has ended it
                await context.client.end_browse(disk.uuid)


async def _differences(context: Context, words: Sequence[str]) -> AsyncIterator[tuple[str, str]]:
    """Sign and path of each; a last one without a sign where the program has failed."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *("diff", "--json", *words),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=MAX_LINE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    said = asyncio.create_task(process.stderr.read())
    try:
        async for line in process.stdout:
            answer = json.loads(line)
            yield str(answer["change"]), str(answer["path"])
        code = await process.wait()
        for text in (await said).decode("utf-8", "replace").splitlines():
            context.out.note(text.removeprefix("note ").removeprefix("warning "))
        if code != EXIT_OK:
            yield "", ""
    finally:
        said.cancel()
        if process.returncode is None:
            process.kill()
            await process.wait()
