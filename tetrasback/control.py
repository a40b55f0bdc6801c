"""What may be asked of the daemon, free of any bus: forms, requests, answers.

The service calls `check` before it authorises (a malformed argument is refused without asking
anybody) and the coroutines after. Each raises errors of `errors` only.
"""

import asyncio
from collections.abc import Mapping, Sequence

from tetrasback import retrieval
from tetrasback.config.forms import check_disk_name, check_script_name, normalise_uuid
from tetrasback.config.model import Config
from tetrasback.core import events, prepare
from tetrasback.core.explanations import EXPLANATIONS
from tetrasback.core.holds import LONGEST as LONGEST_HOLD
from tetrasback.core.prepare import LEAST as FILESYSTEMS
from tetrasback.core.state import DiskState, State
from tetrasback.core.wholes import gigabytes
from tetrasback.engine import Engine
from tetrasback.errors import (
    Busy,
    Failed,
    InvalidArgs,
    Rejected,
    UnknownBackup,
    UnknownScript,
)
from tetrasback.perl import MAX_BYTES, NOTHING_NEW, read_perl
from tetrasback.ports import ScriptFile
from tetrasback.preparation import Preparations
from tetrasback.retrieval import Retrieval
from tetrasback.views import Views, history_entry
from tetrasback.wire import BackupView, DiskView, HistoryEntry, JobView, ManagerView

MAX_ROWS = 1000
MAX_PATH = 4096
HOLD_MINUTES = 60
MAX_HOLD_MINUTES = LONGEST_HOLD // 60


class Control:
    """The requests of `org.tetraslibre.Back`, in domain terms."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._views = Views()
        self._scripts: Sequence[ScriptFile] = ()
        self._seen_config: Config | None = None
        self._disks: Mapping[str, DiskView] = {}
        self._backups: Mapping[int, BackupView] = {}
        self._jobs: Mapping[int, JobView] = {}
        self._manager = ManagerView()
        self._enabling = asyncio.Lock()
        self._preparations = Preparations(engine)
        self.retrieval = Retrieval(engine)

    # --- what is --------------------------------------------------------------------------------

    def show(self, state: State, config: Config) -> None:
        """From now on this is how things are."""
        if config is not self._seen_config:
            self._seen_config = config
            self._scripts = self._engine.ports.jobs.scripts()
        self._disks = self._views.disks(state)
        self._backups = self._views.backups(state)
        self._jobs = self._views.jobs(state)
        now = self._engine.ports.system.now()
        self._manager = self._views.manager(state, config, self._scripts, now)

    def manager(self) -> ManagerView:
        """The root object's properties."""
        return self._manager

    def disks(self) -> Mapping[str, DiskView]:
        """Every disk, by UUID."""
        return self._disks

    def backups(self) -> Mapping[int, BackupView]:
        """Every backup that has an object, by id."""
        return self._backups

    def jobs(self) -> Mapping[int, JobView]:
        """Every job that has an object, by id."""
        return self._jobs

    def disk(self, uuid: str) -> DiskView | None:
        """One disk."""
        return self._disks.get(uuid)

    def backup(self, backup_id: int) -> BackupView | None:
        """One backup."""
        return self._backups.get(backup_id)

    # --- forms ----------------------------------------------------------------------------------

    def check(self, method: str, args: Sequence[object]) -> Mapping[str, str]:
        """Raise InvalidArgs for a malformed argument; otherwise details for whoever authorises.

        Looks at nothing but the arguments and what everybody can read.
        """
        match method, *args:
            case "SaveDisk", str(uuid), str(name):
                return {"disk": check_disk_name(name), "uuid": normalise_uuid(uuid)}
            case (("ForgetDisk" | "RunBackup" | "CancelBackup"), str(uuid)):
                known = self._disks.get(normalise_uuid(uuid))
                return {"disk": (known.name if known else "") or uuid}
            case (("Plug" | "Unplug"), str(device)):
                return {"device": check_device_path(device)}
            case "Hold", str(uuid), int(minutes):
                if minutes > MAX_HOLD_MINUTES:
                    raise InvalidArgs(f"a disk is held for at most {MAX_HOLD_MINUTES} minutes")
                return self._held_disk(uuid)
            case "Release", str(uuid):
                return self._held_disk(uuid)
            case "PrepareDisk", str(device), str(name), str(filesystem), bool():
                return self._check_order(check_device_path(device), name, filesystem)
            case "SetScriptEnabled", str(script), bool():
                return {"script": check_script_name(script)}
            case "ImportConfiguration", str(text):
                if len(text.encode("utf-8", "replace")) > MAX_BYTES:
                    raise InvalidArgs(f"the configuration is larger than {MAX_BYTES // 1024} KiB")
            case "GetHistory", str(uuid), int(), int(limit):
                if uuid:
                    normalise_uuid(uuid)
                if limit > MAX_ROWS:
                    raise InvalidArgs(f"at most {MAX_ROWS} rows at once: ask again with before")
            case "CancelJob", int(job_id):
                job = self._jobs.get(job_id)
                return {"disk": self._name_of(job.uuid) if job else str(job_id)}
            case _:
                return self._named(retrieval.check(method, args))
        return {}

    def _named(self, details: Mapping[str, str]) -> Mapping[str, str]:
        if "disk" not in details:
            return details
        return {**details, "disk": self._name_of(details["disk"])}

    def _name_of(self, uuid: str) -> str:
        known = self._disks.get(uuid)
        return (known.name if known else "") or uuid

    def _held_disk(self, uuid: str) -> Mapping[str, str]:
        known = self._disks.get(normalise_uuid(uuid)) if uuid else None
        return {"disk": (known.name if known else "") or uuid or "*"}

    def _check_order(self, device: str, name: str, filesystem: str) -> Mapping[str, str]:
        check_disk_name(name)
        if filesystem not in FILESYSTEMS:
            raise InvalidArgs(f"a disk is prepared with {', '.join(FILESYSTEMS)}: choose one")
        if any(disk.saved and disk.name == name for disk in self._disks.values()):
            raise InvalidArgs(f"the name {name} belongs to another disk: choose another")
        for item in self._manager.preparable:
            if device in (item.device, f"/dev/disk/by-diskseq/{item.disk_sequence}"):
                facts = [item.model, gigabytes(item.size)]
                shown = ", ".join(fact for fact in facts if fact)
                return {
                    "disk": name,
                    "device": f"{item.device} ({shown})",
                    "sequence": str(item.disk_sequence),
                }
        if "/" in device.removeprefix("/dev/") and not device.startswith("/dev/disk/by-diskseq/"):
            # A link may lead to another disk when the question has been answered.
            raise InvalidArgs("a disk is prepared by its own name, such as /dev/sdb, not by a link")
        return {"disk": name, "device": device}

    # --- requests -------------------------------------------------------------------------------

    async def save_disk(self, uuid: str, name: str) -> str:
        """Know a disk by a name from now on; its normalised UUID."""
        uuid = normalise_uuid(uuid)
        await self._engine.request(events.SaveRequested(uuid, check_disk_name(name)))
        return uuid

    async def forget_disk(self, uuid: str) -> None:
        """Know a disk no more. Nothing on it changes."""
        await self._engine.request(events.ForgetRequested(normalise_uuid(uuid)))

    async def plug(self, device: str) -> str:
        """Treat a device as if it had just been plugged; the UUID of its file system."""
        ports = self._engine.ports
        node = await ports.devices.resolve(check_device_path(device))
        prepare.keep_off(self._engine.state, node)
        found = await ports.devices.lookup(node)
        mounted = ports.disks.mounted_elsewhere(found)
        await self._engine.request(events.PlugRequested(found, mounted))
        disk = self._engine.state.disks.get(found.uuid)
        if disk is not None and disk.state is DiskState.REJECTED:
            why = EXPLANATIONS.get(disk.reason, disk.reason)
            raise Rejected(f"disk {disk.name} cannot be used: {why}")
        return found.uuid

    async def unplug(self, device: str) -> None:
        """Let go of a disk: back when it may be pulled out. Raises Busy if somebody holds it."""
        engine = self._engine
        node = await engine.ports.devices.resolve(check_device_path(device))
        prepare.keep_off(engine.state, node)
        # The first device of a disk only: nothing is done with another one of the same UUID.
        found = [
            (disk, disk.device)
            for disk in engine.state.disks.values()
            if disk.device and node in (disk.device.node, disk.device.whole)
        ]
        if not found:
            stranger = await engine.ports.devices.lookup(node)
            reason = await engine.ports.disks.released(stranger)
        else:
            disk, item = found[0]
            checked = engine.next(
                lambda event: (
                    (isinstance(event, events.ReleaseChecked) and event.whole == item.whole)
                    or (isinstance(event, events.DeviceGone) and event.syspath == item.syspath)
                )
            )
            try:
                await engine.request(events.UnplugRequested(disk.uuid))
                event = await checked
            finally:
                checked.cancel()
            await engine.shown()
            for other in engine.state.disks.values():
                there = any(found.whole == item.whole for found in other.devices)
                if there and engine.state.in_use(other.uuid):
                    raise Busy(f"do not unplug {node} yet: a backup was asked for meanwhile")
            reason = event.reason if isinstance(event, events.ReleaseChecked) else ""
        if reason not in ("", events.GONE):
            why = EXPLANATIONS.get(reason, reason)
            raise Busy(f"do not unplug {node} yet: {why}")

    async def run_backup(self, uuid: str) -> int:
        """Queue a backup now; its id."""
        uuid = normalise_uuid(uuid)
        await self._engine.request(events.RunRequested(uuid))
        backups = [item.id for item in self._engine.state.backups.values() if item.uuid == uuid]
        if not backups:
            raise Failed("the backup has already ended: see the history")
        return max(backups)

    async def cancel_backup(self, uuid: str) -> None:
        """End the queued or running backup of a disk."""
        await self._engine.request(events.CancelRequested(normalise_uuid(uuid)))

    async def hold(self, uuid: str, minutes: int) -> None:
        """For MINUTES (0 = 60) a plug of this disk ('' = of any) starts no backup."""
        seconds = (minutes or HOLD_MINUTES) * 60
        await self._engine.request(events.HoldRequested(uuid and normalise_uuid(uuid), seconds))

    async def unhold(self, uuid: str) -> None:
        """Plugs of this disk ('' = of every disk) start backups again; those that wait begin."""
        await self._engine.request(events.UnholdRequested(uuid and normalise_uuid(uuid)))

    async def prepare_disk(self, device: str, name: str, filesystem: str, erase: bool) -> str:
        """Give a whole disk a file system and save it; its UUID. What is on it may go if ERASE."""
        return await self._preparations.prepare(
            check_device_path(device), check_disk_name(name), filesystem, erase
        )

    async def set_script_enabled(self, script: str, enabled: bool) -> None:
        """Enable a script (last in the order), or disable it."""
        check_script_name(script)
        async with self._enabling:
            names = self._engine.config.backup.scripts
            if enabled and script not in names:
                settings = self._engine.config.scripts.get(script)
                found = self._engine.ports.jobs.find(script, settings.takes if settings else "")
                if found.problem:
                    raise UnknownScript(found.problem)
                names = (*names, script)
            elif not enabled and script in names:
                names = tuple(name for name in names if name != script)
            elif script not in names and not any(
                item.name == script for item in self._engine.ports.jobs.scripts()
            ):
                raise UnknownScript(f"there is no script {script}: see tetras-backctl scripts")
            await self._engine.request(events.ScriptsRequested(names))

    async def reload(self) -> None:
        """Read the configuration again. Raises ConfigurationError if it is broken."""
        self._seen_config = None
        await self._engine.reload()

    async def import_configuration(self, text: str) -> Sequence[str]:
        """Take over the original's configuration; what could not be carried over, in sentences."""
        from tetrasback.config.migrate import plan_import  # asked for once in a life

        jobs = self._engine.ports.jobs
        plan = plan_import(
            read_perl(text),
            self._engine.config,
            {item.name: not jobs.find(item.name, "").problem for item in jobs.scripts()},
        )
        past = [
            events.PastBackup(item.uuid, item.name, item.finished_at, item.verdict, item.message)
            for item in plan.history
            if not await self.history(item.uuid, 0, 1)  # what the history has is newer, or the same
        ]
        before = self._importable()
        await self._engine.edit(plan.merge)
        await self._engine.happened(events.Imported(tuple(past), plan.seen))
        return plan.remarks if before != self._importable() else (*plan.remarks, NOTHING_NEW)

    def _importable(self) -> object:
        """Everything that an import may change."""
        disks = self._engine.state.disks.values()
        return self._engine.config, {
            disk.uuid: (disk.last_seen, disk.last_verdict) for disk in disks if disk.saved
        }

    async def history(self, uuid: str, before: int, limit: int) -> Sequence[HistoryEntry]:
        """Rows of the history, newest first."""
        if uuid:
            uuid = normalise_uuid(uuid)
        if limit == 0:
            return ()
        try:
            rows = await self._engine.ports.history.list(uuid, before, min(limit, MAX_ROWS))
        except OSError as error:
            raise Failed(f"the history cannot be read: {error.strerror or error}") from error
        return [history_entry(row) for row in rows]

    async def log(self, backup_id: int) -> str:
        """A backup's log, its last 1 MiB."""
        text = await self._engine.ports.logs.read(backup_id)
        if not text and not await self._engine.ports.history.exists(backup_id):
            raise UnknownBackup(
                f"the history has no backup {backup_id}: see tetras-backctl history"
            )
        return text


def check_device_path(path: str) -> str:
    """PATH if it can name a device: below /dev, plain. Raises InvalidArgs."""
    parts = path.split("/")
    if (
        not path.startswith("/dev/")
        or len(path) > MAX_PATH
        or ".." in parts
        or path.endswith("/")
        or any(ord(letter) < 32 or ord(letter) == 127 for letter in path)
        or any("\ud800" <= letter <= "\udfff" for letter in path)
    ):
        raise InvalidArgs("a device is named by a path below /dev, such as /dev/sdb1")
    return path
