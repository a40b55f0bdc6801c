"""The original's document: one line of JSON, `{"CONNECTED": {…}, "KNOWN": {…}}`. Pure.

Its clients are pages and scripts written for the original, so that its words stay: French ones, and
``Never``. ``last_backup`` is a sentence, a blank, and the seconds since the epoch.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Final

from tetrasback.wire import BackupView, DiskView

NEVER: Final = "Never"

SENTENCES: Final[Mapping[str, str]] = {
    "success": "Sauvegarde réussie",
    "warning": "Sauvegarde réussie, avec des avertissements",
    "failed": "Échec de la sauvegarde",
    "cancelled": "Sauvegarde annulée",
    "interrupted": "Sauvegarde interrompue",
}
_SECOND: Final = 1_000_000


def document(disks: Iterable[DiskView], backups: Iterable[BackupView]) -> bytes:
    """How DISKS stand, BACKUPS being the last ones of them that are known; with its end of line."""
    known = list(disks)
    ended: dict[str, BackupView] = {}
    for backup in backups:
        last = ended.get(backup.uuid)
        if backup.verdict and (last is None or backup.finished_at > last.finished_at):
            ended[backup.uuid] = backup
    value = {
        "CONNECTED": {disk.uuid: disk.device for disk in known if disk.device},
        "KNOWN": {
            disk.uuid: {
                "name": disk.name,
                "last_seen": disk.last_seen // _SECOND or NEVER,
                "last_backup": _last_backup(disk, ended.get(disk.uuid)),
            }
            for disk in known
            if disk.saved
        },
    }
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _last_backup(disk: DiskView, backup: BackupView | None) -> str:
    """Its last backup. Where that is not shown any more, its verdict is still known, but of a bad
    one no time but that of the disk's last plug."""
    if backup is not None:
        verdict, at = backup.verdict, backup.finished_at
    else:
        good = disk.last_verdict in ("success", "warning")
        verdict, at = disk.last_verdict, disk.last_success if good else disk.last_seen
    return f"{SENTENCES.get(verdict, verdict)} {at // _SECOND}" if verdict else NEVER
