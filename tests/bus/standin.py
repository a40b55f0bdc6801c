"""A daemon that says what a test tells it to, on a real bus: for what the real one rarely says."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dbus_next.aio.message_bus import MessageBus
from dbus_next.constants import MessageType
from dbus_next.message import Message
from dbus_next.signature import Variant

from tests.harness.bus import PrivateBus
from tests.harness.process import BASE_ENVIRONMENT, PROJECT, PYTHON
from tetrasback import names
from tetrasback.client.events import SIGNALS
from tetrasback.errors import NotPlugged
from tetrasback.wire import (
    BackupView,
    DiskView,
    HistoryEntry,
    HoldView,
    JobEntry,
    JobView,
    ManagerView,
    SnapshotView,
    to_wire,
)

UUID = "0b5a9f3e-95f2-4d2f-a5a4-6ab9a5a4c4de"
UNTIL_START = 1_795_298_280
"""When holds begin: 21 November 2026, 21:58 in UTC."""


@dataclass
class StandIn:
    """What it knows, may be changed at any time. `errors`: method → error name and text."""

    bus: Any
    manager: ManagerView = field(default_factory=lambda: ManagerView(version="0.1.0"))
    disks: dict[str, DiskView] = field(default_factory=dict)
    backups: dict[int, BackupView] = field(default_factory=dict)
    history: list[HistoryEntry] = field(default_factory=list)
    errors: dict[str, tuple[str, str]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    calls: list[tuple[str, list[Any], bool]] = field(default_factory=list)
    jobs: dict[int, JobView] = field(default_factory=dict)
    entries: list[JobEntry] = field(default_factory=list)
    log: str = ""
    job_log: str = ""
    shown: str = "/run/tetras-back/browse/x"
    snapshots: dict[str, list[SnapshotView]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    seen: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, disk: DiskView) -> None:
        self.disks[disk.uuid] = disk

    def tell(self, name: str, *arguments: Any) -> None:
        """Send one of the contract's signals."""
        self._signal(names.ROOT_PATH, names.MANAGER_INTERFACE, name, SIGNALS[name][0], arguments)

    def show_backup(self, backup: BackupView) -> None:
        """The backup is so far now."""
        known = backup.id in self.backups
        self.backups[backup.id] = backup
        self._show(names.backup_path(backup.id), names.BACKUP_INTERFACE, backup, known)

    def show_job(self, job: JobView) -> None:
        """The job is so far now."""
        known = job.id in self.jobs
        self.jobs[job.id] = job
        self._show(names.job_path(job.id), names.JOB_INTERFACE, job, known)

    def show_disk(self, disk: DiskView) -> None:
        """The disk is so now."""
        known = disk.uuid in self.disks
        self.disks[disk.uuid] = disk
        self._show(names.disk_path(disk.uuid), names.DISK_INTERFACE, disk, known)

    def _show(self, path: str, interface: str, view: Any, known: bool) -> None:
        values = _variants(view)
        if known:
            body = [interface, values, []]
            self._signal(path, names.PROPERTIES_INTERFACE, "PropertiesChanged", "sa{sv}as", body)
        else:
            self._signal(
                names.ROOT_PATH,
                names.OBJECT_MANAGER_INTERFACE,
                "InterfacesAdded",
                "oa{sa{sv}}",
                [path, {interface: values}],
            )

    async def called(self, member: str) -> None:
        """Wait until a method has been called."""
        async with asyncio.timeout(15):
            while member not in [call[0] for call in self.calls]:
                self.seen.clear()
                await self.seen.wait()

    def _signal(
        self, path: str, interface: str, member: str, signature: str, body: Sequence[Any]
    ) -> None:
        self.bus.send(Message.new_signal(path, interface, member, signature, list(body)))

    def answer(self, message: Any) -> Any:
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        interactive = bool(message.flags.value & 4)
        self.calls.append((message.member, list(message.body), interactive))
        self.seen.set()
        if message.member in self.silent:
            return True
        if message.member in self.errors:
            return Message.new_error(message, *self.errors[message.member])
        return self._reply(message)

    def _reply(self, message: Any) -> Any:
        def reply(signature: str = "", *body: Any) -> Message:
            return Message.new_method_return(message, signature, list(body))

        match message.member:
            case "GetAll":
                values = self._properties(message.path)
                if values is None:
                    return Message.new_error(
                        message, names.DBUS_ERROR_PREFIX + "UnknownObject", "no such object"
                    )
                return reply("a{sv}", values)
            case "GetManagedObjects":
                found = {path: {kind: _variants(view)} for path, kind, view in self._objects()}
                return reply("a{oa{sa{sv}}}", found)
            case "GetHistory" | "GetJobs":
                uuid, before, limit = message.body
                known = self.history if message.member == "GetHistory" else self.entries
                rows = [
                    _variants(row)
                    for row in known
                    if (not uuid or row.uuid == uuid) and (not before or row.id < before)
                ]
                return reply("aa{sv}", rows[:limit])
            case "GetLog":
                return reply("s", self.log)
            case "GetJobLog":
                return reply("s", self.job_log)
            case "Browse":
                uuid, folder = message.body
                disk = replace(self.disks[uuid], browse_until=UNTIL_START * 1_000_000)
                self.disks[uuid] = disk
                return reply("s", f"{self.shown}/{folder or 'newest'}")
            case "EndBrowse":
                uuid = message.body[0]
                self.disks[uuid] = replace(self.disks[uuid], browse_until=0)
                return reply()
            case "Restore" | "Verify":
                return reply("o", names.job_path(max(self.jobs)))
            case "SaveDisk":
                self.add(DiskView(uuid=message.body[0], name=message.body[1], saved=True))
                return reply("o", names.disk_path(message.body[0]))
            case "Plug":
                return reply("o", names.disk_path(next(iter(self.disks))))
            case "RunBackup":
                return reply("o", names.backup_path(max(self.backups)))
            case "ListSnapshots":
                if message.body[0] not in self.snapshots:
                    return Message.new_error(message, NotPlugged.dbus_name, "never seen here")
                rows = [_variants(row) for row in self.snapshots[message.body[0]]]
                return reply("aa{sv}", rows)
            case "Hold":
                uuid, minutes = message.body
                until = (UNTIL_START + (minutes or 60) * 60) * 1_000_000
                self.manager = replace(
                    self.manager, holds=(*self.manager.holds, HoldView(uuid, until))
                )
                return reply()
            case "ImportConfiguration":
                return reply("as", self.remarks)
        return reply()

    def _properties(self, path: str) -> dict[str, Any] | None:
        if path == names.ROOT_PATH:
            return _variants(self.manager)
        found = [_variants(view) for known, _kind, view in self._objects() if path == known]
        return found[0] if found else None

    def _objects(self) -> Iterator[tuple[str, str, Any]]:
        """Every object but the root: its path, its interface, what it shows."""
        for uuid, disk in self.disks.items():
            yield names.disk_path(uuid), names.DISK_INTERFACE, disk
        for number, backup in self.backups.items():
            yield names.backup_path(number), names.BACKUP_INTERFACE, backup
        for number, job in self.jobs.items():
            yield names.job_path(number), names.JOB_INTERFACE, job


def _variants(view: Any) -> dict[str, Any]:
    return {
        key: Variant(
            signature,
            [{name: Variant(*inner) for name, inner in item.items()} for item in value]
            if signature == "aa{sv}"
            else value,
        )
        for key, (signature, value) in to_wire(view).items()
    }


@contextlib.asynccontextmanager
async def standing_in(bus: PrivateBus, name: str = names.BUS_NAME) -> AsyncIterator[StandIn]:
    """A stand-in that owns the daemon's name on BUS; it leaves the bus at the end."""
    connection = await MessageBus(bus_address=bus.address).connect()
    stand_in = StandIn(connection)
    connection.add_message_handler(stand_in.answer)
    if name:
        await connection.request_name(name)
    try:
        yield stand_in
    finally:
        connection.disconnect()
        with contextlib.suppress(EOFError, OSError):
            await asyncio.wait_for(connection.wait_for_disconnect(), 5)
        # The library leaves both to the garbage collector, which warns in some later test.
        connection._stream.close()
        connection._sock.close()


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


class Ctl:
    """Runs tetras-backctl, or another command line's MODULE, as a process of its own on BUS."""

    def __init__(self, bus: PrivateBus, module: str = "tetrasback.ctl") -> None:
        self._module = module
        self.environment = {
            **BASE_ENVIRONMENT,
            "DBUS_SYSTEM_BUS_ADDRESS": bus.address,
            "PYTHONPATH": str(PROJECT),
            "TZ": "UTC",
        }

    async def start(self, *words: str, **environment: str) -> asyncio.subprocess.Process:
        """It is running; the caller must end it."""
        return await asyncio.create_subprocess_exec(
            PYTHON,
            *("-m", self._module, *words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**self.environment, **environment},
            cwd=os.sep,
        )

    async def __call__(self, *words: str, limit: float = 30, **environment: str) -> Ended:
        """It has ended."""
        return await finish(await self.start(*words, **environment), limit)


async def finish(process: asyncio.subprocess.Process, limit: float = 30) -> Ended:
    """Wait for a command's end, at most LIMIT seconds."""
    try:
        out, err = await asyncio.wait_for(process.communicate(), limit)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())
