"""A world for the core: it takes effects, answers them as told, and keeps what was told."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from tetrasback.config.edits import EnableScripts, ForgetDisk, SaveDisk
from tetrasback.config.model import BackupConfig, Config, DiskConfig
from tetrasback.core import effects, events, signals
from tetrasback.core.devices import BlockDevice
from tetrasback.core.machine import step
from tetrasback.core.state import Backup, Disk, DiskJob, Plug, Progress, State
from tetrasback.core.task import Snapshot

SECOND = 1_000_000
SNAPSHOT = Snapshot("2026-11-25_03-04-05_Sauvegarde_x", started=5)
UUIDS = [f"0b5a9f3e-0000-4000-8000-00000000000{n}" for n in range(4)]


def device(number: int = 0, part: int = 1, seq: int = 7, **changes: Any) -> BlockDevice:
    """A plausible USB disk's partition."""
    letter = "bcdefgh"[number]
    values: dict[str, Any] = {
        "syspath": f"/sys/block/sd{letter}/sd{letter}{part}",
        "node": f"/dev/sd{letter}{part}",
        "uuid": UUIDS[number],
        "fstype": "ext4",
        "size": 10**9,
        "whole": f"/dev/sd{letter}",
        "diskseq": seq,
    }
    return BlockDevice(**{**values, **changes})


def config(*uuids: str, scripts: tuple[str, ...] = ("a.sh",)) -> Config:
    """These disks saved, these scripts enabled."""
    return Config(
        backup=BackupConfig(scripts=scripts),
        disks={uuid: DiskConfig(name=f"disk-{uuid[-1]}") for uuid in uuids},
    )


@dataclass
class World:
    """Drives `step` the way the engine does; long effects wait in `pending` for an answer."""

    config: Config
    now: int = 1_000 * SECOND
    state: State = field(default_factory=State)
    pending: list[Any] = field(default_factory=list)
    told: list[Any] = field(default_factory=list)
    done: list[Any] = field(default_factory=list)
    timers: dict[str, float] = field(default_factory=dict)
    plugs: dict[str, Plug] = field(default_factory=dict)
    disks: dict[str, Disk] = field(default_factory=dict)
    rows: dict[int, Backup] = field(default_factory=dict)
    holds: dict[str, int] = field(default_factory=dict)
    jobs: dict[int, DiskJob] = field(default_factory=dict)
    seen: dict[str, Any] = field(default_factory=dict)
    ran: list[tuple[str, str]] = field(default_factory=list)
    letters: list[Any] = field(default_factory=list)
    calls: list[Any] = field(default_factory=list)
    keeps_letters: bool = True
    """Whether letters are in safe hands as soon as they are written."""

    def start(self, boot: str = "boot", ready: bool = True) -> "World":
        """The daemon begins, with what the history holds; also again, after a death."""
        given = self.state.next_id - 1  # what takes a moment has an id, but is not recorded
        self.state, self.pending, self.timers = State(), [], {}
        unfinished = tuple(
            events.Unfinished(row.id, row.uuid, row.name, row.trigger, row.started_at)
            for row in self.rows.values()
            if not row.verdict
        )
        remembered = tuple(
            events.Remembered(
                Disk(
                    uuid,
                    last_success=disk.last_success,
                    last_verdict=disk.last_verdict,
                    saved_at=disk.saved_at,
                    refused=disk.refused,
                    stale_told=disk.stale_told,
                ),
                self.plugs.get(uuid),
                max(
                    (row for row in self.rows.values() if row.uuid == uuid and row.verdict),
                    key=lambda row: row.id,
                    default=None,
                ),
            )
            for uuid, disk in self.disks.items()
        )
        untold = tuple(row for row in self.rows.values() if row.verdict and not row.mailed)
        next_id = max(self.rows.keys() | self.jobs.keys() | {given}) + 1
        holds = tuple(self.holds.items())
        jobs = tuple(
            DiskJob(row.id, row.task, row.name, BlockDevice("", "", row.task.uuid))
            for row in self.jobs.values()
            if not row.verdict
        )
        self.happen(events.Started(boot, next_id, remembered, unfinished, untold, holds, jobs))
        self.happen(events.ConfigChanged())
        if ready:
            self.happen(events.SystemReady())
        return self

    def happen(self, event: Any) -> None:
        """Take a step; requests may raise."""
        self.now += 1000
        self.state, wanted = step(self.state, event, self.config, self.now)
        for effect in wanted:
            self._take(effect)

    def _take(self, effect: Any) -> None:
        match effect:
            case effects.Tell(signal):
                self.told.append(signal)
            case effects.SetTimer(key, seconds):
                self.timers[key] = seconds
            case effects.ClearTimer(key):
                self.timers.pop(key, None)
            case effects.RecordPlug(uuid, plug):
                self.plugs[uuid] = plug
            case effects.RecordHold(uuid, until):
                self.holds[uuid] = until
                if not until:
                    del self.holds[uuid]
            case effects.RecordJob(job):
                self.jobs[job.id] = job
            case effects.RecordSnapshots(uuid, snapshots):
                self.seen[uuid] = snapshots
            case effects.RecordDisk(disk):
                self.disks[disk.uuid] = disk
            case effects.RecordBackup(backup):
                self.rows[backup.id] = backup
            case effects.RecordMailed(backup_id):
                self.rows[backup_id] = replace(self.rows[backup_id], mailed=True)
            case effects.Mail(letter):
                self.letters.append(letter)
                if self.keeps_letters:
                    self.happen(events.MailKept(letter))
            case effects.CallOut(call):
                self.calls.append(call)
            case effects.EditConfig(edit):
                self._edit(edit)
            case effects.StopTask(job_id):
                self.done.append(effect)
                for item in self.pending:
                    if isinstance(item, effects.RunTask) and item.job_id == job_id:
                        self.answer(item, events.TaskFinished(job_id, None, Progress()))
                        return
            case effects.StopScript(backup_id):
                self.done.append(effect)
                for item in self.pending:
                    if isinstance(item, effects.RunScript) and item.backup_id == backup_id:
                        self.answer(item, events.ScriptFinished(backup_id, None, Progress()))
                        return
            case (
                effects.OpenDisk()
                | effects.RunScript()
                | effects.RunTask()
                | effects.ProbeDisk()
                | effects.SyncDisk()
                | effects.CloseDisk()
                | effects.CheckRelease()
            ):
                if isinstance(effect, effects.RunScript):
                    self.ran.append((effect.device.uuid, effect.script.name))
                self.pending.append(effect)
            case _:
                self.done.append(effect)

    def _edit(self, edit: Any) -> None:
        disks = dict(self.config.disks)
        match edit:
            case SaveDisk(uuid, name):
                disks[uuid] = DiskConfig(name=name)
            case ForgetDisk(uuid):
                del disks[uuid]
            case EnableScripts():
                return
        self.config = replace(self.config, disks=disks)
        self.happen(events.ConfigChanged())

    def answer(self, effect: Any, event: Any) -> None:
        """One pending effect has this result."""
        self.pending.remove(effect)
        self.happen(event)

    def settle(self, **answers: Callable[[Any], Any]) -> None:
        """Answer everything that is pending, well unless ANSWERS (by effect name) say otherwise."""
        for _ in range(200):
            if not self.pending:
                return
            effect = self.pending[0]
            reply = answers.get(type(effect).__name__)
            self.answer(effect, reply(effect) if reply else well(effect))
        raise AssertionError(f"never settles: {self.pending}")

    def settle_one(self) -> None:
        """Answer the first that is pending, well."""
        self.answer(self.pending[0], well(self.pending[0]))

    def fire(self, prefix: str, after: float = 10.0) -> None:
        """The timer whose key begins so is up."""
        key = next(key for key in self.timers if key.startswith(prefix))
        del self.timers[key]
        self.now += int(after * SECOND)
        self.happen(events.TimerFired(key))

    def of(self, kind: type) -> list[Any]:
        """The signals of one kind, in order."""
        return [signal for signal in self.told if isinstance(signal, kind)]

    def verdicts(self) -> list[str]:
        """The verdicts told, in order."""
        return [signal.verdict for signal in self.of(signals.BackupFinished)]


def well(effect: Any) -> Any:
    """The good answer to an effect."""
    match effect:
        case effects.OpenDisk(backup_id):
            return events.DiskOpened(backup_id, free=50)
        case effects.RunScript(backup_id):
            return events.ScriptFinished(backup_id, 0, Progress(files_done=3))
        case effects.RunTask(job_id, task):
            found = task.snapshot or SNAPSHOT.snapshot
            said = Progress(files_done=3)
            return events.TaskFinished(job_id, 0, said, snapshot=found, snapshots=(SNAPSHOT,))
        case effects.ProbeDisk(backup_id):
            return events.DiskProbed(backup_id)
        case effects.SyncDisk(backup_id):
            return events.DiskSynced(backup_id, free=40)
        case effects.CloseDisk(backup_id):
            return events.DiskClosed(backup_id)
        case effects.CheckRelease(uuid, item):
            return events.ReleaseChecked(uuid, item.whole)
    raise AssertionError(effect)


def names(items: Iterable[Any]) -> list[str]:
    """The class names of some effects or signals."""
    return [type(item).__name__ for item in items]


def ready(*uuids: str, **options: object) -> World:
    return World(config(*(uuids or UUIDS[:1]), **options)).start()  # type: ignore[arg-type]


def disk(world: World, uuid: str = UUIDS[0]) -> tuple[str, str]:
    found = world.state.disks[uuid]
    return str(found.state), found.reason
