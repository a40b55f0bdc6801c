"""The daemon's state as the client knows it, kept up to date by its events."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from tetrasback import names
from tetrasback.client.events import Added, Changed, Event, Removed
from tetrasback.client.proxy import Client
from tetrasback.wire import (
    BackupView,
    DiskView,
    JobView,
    ManagerView,
    View,
    from_wire,
    manager_from_wire,
)


def updated(view: View, values: Mapping[str, Any]) -> View:
    """VIEW with the members in VALUES (by D-Bus name) replaced; unknown members are passed over."""
    return replace(
        view,
        **{
            item.name: values[item.metadata["name"]]
            for item in fields(view)
            if item.metadata["name"] in values
        },
    )


class Mirror:
    """`manager`, `disks` by UUID, `backups` and `jobs` by id. `load` it, then `apply` events."""

    def __init__(self) -> None:
        self.manager = ManagerView()
        self.disks: dict[str, DiskView] = {}
        self.backups: dict[int, BackupView] = {}
        self.jobs: dict[int, JobView] = {}
        self._uuids: dict[str, str] = {}
        self._ids: dict[str, int] = {}
        self._job_ids: dict[str, int] = {}

    async def load(self, client: Client) -> None:
        """Read everything anew. Subscribe first, so that nothing is missed in between."""
        self.manager = await client.manager()
        objects = await client.objects()
        self.disks, self.backups = dict(objects.disks), dict(objects.backups)
        self._uuids = {names.disk_path(uuid): uuid for uuid in self.disks}
        self._ids = {names.backup_path(number): number for number in self.backups}
        self.jobs = dict(objects.jobs)
        self._job_ids = {names.job_path(number): number for number in self.jobs}

    def apply(self, event: Event) -> None:
        """Take over a change; events that are none leave everything as it is."""
        match event:
            case Changed(path, names.DISK_INTERFACE, values) if path in self._uuids:
                uuid = self._uuids[path]
                self.disks[uuid] = updated(self.disks[uuid], values)
            case Changed(path, names.BACKUP_INTERFACE, values) if path in self._ids:
                number = self._ids[path]
                self.backups[number] = updated(self.backups[number], values)
            case Changed(path, names.JOB_INTERFACE, values) if path in self._job_ids:
                number = self._job_ids[path]
                self.jobs[number] = updated(self.jobs[number], values)
            case Changed(names.ROOT_PATH, names.MANAGER_INTERFACE, values):
                new = manager_from_wire(values)
                self.manager = replace(
                    self.manager,
                    **{
                        item.name: getattr(new, item.name)
                        for item in fields(new)
                        if item.metadata["name"] in values
                    },
                )
            case Added(path, interfaces):
                self._add(path, interfaces)
            case Removed(path):
                self.disks.pop(self._uuids.pop(path, ""), None)
                self.backups.pop(self._ids.pop(path, -1), None)
                self.jobs.pop(self._job_ids.pop(path, -1), None)

    def _add(self, path: str, interfaces: Mapping[str, Mapping[str, Any]]) -> None:
        if names.DISK_INTERFACE in interfaces:
            disk = from_wire(DiskView, interfaces[names.DISK_INTERFACE])
            self.disks[disk.uuid] = disk
            self._uuids[path] = disk.uuid
        elif names.BACKUP_INTERFACE in interfaces:
            backup = from_wire(BackupView, interfaces[names.BACKUP_INTERFACE])
            self.backups[backup.id] = backup
            self._ids[path] = backup.id
        elif names.JOB_INTERFACE in interfaces:
            job = from_wire(JobView, interfaces[names.JOB_INTERFACE])
            self.jobs[job.id] = job
            self._job_ids[path] = job.id
