"""The typed client of `org.tetraslibre.Back`: one method for each of the contract's."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from tetrasback import names
from tetrasback.client.connection import CALL_LIMIT, Connection, Link
from tetrasback.client.remote import Ask, Remote
from tetrasback.client.subscription import Subscription
from tetrasback.errors import (
    Failed,
    UnknownBackup,
    UnknownDisk,
    UnknownMethod,
    UnknownObject,
)
from tetrasback.lang.i18n import N_, _
from tetrasback.wire import (
    BackupView,
    DiskView,
    HistoryEntry,
    JobView,
    ManagerView,
    SnapshotView,
    from_wire,
    manager_from_wire,
)

UNPLUG_LIMIT: Final = 24 * 3600.0
PREPARE_LIMIT: Final = UNPLUG_LIMIT
"""Seconds: what is on its way to a slow disk may take long to arrive; the daemon watches over it,
and the bus tells us should it die."""
LOOK_LIMIT: Final = 600.0
"""Seconds in which a disk is woken, mounted and looked at."""

OLDER: Final = N_(
    "the service is older than this program and cannot do this yet; after an update,"
    " restart it with: systemctl restart tetras-back"
)


@dataclass(frozen=True, slots=True)
class Objects:
    """Every disk by its UUID, every backup and every job by its id."""

    disks: Mapping[str, DiskView]
    backups: Mapping[int, BackupView]
    jobs: Mapping[int, JobView]


class Client:
    """The daemon, over a connection of its own. Use `async with await Client.open() as client`.

    ASK is entered when the daemon wants a password, and the call is made again inside; None: the
    user is never asked, and such calls raise AuthorizationRequired.

    Every method raises Unreachable where the daemon does not answer, and otherwise the errors that
    the contract names.
    """

    def __init__(self, connection: Link, ask: Ask | None = None) -> None:
        self.connection = connection
        self.ask = ask
        self._root = Remote(
            connection, ask, names.BUS_NAME, names.ROOT_PATH, names.MANAGER_INTERFACE
        )

    @classmethod
    async def open(cls, ask: Ask | None = None) -> Self:
        """Connect to the system bus; the daemon itself is started by the first call."""
        return cls(await Connection.open(), ask)

    async def reopened(self) -> "Client":
        """Another client in place of this one, whose connection was lost."""
        await self.connection.close()
        return Client(await Connection.open(), self.ask)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.connection.close()

    def events(self) -> Subscription:
        """What happens from now on: `async with client.events() as events: async for event …`."""
        return Subscription(self.connection)

    # What anyone may read

    async def manager(self) -> ManagerView:
        """The properties of the root object."""
        return manager_from_wire(await self._root.get_all())

    async def objects(self) -> Objects:
        """Every disk, backup and job, in one round trip."""
        (found,) = await self.connection.call(
            names.BUS_NAME,
            names.ROOT_PATH,
            names.OBJECT_MANAGER_INTERFACE,
            "GetManagedObjects",
            expects="a{oa{sa{sv}}}",
        )
        disks, backups, jobs = {}, {}, {}
        for interfaces in found.values():
            if names.DISK_INTERFACE in interfaces:
                disk = from_wire(DiskView, interfaces[names.DISK_INTERFACE])
                disks[disk.uuid] = disk
            elif names.BACKUP_INTERFACE in interfaces:
                backup = from_wire(BackupView, interfaces[names.BACKUP_INTERFACE])
                backups[backup.id] = backup
            elif names.JOB_INTERFACE in interfaces:
                job = from_wire(JobView, interfaces[names.JOB_INTERFACE])
                jobs[job.id] = job
        return Objects(disks, backups, jobs)

    async def disk(self, uuid: str) -> DiskView:
        """One disk; UnknownDisk where it is neither saved nor plugged."""
        return await self.disk_at(names.disk_path(uuid))

    async def disk_at(self, path: str) -> DiskView:
        """The disk of an object path."""
        try:
            return from_wire(DiskView, await self._root.get_all(path, names.DISK_INTERFACE))
        except UnknownObject:
            raise UnknownDisk(_("no such disk is saved or plugged in")) from None

    async def find_disks(self, uuids: Sequence[str]) -> dict[str, DiskView]:
        """Those of these disks that are there, asked for all at once."""
        views = await asyncio.gather(*(self._find_disk(uuid) for uuid in uuids))
        return {view.uuid: view for view in views if view is not None}

    async def backup(self, backup_id: int) -> BackupView:
        """One backup; UnknownBackup where its object is no longer shown."""
        try:
            values = await self._root.get_all(names.backup_path(backup_id), names.BACKUP_INTERFACE)
        except UnknownObject:
            raise UnknownBackup(
                _("backup {id} is not shown any more").format(id=backup_id)
            ) from None
        return from_wire(BackupView, values)

    async def history(
        self, uuid: str = "", before: int = 0, limit: int = 100
    ) -> list[HistoryEntry]:
        """Rows of the history, newest first: of one disk or all, only ids below BEFORE."""
        rows = await self._root.call("GetHistory", "stu", [uuid, before, limit], expects="aa{sv}")
        return [from_wire(HistoryEntry, row) for row in rows[0]]

    async def properties(self, path: str, interface: str) -> dict[str, Any]:
        """Those of an object of the daemon; UnknownObject where there is none."""
        return await self._root.get_all(path, interface)

    # What polkit must allow

    async def log(self, backup_id: int) -> str:
        """A backup's log, its last MiB."""
        return str((await self._root.authorised("GetLog", "t", [backup_id], expects="s"))[0])

    async def save_disk(self, uuid: str, name: str) -> str:
        """Save a disk, or give a saved one another name; its object path."""
        return str((await self._root.authorised("SaveDisk", "ss", [uuid, name], expects="o"))[0])

    async def forget_disk(self, uuid: str) -> None:
        """Save a disk no longer."""
        await self._root.authorised("ForgetDisk", "s", [uuid])

    async def plug(self, device: str) -> str:
        """Treat a device as if it had just been plugged in; its disk's object path."""
        return str((await self._root.authorised("Plug", "s", [device], expects="o"))[0])

    async def unplug(self, device: str) -> None:
        """Cancel, unmount; returns when the disk may be pulled out."""
        await self._root.authorised("Unplug", "s", [device], limit=UNPLUG_LIMIT)

    async def prepare_disk(self, device: str, name: str, filesystem: str, erase: bool) -> str:
        """Give a whole disk a file system and save it; its disk's object path.

        What is on it may go if ERASE, else a disk that is not empty raises Rejected.
        """
        arguments = [device, name, filesystem, erase]
        (path,) = await self._root.authorised(
            "PrepareDisk", "sssb", arguments, expects="o", limit=PREPARE_LIMIT
        )
        return str(path)

    async def run_backup(self, uuid: str) -> int:
        """Start (or queue) a backup; its id."""
        (path,) = await self._root.authorised("RunBackup", "s", [uuid], expects="o")
        return backup_id_of(path)

    async def cancel_backup(self, uuid: str) -> None:
        """Cancel the queued or running backup of a disk."""
        await self._root.authorised("CancelBackup", "s", [uuid])

    async def hold(self, uuid: str, minutes: int) -> None:
        """Let no backup start on a disk (empty = on any) for MINUTES (0 = the usual time)."""
        await self.newer("Hold", "su", [uuid, minutes])

    async def release(self, uuid: str) -> None:
        """Take a hold back."""
        await self.newer("Release", "s", [uuid])

    async def snapshots(self, uuid: str) -> list[SnapshotView]:
        """The complete backups on a disk, newest first; of one that is absent as last seen."""
        (rows,) = await self.newer("ListSnapshots", "s", [uuid], expects="aa{sv}", limit=LOOK_LIMIT)
        return [from_wire(SnapshotView, row) for row in rows]

    async def pin_snapshot(self, uuid: str, snapshot: str, pinned: bool) -> None:
        """Keep a backup for ever, or no longer."""
        await self.newer("PinSnapshot", "ssb", [uuid, snapshot, pinned], limit=LOOK_LIMIT)

    async def browse(self, uuid: str, snapshot: str) -> str:
        """Show the backups on a disk on the system for an hour; where this one (empty = the
        newest) is."""
        arguments = [uuid, snapshot]
        (path,) = await self.newer("Browse", "ss", arguments, expects="s", limit=LOOK_LIMIT)
        return str(path)

    async def end_browse(self, uuid: str) -> None:
        """Show them no longer."""
        await self.newer("EndBrowse", "s", [uuid], limit=LOOK_LIMIT)

    async def set_script_enabled(self, script: str, enabled: bool) -> None:
        """Let a script run in every backup, or no longer."""
        await self._root.authorised("SetScriptEnabled", "sb", [script, enabled])

    async def reload(self) -> None:
        """Let the daemon read its configuration again."""
        await self._root.authorised("Reload", "", [])

    async def import_configuration(self, text: str) -> list[str]:
        """Take over a configuration of the original program; what could not be."""
        (remarks,) = await self._root.authorised("ImportConfiguration", "s", [text], expects="as")
        return [str(remark) for remark in remarks]

    async def newer(
        self,
        member: str,
        signature: str,
        body: Sequence[Any],
        *,
        expects: str = "",
        limit: float = CALL_LIMIT,
    ) -> list[Any]:
        """A method that a daemon of version 0.1 does not have."""
        try:
            return await self._root.authorised(
                member, signature, body, expects=expects, limit=limit
            )
        except UnknownMethod:
            raise UnknownMethod(_(OLDER)) from None

    async def _find_disk(self, uuid: str) -> DiskView | None:
        try:
            return await self.disk(uuid)
        except UnknownDisk:
            return None


def backup_id_of(path: str) -> int:
    """The id in a backup's object path; Failed where it is none."""
    return id_below(names.BACKUPS_PATH, path)


def id_below(parent: str, path: str) -> int:
    """The number N in the object path PARENT/N; Failed where it is none."""
    prefix, _slash, number = path.rpartition("/")
    if prefix != parent or not number.isdecimal():
        raise Failed(
            _("unexpected answer from the service; are program and service of one version?")
        )
    return int(number)
