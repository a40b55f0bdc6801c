"""Backups on simulated disks, and what is done with them (see `sim`)."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from tetrasback.adapters.sim_disks import GIB
from tetrasback.adapters.sim_records import SimLogs
from tetrasback.core.state import Progress
from tetrasback.core.task import JobCode, Kind, Proof, Snapshot
from tetrasback.ports import TaskOrder, TaskResult

STEPS: Final = 12
DAY: Final = 86_400_000_000


class SimTasks:
    """`ports.Tasks`: every disk holds three backups. Set ``seconds``: how long a job takes."""

    def __init__(self, logs: SimLogs) -> None:
        self.seconds = 3.0
        self.snapshots: dict[str, tuple[Snapshot, ...]] = {}
        self._logs = logs
        self._stopped: dict[int, asyncio.Event] = {}

    async def run(self, order: TaskOrder, progress: Callable[[Progress], None]) -> TaskResult:
        """As `ports.Tasks.run`."""
        task = order.task
        seen = self.snapshots.setdefault(task.uuid, _some())
        if task.kind is Kind.LIST:
            return TaskResult(0, Progress(), snapshots=seen)
        folder = task.snapshot or seen[0].snapshot
        if folder not in {item.snapshot for item in seen}:
            message = "there is no such backup on this disk: see tetras-backctl snapshots"
            return TaskResult(None, Progress(), JobCode.NO_SNAPSHOT, message, snapshots=seen)
        if task.kind is Kind.PIN:
            seen = tuple(
                replace(item, pinned=task.pinned) if item.snapshot == folder else item
                for item in seen
            )
            self.snapshots[task.uuid] = seen
            return TaskResult(0, Progress(), snapshot=folder, snapshots=seen)
        status, said = await self._pretend(order, progress)
        return TaskResult(status, said, snapshot=folder, snapshots=seen)

    async def browse(self, order: TaskOrder, shown: Callable[[str, int], None]) -> TaskResult:
        """As `ports.Tasks.browse`: nothing is there to be walked."""
        result = await self.run(replace(order, task=replace(order.task, kind=Kind.LIST)), _heedless)
        stop = self._stopped[order.job_id] = asyncio.Event()
        shown(f"/sim/browse/{order.task.snapshot}", 3600)
        try:
            await stop.wait()
        finally:
            del self._stopped[order.job_id]
        return result

    async def show(self, job_id: int, snapshot: str, user: int) -> str:
        """As `ports.Tasks.show`."""
        return f"/sim/browse/{snapshot}"

    async def clear(self) -> None:
        """As `ports.Tasks.clear`."""

    def stop(self, job_id: int) -> None:
        """As `ports.Tasks.stop`."""
        if job_id in self._stopped:
            self._stopped[job_id].set()

    async def _pretend(
        self, order: TaskOrder, progress: Callable[[Progress], None]
    ) -> tuple[int | None, Progress]:
        stop = self._stopped[order.job_id] = asyncio.Event()
        said = Progress(bytes_total=3 * GIB)
        try:
            for step in range(1, STEPS + 1):
                try:
                    await asyncio.wait_for(stop.wait(), self.seconds / STEPS)
                except TimeoutError:
                    said = replace(
                        said,
                        fraction=step / STEPS,
                        step=str(order.task.kind),
                        bytes_done=3 * GIB * step // STEPS,
                        files_done=20_000 * step // STEPS,
                    )
                    progress(said)
                else:
                    return None, said
        finally:
            del self._stopped[order.job_id]
        self._logs.add(order.job_id, f"{said.files_done} files")
        return 0, said


def _heedless(said: Progress) -> None:
    """For progress that nobody hears of."""


def _some() -> tuple[Snapshot, ...]:
    now = time.time_ns() // 1000
    return tuple(
        Snapshot(
            time.strftime("%Y-%m-%d_%H-%M-%S_Sauvegarde_sim", time.localtime(started / 1e6)),
            started=started,
            host="sim",
            ours=True,
            files=20_000,
            bytes=3 * GIB,
            manifest=True,
            proof=Proof.SEALED,
        )
        for started in (now - days * DAY for days in (1, 2, 9))
    )
