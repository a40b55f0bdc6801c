"""Restores and verifications, the jobs of `org.tetraslibre.Back`: its methods for them."""

from collections.abc import Sequence
from typing import Final

from dbus_next.signature import Variant

from tetrasback import names
from tetrasback.client.proxy import LOOK_LIMIT, Client, id_below
from tetrasback.errors import UnknownJob, UnknownObject
from tetrasback.lang.i18n import _
from tetrasback.wire import JobEntry, JobView, from_wire

WHOLE: Final = 100
"""Per cent."""


class Jobs:
    """What CLIENT's daemon is asked about jobs; the errors are those of `Client`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    # What anyone may read

    async def job(self, job_id: int) -> JobView:
        """One job; UnknownJob where its object is no longer shown."""
        try:
            values = await self._client.properties(names.job_path(job_id), names.JOB_INTERFACE)
        except UnknownObject:
            raise UnknownJob(_("job {id} is not shown any more").format(id=job_id)) from None
        return from_wire(JobView, values)

    async def entries(self, uuid: str = "", before: int = 0, limit: int = 100) -> list[JobEntry]:
        """Past and running jobs, newest first: of one disk or all, only ids below BEFORE."""
        (rows,) = await self._client.newer(
            "GetJobs", "stu", [uuid, before, limit], expects="aa{sv}"
        )
        return [from_wire(JobEntry, row) for row in rows]

    # What polkit must allow

    async def restore(
        self,
        uuid: str,
        snapshot: str,
        paths: Sequence[str],
        destination: str,
        *,
        in_place: bool = False,
        database: str = "",
        unproved: bool = False,
    ) -> int:
        """Begin to put PATHS (none = everything) of a backup below DESTINATION; the job's id.

        IN_PLACE replaces what is there. DATABASE: the dumps, named by PATHS, into that server.
        UNPROVED: also from a backup that does not prove to be that server's.
        """
        options = {}
        if unproved:
            options["unproved"] = Variant("b", True)
        if in_place:
            options["in-place"] = Variant("b", True)
        if database:
            options["database"] = Variant("s", database)
        arguments = [uuid, snapshot, list(paths), destination, options]
        (path,) = await self._client.newer(
            "Restore", "ssassa{sv}", arguments, expects="o", limit=LOOK_LIMIT
        )
        return id_below(names.JOBS_PATH, path)

    async def verify(self, uuid: str, snapshot: str = "", percent: int = WHOLE) -> int:
        """Begin to read PERCENT of a backup (empty = the newest) again; the job's id."""
        arguments = [uuid, snapshot, percent]
        (path,) = await self._client.newer(
            "Verify", "ssu", arguments, expects="o", limit=LOOK_LIMIT
        )
        return id_below(names.JOBS_PATH, path)

    async def cancel(self, job_id: int) -> None:
        """End a job."""
        await self._client.newer("CancelJob", "t", [job_id])

    async def log(self, job_id: int) -> str:
        """A job's log, its last MiB."""
        return str((await self._client.newer("GetJobLog", "t", [job_id], expects="s"))[0])
