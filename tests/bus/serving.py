"""The service alone on a private bus, with a Control that only remembers what it was asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from subprocess import CompletedProcess
from typing import Any

from tests.harness import PrivateBus, User, run
from tests.harness.users import command_as
from tetrasback import names
from tetrasback.config.forms import normalise_uuid
from tetrasback.errors import InvalidArgs, UnknownDisk
from tetrasback.service import Service
from tetrasback.service.interface import CONTRACT
from tetrasback.service.polkit import Polkit
from tetrasback.wire import (
    BackupView,
    DiskView,
    HistoryEntry,
    JobEntry,
    JobView,
    ManagerView,
    ScriptView,
    SnapshotView,
)

UUID = "0b5a9f3e-77aa-4c1d-9e2f-0123456789ab"
DISK_PATH = names.disk_path(UUID)


class FakeRetrieval:
    """As FakeControl, for what is done with backups that are made."""

    def __init__(self, calls: list[tuple[object, ...]]) -> None:
        self.calls = calls

    async def list_snapshots(self, uuid: str) -> Sequence[SnapshotView]:
        self.calls.append(("snapshots", uuid))
        return [SnapshotView("2026-11-25_03-04-05_Sauvegarde_x", pinned=True)]

    async def pin_snapshot(self, uuid: str, snapshot: str, pinned: bool) -> None:
        self.calls.append(("pin", uuid, snapshot, pinned))

    async def browse(self, uuid: str, snapshot: str, user: int) -> str:
        self.calls.append(("browse", uuid, snapshot, user))
        return "/run/tetras-back/browse/x"

    async def end_browse(self, uuid: str) -> None:
        self.calls.append(("end browse", uuid))

    async def verify(self, uuid: str, snapshot: str, percent: int) -> int:
        self.calls.append(("verify", uuid, snapshot, percent))
        return 9

    async def restore(
        self,
        uuid: str,
        snapshot: str,
        paths: Sequence[str],
        destination: str,
        options: Mapping[str, Any],
    ) -> int:
        self.calls.append(("restore", uuid, snapshot, paths, destination, options))
        return 9

    async def cancel_job(self, job_id: int) -> None:
        self.calls.append(("cancel job", job_id))

    async def jobs(self, uuid: str, before: int, limit: int) -> Sequence[JobEntry]:
        self.calls.append(("jobs", uuid, before, limit))
        return [JobEntry(id=number, uuid=uuid) for number in range(limit, 0, -1)]

    async def job_log(self, job_id: int) -> str:
        self.calls.append(("job log", job_id))
        return "line\n"


class FakeControl:
    """Does nothing, and keeps `calls`. `release` lets `unplug` return."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.release = asyncio.Event()
        self.unplugged = asyncio.Event()
        self.unplugging = asyncio.Event()
        self.text = "line one\nline two\n"
        self.retrieval = FakeRetrieval(self.calls)
        self._jobs = {9: JobView(id=9, kind="restore", uuid=UUID, state="running")}

    def manager(self) -> ManagerView:
        return ManagerView(version="0.1.0", scripts=(ScriptView("a.sh", True, "/lib/a.sh"),))

    def disks(self) -> Mapping[str, DiskView]:
        return {UUID: DiskView(uuid=UUID, name="bleu", saved=True, size=1 << 40)}

    def backups(self) -> Mapping[int, BackupView]:
        return {7: BackupView(id=7, uuid=UUID, state="running", fraction=0.25)}

    def jobs(self) -> Mapping[int, JobView]:
        return self._jobs

    def disk(self, uuid: str) -> DiskView | None:
        return self.disks().get(uuid)

    def backup(self, backup_id: int) -> BackupView | None:
        return self.backups().get(backup_id)

    async def save_disk(self, uuid: str, name: str) -> str:
        self.calls.append(("save", uuid, name))
        return normalise_uuid(uuid)

    async def forget_disk(self, uuid: str) -> None:
        self.calls.append(("forget", uuid))
        raise UnknownDisk("no such disk\nsecond line\0")

    async def plug(self, device: str) -> str:
        self.calls.append(("plug", device))
        raise RuntimeError("an inside that nobody may see")

    async def unplug(self, device: str) -> None:
        self.calls.append(("unplug", device))
        self.unplugging.set()
        await self.release.wait()
        self.unplugged.set()

    async def run_backup(self, uuid: str) -> int:
        self.calls.append(("run", uuid))
        return 8

    async def cancel_backup(self, uuid: str) -> None:
        self.calls.append(("cancel", uuid))

    async def hold(self, uuid: str, minutes: int) -> None:
        self.calls.append(("hold", uuid, minutes))

    async def unhold(self, uuid: str) -> None:
        self.calls.append(("release", uuid))

    async def prepare_disk(self, device: str, name: str, filesystem: str, erase: bool) -> str:
        self.calls.append(("prepare", device, name, filesystem, erase))
        return UUID

    async def set_script_enabled(self, script: str, enabled: bool) -> None:
        self.calls.append(("script", script, enabled))

    async def reload(self) -> None:
        self.calls.append(("reload",))

    async def import_configuration(self, text: str) -> Sequence[str]:
        self.calls.append(("import", len(text)))
        return ["one remark"]

    async def history(self, uuid: str, before: int, limit: int) -> Sequence[HistoryEntry]:
        self.calls.append(("history", uuid, before, limit))
        return [HistoryEntry(id=number, uuid=uuid) for number in range(limit, 0, -1)]

    async def log(self, backup_id: int) -> str:
        self.calls.append(("log", backup_id))
        return self.text

    def check(self, method: str, args: Sequence[object]) -> Mapping[str, str]:
        if method in ("SaveDisk", "ForgetDisk", "RunBackup", "CancelBackup"):
            return {"disk": normalise_uuid(str(args[0]))}
        if method in ("Plug", "Unplug"):
            if not str(args[0]).startswith("/dev/"):
                raise InvalidArgs("give a device below /dev")
            return {"device": str(args[0])}
        if method == "GetHistory" and int(str(args[2])) > 1000:
            raise InvalidArgs("at most 1000 rows")
        return {}


def make_service(
    address: str, control: FakeControl | None = None, authority: Polkit | None = None
) -> Service:
    """The daemon's service, obeyed by CONTROL."""
    control = control or FakeControl()
    return Service(CONTRACT, control, authority or Polkit(), control.manager(), address)


@asynccontextmanager
async def serving(
    bus: PrivateBus, control: FakeControl | None = None, authority: Polkit | None = None
) -> AsyncIterator[tuple[Service, FakeControl]]:
    """A service that runs, with the state of CONTROL published; ended at the end."""
    # Its socket is there a moment before it listens.
    await eventually(lambda: bus.has_owner(names.DBUS_SERVICE), "the bus to listen")
    control = control or FakeControl()
    service = make_service(bus.address, control, authority)
    service.publish(control.manager(), control.disks(), control.backups(), control.jobs())
    await service.start()
    running = asyncio.create_task(service.run())
    try:
        yield service, control
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await service.stop()


async def call(
    bus: PrivateBus,
    member: str,
    *args: str,
    user: User | None = None,
    path: str = names.ROOT_PATH,
    interface: str = names.MANAGER_INTERFACE,
    interactive: bool = False,
    seconds: float = 60.0,
) -> CompletedProcess[str]:
    """`busctl call` as USER (None: root), beside the event loop that the service runs in."""
    argv = [
        *("busctl", f"--address={bus.address}", "--timeout=50"),
        f"--allow-interactive-authorization={'yes' if interactive else 'no'}",
        *("call", "--", names.BUS_NAME, path, interface, member, *args),
    ]
    return await command(argv if user is None else command_as(user, argv), seconds=seconds)


async def gdbus(
    bus: PrivateBus,
    method: str,
    *args: str,
    user: User | None = None,
    path: str = names.ROOT_PATH,
) -> CompletedProcess[str]:
    """`gdbus call` as USER (None: root); METHOD with its interface. It shows errors by name."""
    argv = [
        *("gdbus", "call", f"--address={bus.address}", f"--dest={names.BUS_NAME}"),
        *(f"--object-path={path}", f"--method={method}", "--timeout=50", *args),
    ]
    return await command(argv if user is None else command_as(user, argv))


async def command(argv: Sequence[str], seconds: float = 60.0) -> CompletedProcess[str]:
    """Any command, beside the event loop; a failure is the caller's to look at."""
    return await asyncio.to_thread(run, argv, seconds=seconds, check=False)


async def until(event: asyncio.Event, seconds: float = 60.0) -> None:
    """Wait for EVENT, SECONDS at most."""
    async with asyncio.timeout(seconds):
        await event.wait()


async def eventually(condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Wait until CONDITION is true; TimeoutError naming WHAT after SECONDS."""
    end = asyncio.get_running_loop().time() + seconds
    while not condition():
        if asyncio.get_running_loop().time() > end:
            raise TimeoutError(f"waited {seconds:g} s in vain for {what}")
        await asyncio.sleep(0.02)


class Listener:
    """What the service says to everybody, as `busctl monitor` reports it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.signals: list[tuple[str, str, list[Any]]] = []
        """(path, member, arguments); variants as busctl's {"type": …, "data": …}."""

    async def next(self, member: str, seconds: float = 60.0) -> tuple[str, list[Any]]:
        """Path and arguments of the next signal MEMBER; those before it are in `signals`."""
        assert self._process.stdout is not None
        async with asyncio.timeout(seconds):
            while line := await self._process.stdout.readline():
                message = json.loads(line)
                if message["type"] != "signal" or message["path"] == names.DBUS_PATH:
                    continue
                payload = message["payload"]["data"]
                self.signals.append((message["path"], message["member"], payload))
                if message["member"] == member:
                    return message["path"], payload
        raise EOFError("the bus has gone")


@asynccontextmanager
async def listening(bus: PrivateBus) -> AsyncIterator[Listener]:
    """A listener that already listens."""
    process = await asyncio.create_subprocess_exec(
        *("busctl", f"--address={bus.address}", "--json=short", "monitor", names.BUS_NAME),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=1 << 24,
    )
    try:
        assert process.stderr is not None
        async with asyncio.timeout(10):
            assert b"Monitoring" in await process.stderr.readline()
        yield Listener(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def error_of(answer: CompletedProcess[str]) -> str:
    """What busctl says about a failed call, in one line."""
    assert answer.returncode != 0, answer.stdout
    return answer.stderr.strip()
