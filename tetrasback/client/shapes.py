"""Views → JSON. These shapes are documented in tetras-backctl(1) and tetras-back-events(5) and stay
as they are: members may be added, never renamed, removed or given another meaning.

Times are RFC 3339 or null for never, sizes are bytes, words are those of the bus.
"""

from typing import Any

from tetrasback.lang.text import clean
from tetrasback.lang.units import iso
from tetrasback.lang.words import ALERT_LEVELS
from tetrasback.wire import (
    Alert,
    BackupView,
    DiskView,
    HistoryEntry,
    HoldView,
    JobEntry,
    JobView,
    PreparableView,
    ScriptView,
    SnapshotView,
)


def disk_shape(disk: DiskView) -> dict[str, Any]:
    """One disk."""
    return {
        "uuid": disk.uuid,
        "name": disk.name,
        "saved": disk.saved,
        "device": disk.device,
        "label": disk.label,
        "model": disk.model,
        "serial": disk.serial,
        "filesystem_type": disk.filesystem_type,
        "size": disk.size,
        "free": disk.free,
        "state": disk.state,
        "reason": disk.reason,
        "last_seen": iso(disk.last_seen),
        "last_success": iso(disk.last_success),
        "last_verdict": disk.last_verdict,
    }


def preparable_shape(whole: PreparableView) -> dict[str, Any]:
    """One whole disk that could be prepared."""
    return {
        "device": whole.device,
        "model": whole.model,
        "serial": whole.serial,
        "size": whole.size,
        "partition_table": whole.partition_table,
        "contents": [
            {
                "device": item.device,
                "size": item.size,
                "filesystem_type": item.filesystem_type,
                "label": item.label,
                "uuid": item.uuid,
                "mount_points": list(item.mount_points),
                "used_by": list(item.used_by),
            }
            for item in whole.contents
        ],
        "usable": whole.usable,
        "step": whole.step,
    }


def backup_shape(backup: BackupView) -> dict[str, Any]:
    """One backup under way or just ended."""
    return {
        "id": backup.id,
        "uuid": backup.uuid,
        "trigger": backup.trigger,
        "state": backup.state,
        "verdict": backup.verdict,
        "code": backup.code,
        "step": backup.step,
        "fraction": backup.fraction if backup.fraction >= 0 else None,
        "bytes_done": backup.bytes_done,
        "bytes_total": backup.bytes_total or None,
        "files_done": backup.files_done,
        "warnings": backup.warnings,
        "started_at": iso(backup.started_at),
        "finished_at": iso(backup.finished_at),
        "message": backup.message,
    }


def history_shape(entry: HistoryEntry) -> dict[str, Any]:
    """One row of the history."""
    return {
        "id": entry.id,
        "uuid": entry.uuid,
        "name": entry.name,
        "trigger": entry.trigger,
        "verdict": entry.verdict,
        "code": entry.code,
        "started_at": iso(entry.started_at),
        "finished_at": iso(entry.finished_at),
        "bytes": entry.bytes,
        "files": entry.files,
        "warnings": entry.warnings,
        "message": entry.message,
        "snapshot": entry.snapshot,
    }


def alert_shape(alert: Alert, name: str) -> dict[str, Any]:
    """One alert, with the NAME of its disk where it has one."""
    return {
        "code": alert.code,
        "level": ALERT_LEVELS.get(alert.code, "warning"),
        "uuid": alert.uuid,
        "name": name,
        "since": iso(alert.since),
        "message": alert.message,
    }


def job_shape(job: JobView) -> dict[str, Any]:
    """One restore or verification under way or just ended."""
    return {
        "id": job.id,
        "kind": job.kind,
        "uuid": job.uuid,
        "snapshot": job.snapshot,
        "state": job.state,
        "verdict": job.verdict,
        "code": job.code,
        "step": job.step,
        "fraction": job.fraction if job.fraction >= 0 else None,
        "bytes_done": job.bytes_done,
        "bytes_total": job.bytes_total or None,
        "files_done": job.files_done,
        "warnings": job.warnings,
        "started_at": iso(job.started_at),
        "finished_at": iso(job.finished_at),
        "message": job.message,
    }


def job_entry_shape(entry: JobEntry) -> dict[str, Any]:
    """One row of the list of jobs."""
    return {
        "id": entry.id,
        "kind": entry.kind,
        "uuid": entry.uuid,
        "name": entry.name,
        "snapshot": entry.snapshot,
        "verdict": entry.verdict,
        "code": entry.code,
        "started_at": iso(entry.started_at),
        "finished_at": iso(entry.finished_at),
        "bytes": entry.bytes,
        "files": entry.files,
        "warnings": entry.warnings,
        "message": entry.message,
    }


def snapshot_shape(snapshot: SnapshotView, disk: DiskView) -> dict[str, Any]:
    """One complete backup on DISK."""
    return {
        "uuid": disk.uuid,
        "name": disk.name,
        "snapshot": snapshot.snapshot,
        "started_at": iso(snapshot.started_at),
        "host": snapshot.host,
        "ours": snapshot.ours,
        "original": snapshot.original,
        "pinned": snapshot.pinned,
        "bytes": snapshot.bytes or None,
        "files": snapshot.files or None,
        "manifest": snapshot.manifest,
        "proof": snapshot.proof,
    }


def hold_shape(hold: HoldView, name: str) -> dict[str, Any]:
    """One hold, with the NAME of its disk; both empty where no backup starts on any disk."""
    return {"uuid": hold.uuid, "name": name, "until": iso(hold.until)}


def script_shape(script: ScriptView) -> dict[str, Any]:
    """One backup script."""
    return {"name": script.name, "enabled": script.enabled, "path": script.path}


def error_shape(error: str, message: str, exit_code: int) -> dict[str, Any]:
    """Why a command failed: ERROR is the last word of the D-Bus error's name."""
    return {"error": {"name": error, "message": clean(message), "exit_code": exit_code}}
