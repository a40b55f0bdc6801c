"""The tables of the history, and what makes those of an older version into ours."""

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tetrasback.errors import HistoryError

VERSION: Final = 3
"""`PRAGMA user_version` of the files written here."""

_ADDED_IN_3: Final = """
CREATE TABLE holds (uuid TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE snapshots (uuid TEXT PRIMARY KEY, lines TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY, uuid TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,
    snapshot TEXT NOT NULL, verdict TEXT NOT NULL, code TEXT NOT NULL, started_at INTEGER NOT NULL,
    finished_at INTEGER NOT NULL, bytes INTEGER NOT NULL, files INTEGER NOT NULL,
    warnings INTEGER NOT NULL, message TEXT NOT NULL
);
CREATE INDEX jobs_of_disk ON jobs (uuid, id);
CREATE INDEX jobs_unfinished ON jobs (id) WHERE verdict = '';
"""

SCHEMA: Final = (
    """
CREATE TABLE backups (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL, name TEXT NOT NULL, "trigger" TEXT NOT NULL, verdict TEXT NOT NULL,
    code TEXT NOT NULL, started_at INTEGER NOT NULL, finished_at INTEGER NOT NULL,
    bytes INTEGER NOT NULL, files INTEGER NOT NULL, warnings INTEGER NOT NULL,
    message TEXT NOT NULL, snapshot TEXT NOT NULL, mailed INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX backups_of_disk ON backups (uuid, id);
CREATE INDEX backups_unfinished ON backups (id) WHERE verdict = '';
CREATE INDEX backups_untold ON backups (id) WHERE mailed = 0;
CREATE TABLE disks (
    uuid TEXT PRIMARY KEY, name TEXT NOT NULL, label TEXT NOT NULL, model TEXT NOT NULL,
    serial TEXT NOT NULL, fstype TEXT NOT NULL, size INTEGER NOT NULL, free INTEGER NOT NULL,
    last_seen INTEGER NOT NULL, last_success INTEGER NOT NULL, last_verdict TEXT NOT NULL,
    saved_at INTEGER NOT NULL DEFAULT 0, refused TEXT NOT NULL DEFAULT '',
    stale_told INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE plugs (
    uuid TEXT PRIMARY KEY, boot_id TEXT NOT NULL, diskseq INTEGER NOT NULL,
    served INTEGER NOT NULL, attempts INTEGER NOT NULL
) WITHOUT ROWID;
"""
    + _ADDED_IN_3
)

MIGRATIONS: Final[Mapping[int, str]] = {
    1: """
ALTER TABLE backups ADD COLUMN mailed INTEGER NOT NULL DEFAULT 1;
CREATE INDEX backups_untold ON backups (id) WHERE mailed = 0;
ALTER TABLE disks ADD COLUMN saved_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE disks ADD COLUMN refused TEXT NOT NULL DEFAULT '';
ALTER TABLE disks ADD COLUMN stale_told INTEGER NOT NULL DEFAULT 0;
""",
    2: _ADDED_IN_3,
}
"""What makes a file of a version one of the next."""

_DAMAGE: Final = frozenset((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB))


class Damaged(sqlite3.DatabaseError):
    """The check of the file found a fault."""


def refuse_newer(database: sqlite3.Connection, path: Path) -> None:
    """Raise HistoryError if DATABASE, the file at PATH, is one of a newer version."""
    if _version(database) > VERSION:
        raise HistoryError(
            f"{path} was made by a newer version of Tetras-back: install that version, or move"
            " the file away"
        )


def make(database: sqlite3.Connection, *, check_whole: bool) -> None:
    """Have our tables in DATABASE. Raises `Damaged`; CHECK_WHOLE takes time in a large file."""
    version = _version(database)
    if version and check_whole:
        (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise Damaged(found)
    if version == 0:
        _run(database, SCHEMA, VERSION)
    for older in range(version, VERSION) if version else ():
        try:
            _run(database, MIGRATIONS[older], older + 1)
        except sqlite3.OperationalError as error:
            database.execute("ROLLBACK")
            if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
                raise  # the disk is full, say
            raise Damaged(str(error)) from error  # the tables are not those of its version
    _check(database)


def _version(database: sqlite3.Connection) -> int:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    return int(version)


def _run(database: sqlite3.Connection, statements: str, version: int) -> None:
    """All of STATEMENTS or none; the file is then one of VERSION."""
    database.executescript(
        f"BEGIN IMMEDIATE; {statements} PRAGMA user_version = {version}; COMMIT;"
    )


def _check(database: sqlite3.Connection) -> None:
    """Raise Damaged unless our tables are there with our columns."""
    wanted = sqlite3.connect(":memory:")
    try:
        wanted.executescript(SCHEMA)
        for table in ("backups", "disks", "plugs", "holds", "snapshots", "jobs"):
            question = f"PRAGMA table_info({table})"
            columns = [row[1] for row in database.execute(question)]
            if columns != [row[1] for row in wanted.execute(question)]:
                raise Damaged(f"table {table} is not as it should be")
    finally:
        wanted.close()


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether ERROR means that the file itself is at fault."""
    if isinstance(error, Damaged):
        return True
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _DAMAGE
