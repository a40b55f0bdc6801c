"""State → what the bus shows. Unchanged parts keep their view, so that a diff costs next to
nothing with a thousand disks."""

from collections.abc import Mapping, Sequence
from itertools import chain

from tetrasback import __version__
from tetrasback.config.model import Config
from tetrasback.core import alerts, prepare
from tetrasback.core.jobs import fraction
from tetrasback.core.state import Backup, Disk, DiskJob, State
from tetrasback.core.task import Snapshot
from tetrasback.core.verdict import overall_fraction, sum_progress
from tetrasback.core.wholes import WholeDisk
from tetrasback.ports import JobRecord, Record, ScriptFile
from tetrasback.wire import (
    Alert,
    BackupView,
    ContentView,
    DiskView,
    HistoryEntry,
    HoldView,
    JobEntry,
    JobView,
    ManagerView,
    PreparableView,
    ScriptView,
    SnapshotView,
)

HOUR = 3_600_000_000
"""µs: how often alerts that depend on time alone are made anew."""

_AlertSource = tuple[Mapping[str, Disk], tuple[alerts.Alert, ...]]


class Views:
    """Makes views, and keeps those whose source has not changed. While the disks of the state are
    the same mapping, so are their views."""

    def __init__(self) -> None:
        self._disks: Mapping[str, Disk] = {}
        self._disk_views: Mapping[str, DiskView] = {}
        self._backups: dict[int, tuple[Backup, BackupView]] = {}
        self._jobs: dict[int, tuple[DiskJob, JobView]] = {}
        self._disk_alerts: Mapping[str, tuple[Disk, tuple[alerts.Alert, ...]]] = {}
        self._alerts_hold_for: tuple[Config, int] = (Config(), 0)
        self._alerts: tuple[_AlertSource | None, tuple[Alert, ...]] = (None, ())

    def disks(self, state: State) -> Mapping[str, DiskView]:
        """Every disk of STATE, by UUID."""
        if state.disks is not self._disks:
            old, views = self._disks, self._disk_views
            self._disk_views = {
                uuid: views[uuid] if old.get(uuid) is disk else disk_view(disk)
                for uuid, disk in state.disks.items()
            }
            self._disks = state.disks
        return self._disk_views

    def backups(self, state: State) -> Mapping[int, BackupView]:
        """Every backup of STATE, by id."""
        old = self._backups
        self._backups = {
            key: known
            if (known := old.get(key)) is not None and known[0] is backup
            else (backup, backup_view(backup))
            for key, backup in state.backups.items()
        }
        return {key: view for key, (_, view) in self._backups.items()}

    def jobs(self, state: State) -> Mapping[int, JobView]:
        """Every job of STATE that is shown, by id."""
        old = self._jobs
        self._jobs = {
            key: known
            if (known := old.get(key)) is not None and known[0] is job
            else (job, job_view(job))
            for key, job in state.jobs.items()
            if job.task.kind.is_job
        }
        return {key: view for key, (_, view) in self._jobs.items()}

    def manager(
        self, state: State, config: Config, scripts: Sequence[ScriptFile], now: int
    ) -> ManagerView:
        """The root object's properties."""
        return ManagerView(
            version=__version__,
            busy=state.busy,
            scripts=script_views(config, scripts),
            configuration_error=state.configuration_error,
            alerts=self._alerts_now(state, config, now),
            preparable=preparable_views(state),
            holds=tuple(HoldView(uuid, until) for uuid, until in sorted(state.holds.items())),
        )

    def _alerts_now(self, state: State, config: Config, now: int) -> tuple[Alert, ...]:
        hold_for = (config, now // HOUR)
        if hold_for != self._alerts_hold_for:
            self._disk_alerts, self._alerts_hold_for = {}, hold_for
            self._alerts = (None, ())
        of_server = tuple(alerts.of_server(state))
        source, shown = self._alerts
        if source is None or source[0] is not state.disks or source[1] != of_server:
            old = self._disk_alerts
            self._disk_alerts = {
                uuid: known
                if (known := old.get(uuid)) is not None and known[0] is disk
                else (disk, alerts.of_disk(disk, config, now))
                for uuid, disk in state.disks.items()
            }
            of_all = alerts.of_all_disks(state.disks.values(), config, now)
            of_disks = chain.from_iterable(found for _, found in self._disk_alerts.values())
            lasting = alerts.but_glances(of_disks, state)
            shown = tuple(
                Alert(item.code, item.uuid, item.since, item.message)
                for item in alerts.worst_first(chain(of_server, of_all, lasting))
            )
            self._alerts = ((state.disks, of_server), shown)
        return shown


def disk_view(disk: Disk) -> DiskView:
    """One disk."""
    return DiskView(
        uuid=disk.uuid,
        name=disk.name,
        saved=disk.saved,
        device=disk.device.node if disk.device else "",
        label=disk.label,
        model=disk.model,
        serial=disk.serial,
        filesystem_type=disk.fstype,
        size=disk.size,
        free=disk.free,
        state=str(disk.state),
        reason=disk.reason,
        last_seen=disk.last_seen,
        last_success=disk.last_success,
        last_verdict=disk.last_verdict,
        browse_until=disk.browse_until,
    )


def backup_view(backup: Backup) -> BackupView:
    """One backup."""
    said = sum_progress(backup.earlier, backup.current)
    return BackupView(
        id=backup.id,
        uuid=backup.uuid,
        trigger=str(backup.trigger),
        state=str(backup.phase),
        verdict=backup.verdict,
        code=str(backup.code),
        step=backup.step,
        fraction=overall_fraction(backup),
        bytes_done=said.bytes_done,
        bytes_total=said.bytes_total,
        files_done=said.files_done,
        warnings=said.warnings,
        started_at=backup.started_at,
        finished_at=backup.finished_at,
        message=backup.message,
    )


def job_view(job: DiskJob) -> JobView:
    """One job."""
    said = job.progress
    return JobView(
        id=job.id,
        kind=str(job.task.kind),
        uuid=job.task.uuid,
        snapshot=job.task.snapshot or job.snapshot,
        state=str(job.phase),
        verdict=job.verdict,
        code=str(job.code),
        step="" if job.over else said.step,
        fraction=fraction(job),
        bytes_done=said.bytes_done,
        bytes_total=said.bytes_total,
        files_done=said.files_done,
        warnings=said.warnings,
        started_at=job.started_at,
        finished_at=job.finished_at,
        message=job.message,
    )


def script_views(config: Config, scripts: Sequence[ScriptFile]) -> tuple[ScriptView, ...]:
    """Every script there is, and every enabled one that is not there (with an empty path)."""
    enabled = config.backup.scripts
    there = {script.name: script.path for script in scripts}
    names = sorted({*there, *enabled})
    return tuple(ScriptView(name, name in enabled, there.get(name, "")) for name in names)


def preparable_views(state: State) -> tuple[PreparableView, ...]:
    """Every whole disk that may be prepared, or is being prepared."""
    if not state.wholes:
        return ()
    return tuple(_preparable_view(state, whole) for whole in prepare.preparable(state))


def _preparable_view(state: State, whole: WholeDisk) -> PreparableView:
    preparing = state.preparing if prepare.is_preparing(state, whole.node) else None
    return PreparableView(
        device=whole.node,
        disk_sequence=whole.diskseq,
        model=whole.model,
        serial=whole.serial,
        size=whole.size,
        partition_table=whole.table,
        contents=tuple(
            ContentView(
                device=item.node,
                size=item.size,
                filesystem_type=item.fstype,
                label=item.label,
                uuid=item.uuid,
                mount_points=item.mounts,
                used_by=item.users,
            )
            for item in whole.contents
        ),
        usable=whole.usable,
        step=preparing.step if preparing else "",
    )


def snapshot_view(snapshot: Snapshot) -> SnapshotView:
    """One backup on a disk."""
    return SnapshotView(
        snapshot=snapshot.snapshot,
        started_at=snapshot.started,
        host=snapshot.host,
        ours=snapshot.ours,
        original=snapshot.original,
        pinned=snapshot.pinned,
        bytes=snapshot.bytes,
        files=snapshot.files,
        manifest=snapshot.manifest,
        proof=snapshot.proof,
    )


def job_entry(record: JobRecord) -> JobEntry:
    """One row of the history of jobs."""
    return JobEntry(
        id=record.id,
        kind=record.kind,
        uuid=record.uuid,
        name=record.name,
        snapshot=record.snapshot,
        verdict=record.verdict,
        code=record.code,
        started_at=record.started_at,
        finished_at=record.finished_at,
        bytes=record.bytes,
        files=record.files,
        warnings=record.warnings,
        message=record.message,
    )


def history_entry(record: Record) -> HistoryEntry:
    """One row of the history."""
    return HistoryEntry(
        id=record.id,
        uuid=record.uuid,
        name=record.name,
        trigger=record.trigger,
        verdict=record.verdict,
        code=record.code,
        started_at=record.started_at,
        finished_at=record.finished_at,
        bytes=record.bytes,
        files=record.files,
        warnings=record.warnings,
        message=record.message,
        snapshot=record.snapshot,
    )
