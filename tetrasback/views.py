"""State → what the bus shows. Unchanged parts keep their view, so that a diff costs next to
nothing with a thousand disks."""

from collections.abc import Mapping, Sequence

from tetrasback import __version__
from tetrasback.config.model import Config
from tetrasback.core.alerts import alerts
from tetrasback.core.state import Backup, Disk, State
from tetrasback.core.verdict import overall_fraction, sum_progress
from tetrasback.ports import Record, ScriptFile
from tetrasback.wire import Alert, BackupView, DiskView, HistoryEntry, ManagerView, ScriptView

HOUR = 3_600_000_000
"""µs: how often alerts that depend on time alone are made anew."""


class Views:
    """Makes views, and keeps those whose source has not changed."""

    def __init__(self) -> None:
        self._disks: dict[str, tuple[Disk, DiskView]] = {}
        self._backups: dict[int, tuple[Backup, BackupView]] = {}
        self._alerts: tuple[object, tuple[Alert, ...]] = (None, ())

    def disks(self, state: State) -> Mapping[str, DiskView]:
        """Every disk of STATE, by UUID."""
        old = self._disks
        self._disks = {
            uuid: known
            if (known := old.get(uuid)) is not None and known[0] is disk
            else (disk, disk_view(disk))
            for uuid, disk in state.disks.items()
        }
        return {uuid: view for uuid, (_, view) in self._disks.items()}

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

    def manager(
        self, state: State, config: Config, scripts: Sequence[ScriptFile], now: int
    ) -> ManagerView:
        """The root object's properties."""
        source = (
            tuple(id(disk) for disk in state.disks.values()),
            config,
            state.configuration_error,
            state.history_error,
            state.units_stopped,
            now // HOUR,
        )
        if self._alerts[0] != source:
            found = alerts(state, config, now)
            self._alerts = (
                source,
                tuple(Alert(item.code, item.uuid, item.since, item.message) for item in found),
            )
        return ManagerView(
            version=__version__,
            busy=state.busy,
            scripts=script_views(config, scripts),
            configuration_error=state.configuration_error,
            alerts=self._alerts[1],
        )


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


def script_views(config: Config, scripts: Sequence[ScriptFile]) -> tuple[ScriptView, ...]:
    """Every script there is, and every enabled one that is not there (with an empty path)."""
    enabled = config.backup.scripts
    there = {script.name: script.path for script in scripts}
    names = sorted({*there, *enabled})
    return tuple(ScriptView(name, name in enabled, there.get(name, "")) for name in names)


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
