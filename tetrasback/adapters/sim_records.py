"""Logs and a history that are forgotten when the daemon ends (see `sim`)."""

import time
from collections.abc import Sequence

from tetrasback.core.events import Remembered, Unfinished
from tetrasback.core.state import Backup, Disk, DiskJob, Plug
from tetrasback.core.task import Snapshot
from tetrasback.core.verdict import sum_progress
from tetrasback.ports import JobRecord, Record


class SimLogs:
    """`ports.Logs`."""

    def __init__(self) -> None:
        self.lines: dict[int, list[str]] = {}

    def add(self, backup_id: int, text: str) -> None:
        """As `ports.Logs.add`."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        self.lines.setdefault(backup_id, []).append(f"{stamp[:-2]}:{stamp[-2:]} {text}\n")

    async def read(self, backup_id: int) -> str:
        """As `ports.Logs.read`."""
        return "".join(self.lines.get(backup_id, ()))


class SimHistory:
    """`ports.History`. Set ``failure`` to make every write fail."""

    def __init__(self) -> None:
        self.problem = ""
        self.failure: Exception | None = None
        self.backups: dict[int, Record] = {}
        self.disks: dict[str, Disk] = {}
        self.plugs: dict[str, Plug] = {}
        self.mailed: set[int] = set()
        self.held: dict[str, int] = {}
        self.jobs: dict[int, JobRecord] = {}
        self.seen: dict[str, Sequence[Snapshot]] = {}

    def next_id(self) -> int:
        """As `ports.History.next_id`."""
        return max(self.backups.keys() | self.jobs.keys(), default=0) + 1

    def remembered(self) -> Sequence[Remembered]:
        """As `ports.History.remembered`."""
        return [Remembered(disk, self.plugs.get(uuid)) for uuid, disk in self.disks.items()]

    def unfinished(self) -> Sequence[Unfinished]:
        """As `ports.History.unfinished`."""
        return [
            Unfinished(row.id, row.uuid, row.name, row.trigger, row.started_at)
            for row in self.backups.values()
            if not row.verdict
        ]

    def untold(self) -> Sequence[Backup]:
        """None was forgotten together with everything else."""
        return ()

    async def record_mailed(self, backup_id: int) -> None:
        """As `ports.History.record_mailed`."""
        self._fail()
        self.mailed.add(backup_id)

    async def record_backup(self, backup: Backup) -> None:
        """As `ports.History.record_backup`."""
        self._fail()
        said = sum_progress(backup.earlier, backup.current)
        self.backups[backup.id] = Record(
            id=backup.id,
            uuid=backup.uuid,
            name=backup.name,
            trigger=backup.trigger,
            verdict=backup.verdict,
            code=backup.code,
            started_at=backup.started_at or backup.queued_at,
            finished_at=backup.finished_at,
            bytes=said.bytes_done,
            files=said.files_done,
            warnings=said.warnings,
            message=backup.message,
            snapshot=said.snapshot,
        )

    async def record_disk(self, disk: Disk) -> None:
        """As `ports.History.record_disk`."""
        self._fail()
        self.disks[disk.uuid] = Disk(
            uuid=disk.uuid,
            name=disk.name,
            label=disk.label,
            model=disk.model,
            serial=disk.serial,
            fstype=disk.fstype,
            size=disk.size,
            free=disk.free,
            last_seen=disk.last_seen,
            last_success=disk.last_success,
            last_verdict=disk.last_verdict,
        )

    async def record_plug(self, uuid: str, plug: Plug) -> None:
        """As `ports.History.record_plug`."""
        self._fail()
        self.plugs[uuid] = plug

    def holds(self) -> Sequence[tuple[str, int]]:
        """As `ports.History.holds`."""
        return list(self.held.items())

    async def record_hold(self, uuid: str, until: int) -> None:
        """As `ports.History.record_hold`."""
        self._fail()
        self.held[uuid] = until
        if not until:
            del self.held[uuid]

    def unfinished_jobs(self) -> Sequence[DiskJob]:
        """None was forgotten together with everything else."""
        return ()

    async def record_job(self, job: DiskJob) -> None:
        """As `ports.History.record_job`."""
        self._fail()
        self.jobs[job.id] = JobRecord(
            id=job.id,
            uuid=job.task.uuid,
            name=job.name,
            kind=str(job.task.kind),
            snapshot=job.task.snapshot or job.snapshot,
            verdict=job.verdict,
            code=job.code,
            started_at=job.started_at,
            finished_at=job.finished_at,
            bytes=job.progress.bytes_done,
            files=job.progress.files_done,
            warnings=job.progress.warnings,
            message=job.message,
        )

    async def list_jobs(self, uuid: str, before: int, limit: int) -> Sequence[JobRecord]:
        """As `ports.History.list_jobs`."""
        found = [
            row
            for _, row in sorted(self.jobs.items(), reverse=True)
            if (not uuid or row.uuid == uuid) and (not before or row.id < before)
        ]
        return found[:limit]

    async def job_exists(self, job_id: int) -> bool:
        """As `ports.History.job_exists`."""
        return job_id in self.jobs

    async def record_snapshots(self, uuid: str, snapshots: Sequence[Snapshot]) -> None:
        """As `ports.History.record_snapshots`."""
        self._fail()
        self.seen[uuid] = snapshots

    async def snapshots(self, uuid: str) -> Sequence[Snapshot] | None:
        """As `ports.History.snapshots`."""
        return self.seen.get(uuid)

    async def list(self, uuid: str, before: int, limit: int) -> Sequence[Record]:
        """As `ports.History.list`."""
        found = [
            row
            for _, row in sorted(self.backups.items(), reverse=True)
            if (not uuid or row.uuid == uuid) and (not before or row.id < before)
        ]
        return found[:limit]

    async def exists(self, backup_id: int) -> bool:
        """As `ports.History.exists`."""
        return backup_id in self.backups

    def close(self) -> None:
        """Nothing is open."""

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure
