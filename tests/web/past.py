"""A past that nobody has to wait for."""

import random
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

_HOUR = 3_600_000_000


def fill_history(state: Path, disks: Sequence[tuple[str, str]], count: int, hours: int = 1) -> None:
    """COUNT backups, one every HOURS until now, of DISKS (UUID and name) in turn.

    The daemon must not run; what it has made goes.
    """
    now, chance = time.time_ns() // 1000, random.Random(1)
    rows = []
    for number in range(1, count + 1):
        uuid, name = disks[number % len(disks)]
        started = now - (count - number + 1) * hours * _HOUR
        failed, warned = number % 23 == 0, number % 11 == 0
        verdict = "failed" if failed else "warning" if warned else "success"
        code = "disk-full" if failed else "source-unreadable" if warned else ""
        message = (
            "the disk is full: use a larger one; the log has the figures"
            if failed
            else "backup_nocloud.sh gave 1 warning"
            if warned
            else "complete"
        )
        seconds = 600 + number * 4 + chance.randrange(400)
        size = (40 + number // 3 + chance.randrange(12)) * 100_000_000
        rows.append(
            (
                *(number, uuid, name, "plug", verdict, code, started),
                *(started + seconds * 1_000_000, size, 80_000 + number * 13, int(warned)),
                *(message, "s", 1),
            )
        )
    with closing(sqlite3.connect(state / "history.sqlite")) as database, database:
        places = ",".join("?" * len(rows[0]))
        database.executemany(f"INSERT OR REPLACE INTO backups VALUES ({places})", rows)
        # As the daemon knows its disks beside their history.
        database.execute(
            "UPDATE disks SET last_success = max(last_success, coalesce((SELECT max(finished_at)"
            " FROM backups b WHERE b.uuid = disks.uuid AND verdict IN ('success', 'warning')), 0)),"
            " last_verdict = coalesce((SELECT verdict FROM backups b WHERE b.uuid = disks.uuid"
            " ORDER BY id DESC LIMIT 1), '')"
        )
