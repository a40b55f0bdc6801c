"""The history in SQLite: backups, disks and plugs, written so that a power cut loses no verdict.

All of it is done by one thread, in the order in which it is asked for, so that a slow disk never
holds the event loop. A damaged file is moved aside and a new one begun; one of a newer version is
refused untouched; a second daemon on the same file is refused by a lock beside it.
"""

import asyncio
import contextlib
import fcntl
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

from tetrasback.adapters import history_tables as tables
from tetrasback.adapters import listing
from tetrasback.core.devices import BlockDevice
from tetrasback.core.events import Remembered, Unfinished
from tetrasback.core.state import Backup, Disk, DiskJob, Phase, Plug, Progress, Trigger
from tetrasback.core.task import Kind, Snapshot, Task
from tetrasback.core.verdict import sum_progress
from tetrasback.errors import HistoryError
from tetrasback.ports import JobRecord, Record

CHECKED_SIZE: Final = 16 * 1024 * 1024
"""Bytes up to which a file is checked whole when it is opened; a larger one takes too long."""

LEAST_ROOM: Final = 64 * 1024
"""Bytes that opening a file takes beside it."""

CLOSING: Final = 10.0
"""Seconds after which a hung disk is no longer waited for."""

UNTOLD_MAX: Final = 100

_RECORD: Final = (
    'id, uuid, name, "trigger", verdict, code, started_at, finished_at,'
    " bytes, files, warnings, message, snapshot"
)
_JOB: Final = (
    "id, uuid, name, kind, snapshot, verdict, code, started_at, finished_at,"
    " bytes, files, warnings, message"
)
_LARGEST: Final = 2**63 - 1

P = ParamSpec("P")
T = TypeVar("T")


class History:
    """`ports.History`, in the file PATH, which is made if it is not there.

    ``problem`` is one line for an alert, empty unless a damaged file had to be moved aside. Ids
    begin above LEAST_ID (a new file must not give those of logs that are still there). Raises
    HistoryError if the file cannot be used: in use, of a newer version, not to be opened.
    """

    def __init__(self, path: Path, *, least_id: int = 0) -> None:
        self.problem = ""
        self._path = path
        self._highest = least_id
        self._lock = _hold(path.with_name(path.name + ".lock"))
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._database: sqlite3.Connection | None = None
        self._thread = threading.Thread(target=self._serve, name="history", daemon=True)
        self._thread.start()
        try:
            self._submit(self._open).result()
        except BaseException:
            self.close()
            raise

    # --- what is remembered ---------------------------------------------------------------------

    def next_id(self) -> int:
        """An id larger than any ever given."""
        return self._submit(lambda: self._highest + 1).result()

    def remembered(self) -> Sequence[Remembered]:
        """What is known of every disk. Raises HistoryError."""
        return self._submit(self._safely, self._remembered).result()

    def unfinished(self) -> Sequence[Unfinished]:
        """Backups without a verdict, oldest first. Raises HistoryError."""
        return self._submit(self._safely, self._unfinished).result()

    def untold(self) -> Sequence[Backup]:
        """Backups with a verdict that are not mailed, the newest `UNTOLD_MAX`, oldest first."""
        return self._submit(self._safely, self._untold).result()

    def holds(self) -> Sequence[tuple[str, int]]:
        """Every hold that was recorded and not taken back. Raises HistoryError."""
        return self._submit(self._safely, self._execute, "SELECT uuid, until FROM holds").result()

    async def list(self, uuid: str, before: int, limit: int) -> Sequence[Record]:
        """Rows, newest first; empty uuid = all; before 0 = from the newest. Raises HistoryError."""
        return await self._ask(self._list, uuid, before, limit)

    async def exists(self, backup_id: int) -> bool:
        """Whether there is a row of this id. Raises HistoryError."""
        return await self._ask(self._exists, backup_id)

    def unfinished_jobs(self) -> Sequence[DiskJob]:
        """Jobs without a verdict, oldest first. Raises HistoryError."""
        rows = self._submit(self._safely, self._jobs, "verdict = ''", ()).result()
        return [_as_job(row) for row in reversed(rows)]

    async def list_jobs(self, uuid: str, before: int, limit: int) -> Sequence[JobRecord]:
        """Rows of jobs, as `list`. Raises HistoryError."""
        where = "id < ?" + (" AND uuid = ?" if uuid else "")
        values = (before or _LARGEST, *((uuid,) if uuid else ()))
        return await self._ask(self._jobs, where, values, limit)

    async def job_exists(self, job_id: int) -> bool:
        """Whether there is a job of this id. Raises HistoryError."""
        return bool(await self._ask(self._jobs, "id = ?", (job_id,)))

    async def snapshots(self, uuid: str) -> Sequence[Snapshot] | None:
        """What was last seen on a disk; None = never looked at. Raises HistoryError."""
        rows = await self._ask(self._execute, "SELECT lines FROM snapshots WHERE uuid = ?", (uuid,))
        return listing.read(rows[0][0].encode())[0] if rows else None

    # --- what is written ------------------------------------------------------------------------

    async def record_backup(self, backup: Backup) -> None:
        """Insert or update the backup's row, durably. Raises HistoryError."""
        await self._ask(self._record_backup, backup)

    async def record_mailed(self, backup_id: int) -> None:
        """The letter about this backup is in safe hands. Raises HistoryError."""
        statement = "UPDATE backups SET mailed = 1 WHERE id = ?"
        await self._ask(self._execute, statement, (backup_id,))

    async def record_disk(self, disk: Disk) -> None:
        """Insert or update what is known of a disk. Raises HistoryError."""
        values = (
            *(disk.uuid, disk.name, disk.label, disk.model, disk.serial, disk.fstype),
            *(disk.size, disk.free, disk.last_seen, disk.last_success, disk.last_verdict),
            *(disk.saved_at, disk.refused, disk.stale_told),
        )
        await self._ask(self._replace, "disks", values)

    async def record_plug(self, uuid: str, plug: Plug) -> None:
        """Insert or replace the newest plug of a disk. Raises HistoryError."""
        values = (uuid, plug.boot_id, plug.diskseq, int(plug.served), plug.attempts)
        await self._ask(self._replace, "plugs", values)

    async def record_hold(self, uuid: str, until: int) -> None:
        """A disk ('' = every disk) is held until then; 0 = no more. Raises HistoryError."""
        if until:
            await self._ask(self._replace, "holds", (uuid, until))
        else:
            await self._ask(self._execute, "DELETE FROM holds WHERE uuid = ?", (uuid,))

    async def record_job(self, job: DiskJob) -> None:
        """Insert or update the job's row, durably. Raises HistoryError."""
        await self._ask(self._record_job, job)

    async def record_snapshots(self, uuid: str, snapshots: Sequence[Snapshot]) -> None:
        """What was seen on a disk, in place of what was seen before. Raises HistoryError."""
        await self._ask(self._replace, "snapshots", (uuid, listing.written(snapshots)))

    def close(self) -> None:
        """Write what is still asked for, and close the database."""
        if self._thread.is_alive():
            self._work.put(None)
            self._thread.join(CLOSING)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    # --- the thread -----------------------------------------------------------------------------

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            work()
        if self._database is not None:
            self._database.close()

    def _submit(self, call: Callable[P, T], *args: P.args, **options: P.kwargs) -> Future[T]:
        """Have CALL done by the thread."""
        future: Future[T] = Future()

        def work() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call(*args, **options))
                except BaseException as error:  # not lost: whoever waits for the future gets it
                    future.set_exception(error)

        if not self._thread.is_alive():
            raise HistoryError("the history is closed")
        self._work.put(work)
        return future

    async def _ask(self, call: Callable[..., T], *args: Any) -> T:
        # Shielded: a caller that gives up must not take back what is to be written.
        return await asyncio.shield(asyncio.wrap_future(self._submit(self._safely, call, *args)))

    def _safely(self, call: Callable[..., T], *args: Any) -> T:
        """CALL's result; if the file proves damaged, once more on a new one."""
        try:
            if self._database is None:
                self._open()
            return call(*args)
        except sqlite3.DatabaseError as error:
            if not tables.is_damage(error):
                raise HistoryError(f"{self._path}: {error}") from error
            try:
                self._begin_anew()
                return call(*args)
            except (sqlite3.DatabaseError, OSError) as again:
                raise HistoryError(f"{self._path}: {again}") from again

    # --- opening --------------------------------------------------------------------------------

    def _open(self) -> None:
        try:
            self._connect()
        except OSError as error:
            raise HistoryError(f"{self._path} cannot be opened: {error.strerror}") from error
        except sqlite3.DatabaseError as error:
            if not tables.is_damage(error):
                raise HistoryError(f"{self._path} cannot be opened: {self._why(error)}") from error
            self._begin_anew()

    def _why(self, error: sqlite3.DatabaseError) -> str:
        """What SQLite could not do; for want of room it also says "disk I/O error"."""
        with contextlib.suppress(OSError):
            status = os.statvfs(self._path.parent)
            if status.f_bavail * status.f_frsize < LEAST_ROOM:
                return "no space is left on its disk, make some"
        return str(error)

    def _begin_anew(self) -> None:
        """Move the damaged file aside, with what belongs to it, and begin a new one."""
        if self._database is not None:
            self._database.close()
            self._database = None
        stamp = time.strftime("%Y%m%d-%H%M%S")
        aside = self._path.with_name(f"{self._path.name}.corrupt-{stamp}")
        for suffix in ("-wal", "-shm", "-journal", ""):
            part = self._path.with_name(self._path.name + suffix)
            if os.path.lexists(part):
                os.replace(part, aside.with_name(aside.name + suffix))
        self.problem = (
            f"the history was damaged: a new one was begun, the old one is kept as {aside}"
        )
        self._connect()

    def _connect(self) -> None:
        """Open, check and, where the file is new, make the tables."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.close(descriptor)
        database = sqlite3.connect(self._path, timeout=10, isolation_level=None)
        try:
            tables.refuse_newer(database, self._path)
            # WAL with FULL: a commit is on the disk when it returns, with a single fsync.
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            tables.make(database, check_whole=self._path.stat().st_size <= CHECKED_SIZE)
            query = (
                "SELECT max(coalesce((SELECT max(seq) FROM sqlite_sequence WHERE name = 'backups'),"
                " 0), coalesce((SELECT max(id) FROM jobs), 0))"
            )
            (highest,) = database.execute(query).fetchone()
        except BaseException:
            database.close()
            raise
        self._highest = max(self._highest, highest)
        self._database = database

    # --- statements, in the thread --------------------------------------------------------------

    def _execute(self, statement: str, values: Sequence[Any] = ()) -> Sequence[Any]:
        assert self._database is not None
        kept = [_storable(value) for value in values]
        return self._database.execute(statement, kept).fetchall()

    def _replace(self, table: str, values: Sequence[Any]) -> None:
        marks = ", ".join("?" * len(values))
        self._execute(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", values)

    def _record_backup(self, backup: Backup) -> None:
        said = sum_progress(backup.earlier, backup.current)
        values = (
            *(backup.id, backup.uuid, backup.name, str(backup.trigger), backup.verdict),
            *(backup.code, backup.started_at or backup.queued_at, backup.finished_at),
            *(said.bytes_done, said.files_done, said.warnings, backup.message, said.snapshot),
            int(backup.mailed),
        )
        self._replace("backups", values)
        self._highest = max(self._highest, backup.id)

    def _record_job(self, job: DiskJob) -> None:
        said = job.progress
        values = (
            *(job.id, job.task.uuid, job.name, str(job.task.kind)),
            *(job.task.snapshot or job.snapshot, job.verdict, job.code),
            *(job.started_at, job.finished_at, said.bytes_done, said.files_done, said.warnings),
            job.message,
        )
        self._replace("jobs", values)
        self._highest = max(self._highest, job.id)

    def _jobs(self, where: str, values: Sequence[Any], limit: int = 1000) -> Sequence[JobRecord]:
        rows = self._execute(
            f"SELECT {_JOB} FROM jobs WHERE {where} ORDER BY id DESC LIMIT ?", (*values, limit)
        )
        return [JobRecord(*row) for row in rows]

    def _list(self, uuid: str, before: int, limit: int) -> Sequence[Record]:
        where = "id < ?" + (" AND uuid = ?" if uuid else "")
        values = (before or _LARGEST, *((uuid,) if uuid else ()), limit)
        rows = self._execute(
            f"SELECT {_RECORD} FROM backups WHERE {where} ORDER BY id DESC LIMIT ?", values
        )
        return [Record(*row) for row in rows]

    def _exists(self, backup_id: int) -> bool:
        return bool(self._execute("SELECT 1 FROM backups WHERE id = ?", (backup_id,)))

    def _unfinished(self) -> Sequence[Unfinished]:
        rows = self._execute(
            'SELECT id, uuid, name, "trigger", started_at FROM backups'
            " WHERE verdict = '' ORDER BY id"
        )
        return [Unfinished(*row) for row in rows]

    def _untold(self) -> Sequence[Backup]:
        rows = self._execute(
            f"SELECT {_RECORD} FROM backups WHERE mailed = 0 AND verdict <> ''"
            " ORDER BY id DESC LIMIT ?",
            (UNTOLD_MAX,),
        )
        return [_as_backup(Record(*row)) for row in reversed(rows)]

    def _remembered(self) -> Sequence[Remembered]:
        plugs = {
            uuid: Plug(boot_id, diskseq, bool(served), attempts)
            for uuid, boot_id, diskseq, served, attempts in self._execute("SELECT * FROM plugs")
        }
        last = self._last_ended()
        found = []
        for row in self._execute("SELECT * FROM disks ORDER BY uuid"):
            uuid, name, label, model, serial, fstype, size, free, seen, success, verdict = row[:11]
            saved_at, refused, stale_told = row[11:]
            disk = Disk(
                uuid=uuid,
                name=name,
                label=label,
                model=model,
                serial=serial,
                fstype=fstype,
                size=size,
                free=free,
                last_seen=seen,
                last_success=success,
                last_verdict=verdict,
                saved_at=saved_at,
                refused=refused,
                stale_told=stale_told,
            )
            found.append(Remembered(disk, plugs.get(uuid), last.get(uuid)))
        self._execute("PRAGMA shrink_memory")  # the pages of a long history are not needed again
        return found

    def _last_ended(self) -> Mapping[str, Backup]:
        """The newest backup with a verdict of each disk that is known, by UUID."""
        rows = self._execute(
            f"SELECT {_RECORD} FROM backups WHERE id IN (SELECT (SELECT id FROM backups AS own"
            " WHERE own.uuid = disks.uuid AND verdict <> '' ORDER BY id DESC LIMIT 1) FROM disks)"
        )
        return {backup.uuid: backup for backup in (_as_backup(Record(*row)) for row in rows)}


def _as_backup(row: Record) -> Backup:
    """A row as the core knows what has ended; raises nothing, whatever words are in it."""
    return Backup(
        id=row.id,
        uuid=row.uuid,
        name=row.name,
        trigger=Trigger(row.trigger) if row.trigger in set(Trigger) else Trigger.PLUG,
        phase=Phase.DONE,
        started_at=row.started_at,
        finished_at=row.finished_at,
        current=Progress(
            bytes_done=row.bytes, files_done=row.files, warnings=row.warnings, snapshot=row.snapshot
        ),
        verdict=row.verdict,
        code=row.code,
        message=row.message,
    )


def _as_job(row: JobRecord) -> DiskJob:
    """A row without a verdict as the core knows a job."""
    kind = Kind(row.kind) if row.kind in set(Kind) else Kind.RESTORE
    return DiskJob(
        id=row.id,
        task=Task(kind, row.uuid, row.snapshot),
        name=row.name,
        device=BlockDevice("", "", row.uuid),
        started_at=row.started_at,
    )


def _storable(value: Any) -> Any:
    """VALUE as SQLite can hold it: 63 bits, valid text."""
    if isinstance(value, int):
        return min(value, _LARGEST)
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _hold(path: Path) -> int:
    """Lock PATH for this process alone; the descriptor that holds the lock.

    A POSIX lock: a process forked from us that hangs on a disk does not keep it.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise HistoryError(f"{path} cannot be opened: {error.strerror}") from error
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise HistoryError(
            f"another tetras-backd uses {path.parent}: stop it, or give another --state-dir"
        ) from error
    return descriptor
