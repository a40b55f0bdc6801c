"""Does what is asked with the backups on a mounted disk, by the program tetras-back-snapshot.

Each run of the program has a supervisor of its own (`running`), as backup scripts have. What it
prints goes to the job's log; only what ``list`` prints is read here.
"""

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from tetrasback.adapters import destination, listing, marks
from tetrasback.adapters.running import PLAIN_ENVIRONMENT, Child, Run
from tetrasback.adapters.showing import OVER, Showing
from tetrasback.adapters.userview import UserViews
from tetrasback.adapters.window import Window
from tetrasback.core.state import Code, Progress
from tetrasback.core.task import JobCode, Kind, Proof, Snapshot, Task, chosen, no_snapshot
from tetrasback.core.verdict import STATUS_WARNING
from tetrasback.ports import Fault, Logs, TaskOrder, TaskResult

log = logging.getLogger(__name__)

PROGRAM: Final = (sys.executable, "-I", str(Path(__file__).parent.parent / "snapshot"))
"""tetras-back-snapshot, from where it lies."""
LOOK_SECONDS: Final = 600.0
"""For looking at a disk, which on a slow one with many backups takes a while."""
STATUS_DISK: Final = 74
"""Exit status of the program: the disk failed."""
WHOLE: Final = 100
"""Percent; with less of it than that, the archive is not read."""
BROWSE_SECONDS: Final = 3600
LABEL: Final = "tetras-back-snapshot"


class Tasks:
    """`ports.Tasks`. KEY seals manifests, WINDOW shows disks to root, VIEWS what is on them to
    others, for SHOWN_SECONDS; GRACE and PATIENCE as in `running.Run`."""

    def __init__(
        self,
        logs: Logs,
        *,
        key: Path,
        window: Window | None = None,
        views: UserViews | None = None,
        shown_seconds: int = BROWSE_SECONDS,
        program: Sequence[str] = PROGRAM,
        grace: float = 10.0,
        patience: float = 120.0,
    ) -> None:
        self._logs = logs
        self._key = key
        self._program = tuple(program)
        self._grace = grace
        self._patience = patience
        self._run: Run | None = None
        self._window = window
        self._views = views
        self._shown_seconds = shown_seconds
        self._showing: Showing | None = None
        self._stopped = 0

    async def run(self, order: TaskOrder, progress: Callable[[Progress], None]) -> TaskResult:
        """As `ports.Tasks.run`."""
        result, snapshots = await self._list(order)
        if snapshots is None or order.task.kind is Kind.LIST:
            return result
        snapshot = chosen(snapshots, order.task.snapshot)
        if snapshot is None:
            return _refused(*no_snapshot(order.task.snapshot), snapshots)
        if not order.task.snapshot and snapshot is not snapshots[0]:
            newer = f"{snapshots[0].snapshot}: newer, but not proved to be what this server made"
            self._say(order, f"note: {newer}; {snapshot.snapshot} is taken")
        refusal = _refusal(order.task, snapshot)
        if refusal is not None:
            return _refused(*refusal, snapshots)
        async with self._writable(order):
            why = await self._unreachable(order)
            if why:
                return _refused(JobCode.DESTINATION, why, snapshots)
            words = self._words(order, snapshot.snapshot)
            result, _ = await self._start(order, words, order.timeout, progress)
        if order.task.kind is Kind.VERIFY and result.status in (0, STATUS_WARNING):
            result = self._judged(order, snapshot, result)
        if order.task.kind is Kind.VERIFY and order.task.percent == WHOLE:
            result = await self._verify_archive(order, snapshot.snapshot, result)
        if order.task.kind is Kind.PIN and result.status == 0:
            listed, seen = await self._list(order)  # what is remembered has to know
            snapshots = snapshots if seen is None else seen
            result = result if seen is not None else listed
        return TaskResult(
            result.status,
            result.progress,
            *_ending(result),
            snapshot=snapshot.snapshot,
            snapshots=tuple(snapshots),
            unproved=result.unproved,
        )

    async def browse(self, order: TaskOrder, shown: Callable[[str, int], None]) -> TaskResult:
        """As `ports.Tasks.browse`."""
        result, snapshots = await self._list(order)
        if snapshots is None:
            return result
        assert self._window is not None
        assert self._views is not None
        showing = self._showing = Showing(self._window, self._views, order, snapshots)
        try:
            if self._stopped != order.job_id:
                place = await showing.add(order.task.snapshot, order.task.user)
                if self._stopped != order.job_id:
                    shown(str(place), self._shown_seconds)
                await showing.last(self._shown_seconds)
        except Fault as fault:
            return TaskResult(
                None, Progress(), fault.code, fault.message, snapshots=tuple(snapshots)
            )
        finally:
            self._showing = None
            await showing.close()
        return TaskResult(0, Progress(), snapshots=tuple(snapshots))

    async def show(self, job_id: int, snapshot: str, user: int) -> str:
        """As `ports.Tasks.show`."""
        if self._showing is None or self._showing.job_id != job_id:
            raise Fault(JobCode.FAILED, OVER)
        return str(await self._showing.add(snapshot, user))

    async def clear(self) -> None:
        """As `ports.Tasks.clear`."""
        if self._views is not None:
            await self._views.clear()
        if self._window is not None:
            await self._window.clear()

    def stop(self, job_id: int) -> None:
        """As `ports.Tasks.stop`."""
        self._stopped = job_id
        if self._showing is not None:
            self._showing.stop()
        if self._run is not None:
            self._run.stop()

    async def _list(self, order: TaskOrder) -> tuple[TaskResult, Sequence[Snapshot] | None]:
        """What is on the disk; None where that could not be told."""
        words = ("list", order.mount)
        result, output = await self._start(order, words, LOOK_SECONDS, lambda _: None, look=True)
        snapshots, others = listing.read(output)
        for line in others[:20]:
            self._say(order, line)
        if result.status != 0:
            return result, None
        return TaskResult(0, Progress(), snapshots=tuple(snapshots)), snapshots

    @contextlib.asynccontextmanager
    async def _writable(self, order: TaskOrder) -> AsyncIterator[None]:
        """While this holds, a restore can write where our unit protects the system."""
        points: Sequence[str] = ()
        if order.task.kind is Kind.RESTORE:
            looking = asyncio.to_thread(destination.protected, order.task, order.source)
            with contextlib.suppress(TimeoutError):  # the refusal tells of it
                points = await asyncio.wait_for(looking, self._patience)
        with destination.writable(points):
            yield

    async def _unreachable(self, order: TaskOrder) -> str:
        """Why nothing can be restored to where it shall go; '' = nothing is in the way."""
        if order.task.kind is not Kind.RESTORE:
            return ""
        # In a thread: the way to it may lie on another disk that hangs.
        looking = asyncio.to_thread(destination.problem, order.task, order.source)
        try:
            return await asyncio.wait_for(looking, self._patience)
        except TimeoutError:
            return "what is restored to does not answer, nothing was restored: see what is mounted"

    def _judged(self, order: TaskOrder, snapshot: Snapshot, result: TaskResult) -> TaskResult:
        """RESULT, and what is wrong with the backup as a whole."""
        match snapshot.proof:
            case Proof.BROKEN:
                why = "its mark or its manifest was changed, or it was given another name"
                return self._warned(order, result, f"damaged: {snapshot.snapshot}: {why}")
            case Proof.UNSEALED:
                why = "it has no seal: it may be another, or an older one, under this name"
                clean = not result.progress.warnings
                warned = self._warned(order, result, f"{snapshot.snapshot}: {why}")
                return replace(warned, unproved=clean)
        return result

    async def _verify_archive(
        self, order: TaskOrder, folder: str, result: TaskResult
    ) -> TaskResult:
        """The homes have come to RESULT; what they come to together with the archive."""
        seal = await asyncio.to_thread(marks.archive_seal, order.mount, folder)
        if result.status not in (0, STATUS_WARNING) or result.code or seal is None:
            return result
        if not seal:
            why = "no seal of it is noted, so whether it is as it was written is not known"
            return self._warned(order, result, f"{marks.ARCHIVE}: {why}")
        words = ("seal", f"--key={self._key}", "--", f"{order.mount}/{folder}/{marks.ARCHIVE}")
        ended, output = await self._start(order, words, order.timeout, lambda _: None, look=True)
        if ended.status == 0 and output.decode("ascii", "replace").split() == ["seal", seal]:
            return result
        if ended.status is None or ended.code:
            return ended
        why = "its content has changed, or cannot be read"
        return self._warned(order, result, f"damaged: {marks.ARCHIVE}: {why}")

    def _warned(self, order: TaskOrder, result: TaskResult, warning: str) -> TaskResult:
        """RESULT with one WARNING more."""
        self._say(order, f"warning: {warning}")
        said = result.progress
        said = replace(said, warnings=said.warnings + 1, warned=(*said.warned, warning))
        return replace(result, status=STATUS_WARNING, progress=said, unproved=False)

    def _words(self, order: TaskOrder, folder: str) -> Sequence[str]:
        """The program's command line, its own name left out."""
        task, place = order.task, f"{order.mount}/{folder}"
        key = f"--key={self._key}"
        match task.kind:
            case Kind.PIN:
                return ("pin" if task.pinned else "unpin", order.mount, folder)
            case Kind.VERIFY:
                manifest = f"{order.mount}/.tetras-back/manifests/{folder}"
                words = (key, f"--manifest={manifest}", f"--sample={task.percent}")
                return ("verify", *words, "--", f"{place}/Donnees")
        if task.database:
            into = (f"--engine={task.database}", *_unproved(task))
            return ("restore-database", *into, "--", place, *task.paths)
        where = [f"--to={task.destination}"]
        if task.in_place:
            where = ["--in-place", *_unproved(task)]
            where += [f"--source={order.source}"] if order.source.strip("/") else []
        return ("restore", key, *where, "--", place, *task.paths)

    async def _start(
        self,
        order: TaskOrder,
        words: Sequence[str],
        seconds: float,
        progress: Callable[[Progress], None],
        look: bool = False,
    ) -> tuple[TaskResult, bytes]:
        """Run the program; how it ended, and what it printed if it was to LOOK."""
        if self._stopped == order.job_id:
            return TaskResult(None, Progress()), b""
        child = Child(
            id=order.job_id,
            label=LABEL,
            command=(*self._program, *words),
            directory="/",
            environment={
                **PLAIN_ENVIRONMENT,
                "TETRAS_BACK_ID": str(order.job_id),
                "TETRAS_BACK_UUID": order.task.uuid,
                "TETRAS_BACK_KEY": str(self._key),
            },
            nice=order.nice,
            timeout=seconds,
            capture=listing.CAPTURE if look else 0,
        )
        run = Run(child, partial(self._say, order), progress, self._grace, self._patience)
        try:
            run.start()
            self._run = run
            result = await run.finish()
        except (OSError, ValueError) as error:
            log.error("%s cannot be started: %s", LABEL, error)
            return TaskResult(
                None, Progress(), JobCode.FAILED, "tetras-back-snapshot cannot be started"
            ), b""
        finally:
            self._run = None
            run.close()
        ended = TaskResult(result.status, result.progress, result.code, result.message)
        return ended, run.captured

    def _say(self, order: TaskOrder, line: str) -> None:
        """Into the job's log; what takes a moment has none."""
        if order.task.kind.is_job:
            self._logs.add(order.job_id, line)
        else:
            log.info("%s: %s", LABEL, line)


def _refusal(task: Task, snapshot: Snapshot) -> tuple[str, str] | None:
    """Why TASK is not even begun."""
    if task.kind is Kind.VERIFY and not snapshot.manifest:
        return (
            JobCode.NO_MANIFEST,
            "this backup has no manifest: nothing tells how it should be",
        )
    if task.replaces and not task.unproved and snapshot.proof != Proof.SEALED:
        return (
            JobCode.UNPROVED,
            "this backup is not proved to be what this server made, nothing was replaced:"
            " restore it to a directory and look at it, or allow what is not proved",
        )
    return None


def _refused(code: str, message: str, snapshots: Sequence[Snapshot]) -> TaskResult:
    return TaskResult(None, Progress(), code, message, snapshots=tuple(snapshots))


def _unproved(task: Task) -> Sequence[str]:
    return ("--unproved",) if task.unproved else ()


def _ending(result: TaskResult) -> tuple[str, str]:
    """Code and message."""
    if result.status == STATUS_DISK:
        return Code.DISK_ERROR, "the disk could not be read, or not be written to: have it checked"
    return result.code, result.message
