"""The outside as the engine needs it: one Protocol for each thing, carried out in `adapters/`.

`adapters/sim.py` is the in-memory set of all of them. Every method that a dying disk, a hung
program or a full socket can block is a coroutine that leaves the event loop free.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from tetrasback.config.edits import Edit
from tetrasback.config.model import Config, MailConfig
from tetrasback.core.devices import BlockDevice
from tetrasback.core.events import Remembered, Unfinished
from tetrasback.core.news import Call, Letter
from tetrasback.core.state import Backup, Disk, DiskJob, Plug, Progress
from tetrasback.core.task import Snapshot, Task
from tetrasback.core.wholes import Order, Survey, WholeDisk


@dataclass(frozen=True, slots=True)
class Record:
    """One row of the history. Times are µs since the epoch."""

    id: int
    uuid: str
    name: str
    trigger: str
    verdict: str
    code: str
    started_at: int
    finished_at: int
    bytes: int
    files: int
    warnings: int
    message: str
    snapshot: str


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One row of the history of jobs. Times are µs since the epoch."""

    id: int
    uuid: str
    name: str
    kind: str
    snapshot: str
    verdict: str
    code: str
    started_at: int
    finished_at: int
    bytes: int
    files: int
    warnings: int
    message: str


class Fault(Exception):
    """A step on a disk that did not succeed.

    ``code`` is a word of `core.devices.Reason` or `core.state.Code`, ``message`` one line for a
    person. (No dataclass: contextlib must be able to set an exception's traceback.)
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Room:
    """A mounted file system's size and what is free for root, in bytes; 0 = not known."""

    size: int
    free: int


@dataclass(frozen=True, slots=True)
class Job:
    """One script to be run, all that the runner needs. ``timeout`` in seconds.

    ``mount`` is the mount point, empty where the script takes the device.
    """

    backup_id: int
    script: str
    args: tuple[str, ...]
    takes: str
    """As configured: '', 'mount' or 'device' ('' matters for a script that hides a shipped one)."""
    mount: str
    uuid: str
    name: str
    device: str
    source: str
    nice: int
    timeout: float
    exclude: tuple[str, ...] = ()
    keep: str = ""
    shrink_alert: float = 0.5
    verify_minutes: float = 0


@dataclass(frozen=True, slots=True)
class JobResult:
    """How a script ended: as in `core.events.ScriptFinished`."""

    status: int | None
    progress: Progress
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class TaskOrder:
    """One task on a mounted disk, all that is needed for it. ``timeout`` in seconds."""

    job_id: int
    task: Task
    mount: str
    name: str
    device: str
    fstype: str
    source: str
    nice: int
    timeout: float


@dataclass(frozen=True, slots=True)
class TaskResult:
    """How a task ended: as in `core.events.TaskFinished`."""

    status: int | None
    progress: Progress
    code: str = ""
    message: str = ""
    snapshot: str = ""
    snapshots: tuple[Snapshot, ...] | None = None
    unproved: bool = False


@dataclass(frozen=True, slots=True)
class ScriptFile:
    """A script that may be enabled. ``problem``: why it may not be run, empty = it may."""

    name: str
    path: str
    problem: str = ""


class Devices(Protocol):
    """The block devices (udev)."""

    async def start(
        self, seen: Callable[[BlockDevice], None], gone: Callable[[str], None]
    ) -> Sequence[BlockDevice]:
        """Listen first, then enumerate: the tagged devices that are here now.

        SEEN gets each added or changed device that carries a UUID, GONE the syspath of one that
        was removed or carries none (or no tag) any more. Both are called on the event loop.
        """
        ...

    async def lookup(self, path: str) -> BlockDevice:
        """The device at any path below /dev, tagged or not; from then on its changes are told.

        Raises NoSuchDevice (nothing there, no block device) or NotAFilesystem (no file system with
        a UUID; a whole disk with partitions is told so).
        """
        ...

    async def resolve(self, path: str) -> str:
        """The node that a path below /dev leads to; nothing on the device is looked at.

        Follows links of root's alone, and none out of /dev. Raises NoSuchDevice.
        """
        ...

    async def close(self) -> None:
        """Stop listening."""
        ...


class Disks(Protocol):
    """Opening, proving, mounting, syncing and letting go of disks. One session per backup id."""

    async def open(self, backup_id: int, device: BlockDevice, mode: str) -> Room:
        """Open and prove DEVICE; for mode 'mount' mount it, for 'read' so that nothing on it
        changes. Raises Fault."""
        ...

    def mounted_elsewhere(self, device: BlockDevice) -> bool:
        """Whether somebody else has the file system mounted, as far as can be seen."""
        ...

    def mount_point(self, backup_id: int) -> str:
        """Where it is mounted; empty in mode 'device'."""
        ...

    async def probe(self, backup_id: int) -> None:
        """Raise Fault ``disk-full``, ``disk-error`` or ``disk-gone`` if that is so."""
        ...

    async def sync(self, backup_id: int) -> Room:
        """Bring everything onto the disk. Raises Fault ``disk-error`` or ``disk-gone``."""
        ...

    async def close(self, backup_id: int, gone: bool) -> bool:
        """Unmount and close; whether the device still answers. Raises Fault ``unmount-failed``."""
        ...

    async def released(self, device: BlockDevice) -> str:
        """'' when the whole disk could be opened exclusively within 5 s, else a word of Reason.

        Tries first to unmount what an earlier `close` had to leave.
        """
        ...

    async def spin_down(self, device: BlockDevice) -> None:
        """Put the disk to sleep; a disk that cannot is left as it is."""
        ...


class Wholes(Protocol):
    """Whole disks, of which one may be prepared for backups (udev)."""

    async def start(
        self, seen: Callable[[WholeDisk], None], gone: Callable[[str], None]
    ) -> Sequence[WholeDisk]:
        """Listen first, then enumerate: the tagged whole disks that are here now.

        SEEN gets each that has come or is otherwise than before, GONE the syspath of one that left.
        """
        ...

    async def look(self, path: str) -> WholeDisk:
        """The whole disk at any path below /dev, tagged or not; from then on it is told of.

        Raises NoSuchDevice (nothing there), or Rejected (it is a partition).
        """
        ...

    async def close(self) -> None:
        """Stop listening."""
        ...


class Preparer(Protocol):
    """Gives a whole disk a partition with a file system. One order at a time."""

    async def survey(self, whole: WholeDisk) -> Survey:
        """Open WHOLE, proved to be the one described, and look at it. Raises Fault."""
        ...

    async def prepare(self, order: Order, moved: Callable[[str], None]) -> str:
        """Carry ORDER out; the node of the partition, whole on the disk and read back.

        MOVED is told each `core.wholes.Step`. The disk stays held until `finish`. Raises Fault:
        what is on the disk then is nothing, or nothing that is ours.
        """
        ...

    async def finish(self) -> None:
        """Let go of the disk, whatever has come of it, and have udev look at it. Never raises."""
        ...

    def stop(self) -> None:
        """End what is under way: `prepare` raises Fault ``stopped`` soon."""
        ...


class Jobs(Protocol):
    """Backup scripts."""

    def scripts(self) -> Sequence[ScriptFile]:
        """Every script in the script directories, by name; the first directory wins."""
        ...

    def find(self, name: str, takes: str) -> ScriptFile:
        """One script, also one that may not be run: `problem` says why, and what mends it.

        TAKES is as configured (matters for a script that hides a shipped one).
        """
        ...

    async def run(self, job: Job, progress: Callable[[Progress], None]) -> JobResult:
        """Run one script until it and all it started have ended. Never raises for the script.

        PROGRESS is called at most four times a second, on the event loop.
        """
        ...

    def stop(self, backup_id: int) -> None:
        """End the backup's script: TERM to its group, KILL to all that is left."""
        ...


class Tasks(Protocol):
    """What is done with the backups on a mounted disk. One at a time."""

    async def run(self, order: TaskOrder, progress: Callable[[Progress], None]) -> TaskResult:
        """Do it, until all that was started for it has ended. Never raises for the task.

        PROGRESS is called at most four times a second, on the event loop.
        """
        ...

    async def browse(self, order: TaskOrder, shown: Callable[[str, int], None]) -> TaskResult:
        """Show the backup to the task's user on the system, until `stop` or for an hour.

        SHOWN gets its path, and for how many seconds it is there.
        """
        ...

    async def show(self, job_id: int, snapshot: str, user: int) -> str:
        """While `browse` of this job shows one, show another backup on its disk too; its path.
        Raises Fault."""
        ...

    async def clear(self) -> None:
        """Take away what an earlier life of the daemon still shows."""
        ...

    def stop(self, job_id: int) -> None:
        """End the task of this job: TERM to what runs for it, KILL to all that is left."""
        ...


class Logs(Protocol):
    """One bounded log for each backup, and for each job."""

    def add(self, backup_id: int, text: str) -> None:
        """Add one line (time is put before it)."""
        ...

    async def read(self, backup_id: int) -> str:
        """The last 1 MiB; empty if there is none."""
        ...


class History(Protocol):
    """Backups, disks and plugs on the server's own disk. Writers raise OSError or HistoryError."""

    @property
    def problem(self) -> str:
        """What was wrong with it at the start, in one line; empty = nothing."""
        ...

    def next_id(self) -> int:
        """An id larger than any ever given."""
        ...

    def remembered(self) -> Sequence[Remembered]:
        """What is known of every disk."""
        ...

    def unfinished(self) -> Sequence[Unfinished]:
        """Backups without a verdict."""
        ...

    def untold(self) -> Sequence[Backup]:
        """Backups with a verdict that are not recorded as mailed, oldest first, at most 100."""
        ...

    async def record_backup(self, backup: Backup) -> None:
        """Insert or update the backup's row, durably."""
        ...

    async def record_mailed(self, backup_id: int) -> None:
        """The letter about this backup is in safe hands."""
        ...

    async def record_disk(self, disk: Disk) -> None:
        """Insert or update what is known of a disk."""
        ...

    async def record_plug(self, uuid: str, plug: Plug) -> None:
        """Insert or replace the newest plug of a disk."""
        ...

    def holds(self) -> Sequence[tuple[str, int]]:
        """What `record_hold` has written and not taken back."""
        ...

    async def record_hold(self, uuid: str, until: int) -> None:
        """A disk ('' = every disk) is held until then (µs since the epoch); 0 = no more."""
        ...

    def unfinished_jobs(self) -> Sequence[DiskJob]:
        """Jobs without a verdict."""
        ...

    async def record_job(self, job: DiskJob) -> None:
        """Insert or update the job's row, durably."""
        ...

    async def list_jobs(self, uuid: str, before: int, limit: int) -> Sequence[JobRecord]:
        """Rows of jobs, as `list`."""
        ...

    async def job_exists(self, job_id: int) -> bool:
        """Whether there is a job of this id."""
        ...

    async def record_snapshots(self, uuid: str, snapshots: Sequence[Snapshot]) -> None:
        """What was seen on a disk, in place of what was seen before."""
        ...

    async def snapshots(self, uuid: str) -> Sequence[Snapshot] | None:
        """What was last seen on a disk; None = it was never looked at."""
        ...

    async def list(self, uuid: str, before: int, limit: int) -> Sequence[Record]:
        """Rows, newest first; empty uuid = all; before 0 = from the newest."""
        ...

    async def exists(self, backup_id: int) -> bool:
        """Whether there is a row of this id."""
        ...

    def close(self) -> None:
        """Close the database."""
        ...


class Units(Protocol):
    """systemd units that are stopped while a script runs."""

    async def stop(self, units: Sequence[str]) -> Sequence[str]:
        """Stop those that are active, each recorded before; names of those that would not stop."""
        ...

    async def restore(self) -> Sequence[str]:
        """Start every recorded unit; names of those that would not start (they stay recorded)."""
        ...


class Inhibitor(Protocol):
    """logind's inhibitor lock."""

    async def hold(self, why: str) -> None:
        """Take the lock where logind is on the bus; otherwise do nothing."""
        ...

    async def release(self) -> None:
        """Give it back."""
        ...


class Automounters(Protocol):
    """Keeps desktop automounters from saved disks."""

    async def keep_from(self, uuids: Sequence[str]) -> None:
        """Write the udev rule for these disks and have udev read it."""
        ...


class Mail(Protocol):
    """Letters to people. What cannot be handed over is kept, and tried again."""

    def start(self, told: Callable[[str], None]) -> None:
        """Begin with the letters that an earlier life of the daemon has left.

        TOLD is called on the event loop with one line whenever the trouble changes, '' = none.
        """
        ...

    def configure(self, settings: MailConfig) -> None:
        """From now on send in this way; no address = send nothing, forget what waits."""
        ...

    async def post(self, letter: Letter, language: str) -> None:
        """Write it (in LANGUAGE, '' = the system's): back when it is in safe hands."""
        ...

    async def close(self) -> None:
        """Send what can be sent within seconds; the rest is kept for the next life."""
        ...


class Console(Protocol):
    """The server's first console."""

    async def call_out(self, call: Call, language: str) -> None:
        """A line and a beep, where there is one; never raises for it."""
        ...


class System(Protocol):
    """Clock and boot."""

    def now(self) -> int:
        """µs since the epoch."""
        ...

    def boot_id(self) -> str:
        """The kernel's boot id."""
        ...

    async def wait_until_up(self) -> None:
        """Until the system has started, at most ten minutes; at once where no systemd runs."""
        ...


class Loaded(Protocol):
    """What reading the configuration came to (`config.file.Loaded`)."""

    @property
    def config(self) -> Config:
        """The configuration in force."""
        ...

    @property
    def warnings(self) -> Sequence[object]:
        """What is odd about the file but does no harm; each as a line by `str`."""
        ...

    @property
    def error(self) -> str:
        """Why the file is not in force, in one line; empty = it is."""
        ...


class Configuration(Protocol):
    """The configuration file (`config.file.ConfigFile`). Its methods block; the engine knows."""

    def load(self) -> Loaded:
        """What is in force, and what is wrong with the file."""
        ...

    def edit(self, change: Edit) -> Config:
        """Change the file, durably or not at all. Raises ConfigurationError or InvalidArgs."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """All of them, as the composition root hands them to the engine."""

    devices: Devices
    disks: Disks
    wholes: Wholes
    preparer: Preparer
    jobs: Jobs
    tasks: Tasks
    logs: Logs
    history: History
    units: Units
    inhibitor: Inhibitor
    automounters: Automounters
    mail: Mail
    console: Console
    system: System
    configuration: Configuration
