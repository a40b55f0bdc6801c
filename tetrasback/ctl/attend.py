"""Staying with a restore or a verification to its end, and until its disk is let go of."""

import asyncio
import shlex
import signal
import time
from dataclasses import replace
from functools import partial
from typing import Final

from tetrasback import names
from tetrasback.client import shapes
from tetrasback.client.events import Signal
from tetrasback.client.explain import explain, verdict_exit_code
from tetrasback.client.jobs import Jobs
from tetrasback.client.proxy import Client
from tetrasback.client.subscription import Subscription
from tetrasback.ctl.context import Context
from tetrasback.ctl.following import RELEASE_LIMIT, Followed, follow
from tetrasback.ctl.progress import Display
from tetrasback.ctl.sentences import disk_name, job_title, release_line, verdict_line
from tetrasback.errors import (
    EXIT_OK,
    NotRunning,
    TetrasBackError,
    UnknownDisk,
    UnknownJob,
    Unreachable,
)
from tetrasback.lang.i18n import _
from tetrasback.lang.text import clean
from tetrasback.wire import DiskView, JobEntry, JobView

_UNSETTLED: Final = frozenset({"plugged", "unknown"})
"""States of a disk that do not say whether it may be unplugged."""


async def stay(context: Context, number: int, disk: DiskView) -> int:
    """Follow a job on DISK that has begun, unless --no-wait; its verdict's exit code.

    Ctrl-C cancels it, and once more stops the waiting for that.
    """
    client, out, name = context.client, context.out, clean(disk_name(disk), 64)
    if context.options.no_wait:
        if out.json:
            out.data({"job": shapes.job_shape(await Jobs(client).job(number))})
        text = _("job {number} has begun; see: tetras-backctl watch; to stop it: {command}")
        out.line(text.format(number=number, command=f"tetras-backctl cancel --job {number}"))
        return EXIT_OK
    view = await look(client, number)
    followed = Followed(
        names.job_path(number),
        names.JOB_INTERFACE,
        "JobFinished",
        "job",
        partial(look, number=number),
        "tetras-backctl jobs",
    )
    title = job_title(view.kind, name)
    async with client.events() as events:
        with _Interrupt(context, number) as interrupt, Display(out, name, title) as display:
            await follow(context, followed, display, interrupt.meanwhile)
        ended = await _ended(context.client, number)
        out.line(*verdict_line(title, ended))
        if ended.warnings or ended.verdict in ("failed", "warning"):
            command = f"tetras-backctl log {number}"
            out.line(_("more: {command}").format(command=command))
        settled, safe = await tell_released(context, events, disk)
    if out.json:
        shown = shapes.disk_shape(settled) if settled else None
        entry = shapes.job_entry_shape(ended)
        out.data({"job": entry, "disk": shown, "safe_to_unplug": safe})
    return verdict_exit_code(ended.verdict)


async def tell_released(
    context: Context, events: Subscription, disk: DiskView
) -> tuple[DiskView | None, bool]:
    """Tell whether DISK, which was read from, may be unplugged. The disk as it is then, None where
    it is no longer known, and whether it may be. EVENTS: what has happened since it was read.
    """
    out, name = context.out, clean(disk_name(disk), 64)
    context.on_interrupt = _(
        "no longer waiting: ask tetras-backctl whether {disk} may be unplugged"
    ).format(disk=name)
    settled, safe = await _released(context.client, events, disk.uuid)
    if safe:
        out.line((_("{disk} is safe to unplug").format(disk=name), "green"))
    elif settled is None or settled.state not in _UNSETTLED:
        out.line(*release_line(name, settled))
    else:
        command = f"tetras-backctl unplug {shlex.quote(name)}"
        out.line(_("before you unplug {disk}: {command}").format(disk=name, command=command))
    return settled, safe


async def _released(
    client: Client, events: Subscription, uuid: str
) -> tuple[DiskView | None, bool]:
    """The disk once it is told whether it may be unplugged, and whether; None where it is no
    longer known.

    A disk onto which nothing was backed up since it was plugged in, as one that is held, is told
    to be safe only by the signal.
    """
    end = time.monotonic() + RELEASE_LIMIT
    while True:
        try:
            disk = await client.disk(uuid)
        except UnknownDisk:
            return None, False
        if disk.state == "safe-to-unplug":
            return disk, True
        if disk.state not in _UNSETTLED and (disk.state, disk.reason) != ("held", "job"):
            return disk, False
        if time.monotonic() > end:
            return disk, False
        try:
            event = await events.next(1.0)
            while event is not None:
                match event:
                    case Signal("SafeToUnplug", {"uuid": told}) if told == uuid:
                        return await client.disk(uuid), True
                event = events.waiting()
        except Unreachable:
            return disk, False  # the bus came back, and with it nothing of what was told


class _Interrupt:
    """While this holds, Ctrl-C asks for the job's end, and only the next one ends the program."""

    def __init__(self, context: Context, number: int) -> None:
        self._context = context
        self._number = number
        self._task = asyncio.current_task()
        self._before = signal.getsignal(signal.SIGINT)
        self._asked = False
        self._told = False

    def __enter__(self) -> "_Interrupt":
        self._context.on_interrupt = _("no longer following: job {number} goes on").format(
            number=self._number
        )
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._interrupted)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, self._before)

    def _interrupted(self) -> None:
        if self._asked and self._task is not None:
            self._task.cancel()
        self._asked = True

    async def meanwhile(self) -> None:
        """Cancel the job once that was asked for."""
        if not self._asked or self._told:
            return
        self._told = True
        out = self._context.out
        out.note(_("cancelling; press Ctrl-C once more not to wait for that"))
        try:
            await Jobs(self._context.client).cancel(self._number)
        except NotRunning:
            pass  # it has just ended by itself
        except TetrasBackError as error:
            out.note(_("it goes on: {why}").format(why=explain(error)))


async def look(client: Client, number: int) -> JobView:
    """The job as it is now; one that is no longer shown, by its row."""
    try:
        return await Jobs(client).job(number)
    except UnknownJob:
        row = await _row(client, number)
        return JobView(id=row.id, kind=row.kind, uuid=row.uuid, verdict=row.verdict)


async def _ended(client: Client, number: int) -> JobEntry:
    """Its row; where that could not be written, with the verdict as it was told."""
    row = await _row(client, number)
    if row.verdict:
        return row
    view = await Jobs(client).job(number)
    return replace(
        row,
        verdict=view.verdict,
        code=view.code,
        message=view.message,
        finished_at=view.finished_at,
        bytes=view.bytes_done,
        files=view.files_done,
        warnings=view.warnings,
    )


async def _row(client: Client, number: int) -> JobEntry:
    for row in await Jobs(client).entries("", number + 1, 1):
        if row.id == number:
            return row
    raise UnknownJob(_("there is no job {number}; see: tetras-backctl jobs").format(number=number))
