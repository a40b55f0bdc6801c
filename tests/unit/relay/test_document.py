"""The original's document."""

import json
from dataclasses import replace

from tetrasback.relay.document import SENTENCES, document
from tetrasback.wire import BackupView, DiskView

SECOND = 1_000_000
BLEU = DiskView(
    uuid="AAAA-BBBB", name="bleu", saved=True, device="/dev/sdb1", last_seen=1512345678 * SECOND
)


def told(*disks: DiskView, backups: tuple[BackupView, ...] = ()) -> dict[str, dict[str, object]]:
    data = document(disks, backups)
    assert data.count(b"\n") == 1
    found: dict[str, dict[str, object]] = json.loads(data)
    return found


def last_backup(disk: DiskView, *backups: BackupView) -> object:
    known = told(disk, backups=backups)["KNOWN"][disk.uuid]
    assert isinstance(known, dict)
    return known["last_backup"]


def test_form_of_the_original() -> None:
    stranger = DiskView(uuid="CCCC-DDDD", device="/dev/sdc1")
    away = DiskView(uuid="EEEE-FFFF", name="l’été", saved=True)
    assert told(BLEU, stranger, away) == {
        "CONNECTED": {"AAAA-BBBB": "/dev/sdb1", "CCCC-DDDD": "/dev/sdc1"},
        "KNOWN": {
            "AAAA-BBBB": {"name": "bleu", "last_seen": 1512345678, "last_backup": "Never"},
            "EEEE-FFFF": {"name": "l’été", "last_seen": "Never", "last_backup": "Never"},
        },
    }
    assert told() == {"CONNECTED": {}, "KNOWN": {}}


def test_last_backup_is_the_newest_that_has_ended() -> None:
    old = BackupView(id=1, uuid=BLEU.uuid, verdict="success", finished_at=100 * SECOND)
    new = BackupView(id=2, uuid=BLEU.uuid, verdict="failed", finished_at=200 * SECOND)
    running = BackupView(id=3, uuid=BLEU.uuid)
    other = BackupView(id=4, uuid="other", verdict="success", finished_at=300 * SECOND)
    assert last_backup(BLEU, old, running, other) == "Sauvegarde réussie 100"
    assert last_backup(BLEU, new, old, running) == "Échec de la sauvegarde 200"


def test_failed_backup_that_is_no_longer_shown_is_never_a_good_one() -> None:
    for verdict in ("failed", "cancelled", "interrupted"):
        disk = replace(BLEU, last_verdict=verdict, last_success=100 * SECOND)
        assert last_backup(disk) == f"{SENTENCES[verdict]} 1512345678"
    disk = replace(BLEU, last_verdict="success", last_success=100 * SECOND)
    assert last_backup(disk) == "Sauvegarde réussie 100"
