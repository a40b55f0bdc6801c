"""The way back, as it may be asked of the daemon: what is on a disk, verified, restored, pinned.

Free of any bus, as `control` is, which has this for a part. Each coroutine raises errors of
`errors` only.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NoReturn

from tetrasback.config.forms import normalise_uuid
from tetrasback.core import events
from tetrasback.core.state import Code, DiskJob, Phase, Verdict
from tetrasback.core.task import JobCode, Kind, Snapshot, Task
from tetrasback.engine import Engine
from tetrasback.errors import (
    Busy,
    Failed,
    InvalidArgs,
    NotPlugged,
    Rejected,
    UnknownDisk,
    UnknownJob,
    UnknownSnapshot,
)
from tetrasback.ports import Fault
from tetrasback.views import job_entry, snapshot_view
from tetrasback.wire import JobEntry, SnapshotView

MAX_ROWS: Final = 1000
MAX_PATHS: Final = 1000
MAX_PATH: Final = 4096
DATABASES: Final = ("", "mysql", "postgresql")
UNPROVED: Final = "(UNPROVED: not proved to be this server's)"
_LEFT: Final = "the disk was taken away"
_OPTIONS: Final = {"in-place": bool, "database": str, "unproved": bool}


class Retrieval:
    """What is asked about backups that are made."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._looking = asyncio.Lock()

    # --- looked at in a moment ------------------------------------------------------------------

    async def list_snapshots(self, uuid: str) -> Sequence[SnapshotView]:
        """The complete backups on a disk, newest first; of one that is absent or in use, as last
        seen. Raises UnknownDisk; NotPlugged or Busy where it was never looked at."""
        uuid = normalise_uuid(uuid)
        state = self._engine.state
        disk = state.disks.get(uuid)
        if disk is None:
            raise UnknownDisk("no disk with this UUID is saved or plugged")
        try:
            job = await self._look(Task(Kind.LIST, uuid))
        except (NotPlugged, Busy):
            seen = await self._remembered(uuid)
            if seen is None:
                raise
            return [snapshot_view(item) for item in seen]
        return [snapshot_view(item) for item in job.snapshots or ()]

    async def pin_snapshot(self, uuid: str, snapshot: str, pinned: bool) -> None:
        """Keep a backup whatever the rules say, or not. Raises UnknownSnapshot."""
        task = Task(Kind.PIN, normalise_uuid(uuid), check_folder(snapshot), pinned=pinned)
        await self._look(task)

    async def browse(self, uuid: str, snapshot: str, user: int) -> str:
        """Show a backup (empty = the newest) to USER on the system; its path. Where one on this
        disk is shown already, this one is too."""
        uuid = normalise_uuid(uuid)
        now = self._engine.state.current_job
        if now is not None and now.view and now.task.uuid == uuid:
            return await self._show_too(now.id, snapshot, user)
        job = await self._begin(Task(Kind.BROWSE, uuid, snapshot, user=user))
        await self._engine.until(lambda: bool(self._job(job).view) or self._job(job).over)
        job = self._job(job)
        await self._engine.shown()
        if job.over or not job.view:
            self._raise(job)
        return job.view

    async def _show_too(self, job_id: int, snapshot: str, user: int) -> str:
        try:
            return await self._engine.ports.tasks.show(job_id, snapshot, user)
        except Fault as fault:
            if fault.code == JobCode.NO_SNAPSHOT:
                raise UnknownSnapshot(fault.message) from None
            raise Failed(fault.message) from None

    async def end_browse(self, uuid: str) -> None:
        """Show it no longer; back when it is so. Raises NotRunning."""
        uuid = normalise_uuid(uuid)
        job = self._engine.state.current_job
        await self._engine.request(events.BrowseEndRequested(uuid))
        if job is not None:
            await self._engine.until(lambda: self._job(job).over)

    async def _look(self, task: Task) -> DiskJob:
        """Do what takes a moment, one after the other; back when the disk is let go of."""
        async with self._looking:
            job = await self._begin(task)
            await self._engine.until(lambda: self._job(job).over)
            job = self._job(job)
        await self._engine.shown()
        if job.verdict not in (Verdict.SUCCESS, Verdict.WARNING):
            self._raise(job)
        return job

    def _raise(self, job: DiskJob) -> NoReturn:
        """What has become of a job that did not come to its end."""
        if job.code == JobCode.NO_SNAPSHOT:
            raise UnknownSnapshot(job.message)
        if job.code == Code.DISK_GONE:
            raise NotPlugged(job.message)
        if job.verdict == Verdict.FAILED and job.code != JobCode.FAILED:
            raise Rejected(job.message)
        raise Failed(job.message)

    async def _remembered(self, uuid: str) -> Sequence[Snapshot] | None:
        try:
            return await self._engine.ports.history.snapshots(uuid)
        except OSError as error:
            raise Failed(f"the history cannot be read: {error.strerror or error}") from error

    # --- jobs -----------------------------------------------------------------------------------

    async def verify(self, uuid: str, snapshot: str, percent: int) -> int:
        """Compare a backup (empty = the newest) with its manifest; the job's id."""
        task = Task(Kind.VERIFY, normalise_uuid(uuid), snapshot, percent=percent)
        return (await self._begin(task)).id

    async def restore(
        self,
        uuid: str,
        snapshot: str,
        paths: Sequence[str],
        destination: str,
        options: Mapping[str, Any],
    ) -> int:
        """Put back what a backup holds; the job's id. OPTIONS as they passed `check_restore`."""
        task = Task(
            Kind.RESTORE,
            normalise_uuid(uuid),
            snapshot,
            paths=tuple(paths),
            destination=destination,
            in_place=bool(options.get("in-place", False)),
            database=str(options.get("database", "")),
            unproved=bool(options.get("unproved", False)),
        )
        return (await self._begin(task)).id

    async def cancel_job(self, job_id: int) -> None:
        """End a job. Raises UnknownJob, NotRunning."""
        await self._engine.request(events.JobCancelRequested(job_id))

    async def jobs(self, uuid: str, before: int, limit: int) -> Sequence[JobEntry]:
        """Jobs, newest first; empty uuid = of all disks; only ids below BEFORE, 0 = all."""
        uuid = uuid and normalise_uuid(uuid)
        try:
            rows = await self._engine.ports.history.list_jobs(uuid, before, min(limit, MAX_ROWS))
        except OSError as error:
            raise Failed(f"the history cannot be read: {error.strerror or error}") from error
        return [job_entry(row) for row in rows]

    async def job_log(self, job_id: int) -> str:
        """A job's log, its last 1 MiB. Raises UnknownJob."""
        if not await self._engine.ports.history.job_exists(job_id):
            raise UnknownJob(f"there is no job {job_id}: see tetras-backctl jobs")
        return await self._engine.ports.logs.read(job_id)

    async def _begin(self, task: Task) -> DiskJob:
        number = self._engine.state.next_id  # the step is taken before anything else happens
        await self._engine.request(events.JobRequested(task))
        try:
            return self._engine.state.jobs[number]
        except KeyError:
            raise NotPlugged(_LEFT) from None

    def _job(self, job: DiskJob) -> DiskJob:
        """JOB as it is now. One that is not known any more has ended with a disk that left."""
        return self._engine.state.jobs.get(job.id) or replace(
            job, phase=Phase.DONE, verdict=Verdict.INTERRUPTED, code=Code.DISK_GONE, message=_LEFT
        )


# --- forms --------------------------------------------------------------------------------------


def check(method: str, args: Sequence[Any]) -> Mapping[str, str]:
    """Raise InvalidArgs for a malformed argument; otherwise what whoever authorises is shown,
    the disk as its UUID."""
    match method, *args:
        case "ListSnapshots", str(uuid):
            return {"disk": normalise_uuid(uuid)}
        case "Browse", str(uuid), str(snapshot):
            return {"disk": normalise_uuid(uuid), "snapshot": snapshot and check_folder(snapshot)}
        case "EndBrowse", str(uuid):
            return {"disk": normalise_uuid(uuid)}
        case "PinSnapshot", str(uuid), str(snapshot), bool():
            return {"disk": normalise_uuid(uuid), "snapshot": check_folder(snapshot)}
        case "Verify", str(uuid), str(snapshot), int(percent):
            if not 1 <= percent <= 100:
                raise InvalidArgs("1 to 100 percent of a backup can be verified")
            return {"disk": normalise_uuid(uuid), "snapshot": snapshot and check_folder(snapshot)}
        case "Restore", str(uuid), str(snapshot), paths, str(destination), options:
            where = check_restore(paths, destination, options)
            if options.get("unproved") and not destination:
                where = f"{where} {UNPROVED}"  # they are to know that it is not the plain one
            folder = snapshot and check_folder(snapshot)
            return {"disk": normalise_uuid(uuid), "snapshot": folder, "destination": where}
        case "GetJobs", str(uuid), int(), int(limit):
            if uuid:
                normalise_uuid(uuid)
            if limit > MAX_ROWS:
                raise InvalidArgs(f"at most {MAX_ROWS} rows at once: ask again with before")
    return {}


def check_folder(name: str) -> str:
    """NAME if it can be that of a backup's folder. Raises InvalidArgs."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        size = 0
    if not 0 < size <= 255 or name[0] in ".-" or "/" in name or not name.isprintable():
        raise InvalidArgs("a backup is named by its folder, as tetras-backctl snapshots shows it")
    return name


def check_restore(paths: Sequence[str], destination: str, options: Mapping[str, Any]) -> str:
    """What a restore goes to, for whoever authorises it. Raises InvalidArgs."""
    for name, value in options.items():
        if name not in _OPTIONS:
            raise InvalidArgs(f"there is no option {name[:40]}: see org.tetraslibre.Back(5)")
        if not isinstance(value, _OPTIONS[name]):
            raise InvalidArgs(f"the option {name} takes another type")
    in_place, database = options.get("in-place", False), options.get("database", "")
    if len(paths) > MAX_PATHS:
        raise InvalidArgs(f"at most {MAX_PATHS} paths at once: name a directory above them")
    if database not in DATABASES:
        raise InvalidArgs("dumps are restored into mysql or postgresql: choose one")
    if bool(destination) + bool(in_place) + bool(database) != 1:
        raise InvalidArgs("say where to: a directory, in place, or a database")
    if database:
        if not all(0 < len(name) <= 255 and name.isprintable() for name in paths):
            raise InvalidArgs("a database is named by 1 to 255 characters")
        return str(database)
    for path in paths:
        check_path(path)
    return "/" if in_place else check_path(destination)


def check_path(path: str) -> str:
    """PATH if it is absolute and plain. Raises InvalidArgs."""
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        size = 0
    if (
        not 0 < size <= MAX_PATH
        or not path.startswith("/")
        or ".." in path.split("/")
        or "\0" in path
        or "\n" in path
    ):
        raise InvalidArgs("give a whole path, such as /home/anna, without .. in it")
    return path
