"""What the daemon knows: disks, backups, the queue. Immutable; `machine.step` makes the next one.

All times are µs since the epoch, 0 = never; sizes are bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from tetrasback.config.model import MailConfig
from tetrasback.core.devices import BlockDevice
from tetrasback.core.task import Snapshot, Task
from tetrasback.core.wholes import Preparation, WholeDisk

MAX_ATTEMPTS: Final = 3
"""Starts for one plug: the first, and two again after the daemon's own end cut it short."""


class Verdict(StrEnum):
    """How a backup ended; the same word on every channel."""

    SUCCESS = "success"
    WARNING = "warning"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


class Code(StrEnum):
    """Why a backup has its verdict. Clients translate these words."""

    NONE = ""
    SOURCE_UNREADABLE = "source-unreadable"
    SCRIPT_WARNING = "script-warning"
    UNITS = "units-not-started"
    SCRIPT_FAILED = "script-failed"
    SCRIPT_REFUSED = "script-refused"
    NO_SCRIPTS = "no-scripts"
    TIMED_OUT = "timed-out"
    SOURCE_SHRUNK = "source-shrunk"
    DISK_FULL = "disk-full"
    DISK_ERROR = "disk-error"
    DISK_GONE = "disk-gone"
    UNMOUNT_FAILED = "unmount-failed"
    CANCELLED = "cancelled"
    UNPLUGGED = "unplug-requested"
    FORGOTTEN = "forgotten"
    HELD = "held"
    DAEMON_STOPPED = "daemon-stopped"
    DAEMON_DIED = "daemon-died"


class DiskState(StrEnum):
    """The contract's states of a disk."""

    ABSENT = "absent"
    UNKNOWN = "unknown"
    PLUGGED = "plugged"
    QUEUED = "queued"
    RUNNING = "running"
    HELD = "held"
    SAFE = "safe-to-unplug"
    REJECTED = "rejected"


class Phase(StrEnum):
    """The contract's states of a backup."""

    QUEUED = "queued"
    MOUNTING = "mounting"
    RUNNING = "running"
    FINISHING = "finishing"
    DONE = "done"


class Trigger(StrEnum):
    """What started a backup."""

    PLUG = "plug"
    REQUEST = "request"


@dataclass(frozen=True, slots=True)
class Plug:
    """One appearance of a disk, and what has been done about it.

    ``served``: nothing more is to start by itself. ``attempts``: backups started for it.
    """

    boot_id: str
    diskseq: int
    served: bool = False
    attempts: int = 0

    @property
    def ended(self) -> bool:
        """Whether a backup has ended on this plug."""
        return self.served and self.attempts > 0


@dataclass(frozen=True, slots=True)
class Disk:
    """A saved disk, or a plugged candidate."""

    uuid: str
    name: str = ""
    saved: bool = False
    state: DiskState = DiskState.ABSENT
    reason: str = ""
    devices: tuple[BlockDevice, ...] = ()
    label: str = ""
    model: str = ""
    serial: str = ""
    fstype: str = ""
    size: int = 0
    free: int = 0
    last_seen: int = 0
    saved_at: int = 0
    """When it was saved."""
    browse_until: int = 0
    """When it is shown no longer; 0 = it is not."""
    last_success: int = 0
    last_verdict: str = ""
    last_ended: int = 0
    """When it was given."""
    refused: str = ""
    """The refusal that was told last (`news.DiskRefused.mark`)."""
    stale_told: int = 0
    """When it was last told that it waits too long for a good backup; 0 = not since the last."""
    plug: Plug | None = None
    since: int = 0
    """When the state last changed."""

    @property
    def device(self) -> BlockDevice | None:
        """The device in use: the first that came."""
        return self.devices[0] if self.devices else None


@dataclass(frozen=True, slots=True)
class Script:
    """A script to run, as configured when its backup began. ``takes``: '', 'mount' or 'device'."""

    name: str
    args: tuple[str, ...] = ()
    takes: str = ""
    interrupt: tuple[str, ...] = ()

    @property
    def mode(self) -> str:
        """What it is given: the mount point unless it takes the device."""
        return self.takes or "mount"


@dataclass(frozen=True, slots=True)
class Progress:
    """What one script has said so far, absolute. ``fraction`` -1 = unknown."""

    fraction: float = -1.0
    step: str = ""
    bytes_done: int = 0
    bytes_total: int = 0
    files_done: int = 0
    warnings: int = 0
    snapshot: str = ""
    code: str = ""
    """A word from `Code` that the script gave with a warning (``source-shrunk``), or empty."""
    notes: int = 0
    warned: tuple[str, ...] = ()
    """The first warnings, one line each."""
    pruned: tuple[str, ...] = ()
    """The first of the older backups that were removed, each ``FOLDER, SIZE, WHY``."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that counts towards the verdict."""

    verdict: Verdict
    code: str
    """A word of `Code`, or of `devices.Reason` where the disk was refused."""
    message: str


class Awaiting(StrEnum):
    """The one effect of the running backup whose result is still to come."""

    NOTHING = ""
    OPEN = "open"
    SCRIPT = "script"
    PROBE = "probe"
    SYNC = "sync"
    CLOSE = "close"
    GRACE = "grace"


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup, from its place in the queue to its verdict."""

    id: int
    uuid: str
    name: str
    trigger: Trigger
    device: BlockDevice | None = None
    phase: Phase = Phase.QUEUED
    queued_at: int = 0
    started_at: int = 0
    finished_at: int = 0
    scripts: tuple[Script, ...] = ()
    """Those still to run; the first is the one that runs."""
    count: int = 0
    """How many there were."""
    session: str = ""
    """How the disk is open now: '', 'mount' or 'device'."""
    step: str = ""
    current: Progress = Progress()
    earlier: Progress = Progress()
    """The sum of the scripts that have ended."""
    findings: tuple[Finding, ...] = ()
    stop: Finding | None = None
    """Why no further script is to run."""
    gone: bool = False
    """Its device has left."""
    rejection: str = ""
    """Why the disk could not be opened: a word of `devices.Reason`."""
    awaiting: Awaiting = Awaiting.NOTHING
    first_error_at: int = 0
    verdict: str = ""
    code: str = ""
    message: str = ""
    mailed: bool = False
    """The letter about it is in safe hands, or none is wanted."""

    @property
    def over(self) -> bool:
        """Whether it has its verdict."""
        return self.phase is Phase.DONE


@dataclass(frozen=True, slots=True)
class DiskJob:
    """Something done with the backups on a disk, from its request to its verdict."""

    id: int
    task: Task
    name: str
    """Of the disk."""
    device: BlockDevice
    before: tuple[DiskState, str] = (DiskState.PLUGGED, "")
    """State and reason of the disk when it began."""
    phase: Phase = Phase.QUEUED
    awaiting: Awaiting = Awaiting.NOTHING
    is_open: bool = False
    snapshot: str = ""
    """The folder it was about, where the task did not say."""
    snapshots: tuple[Snapshot, ...] | None = None
    """What was seen on the disk."""
    progress: Progress = Progress()
    findings: tuple[Finding, ...] = ()
    stop: Finding | None = None
    gone: bool = False
    complete: bool = False
    """All that was to be done has been done."""
    view: str = ""
    """Where it is shown."""
    started_at: int = 0
    finished_at: int = 0
    verdict: str = ""
    code: str = ""
    message: str = ""

    @property
    def over(self) -> bool:
        """Whether it has its verdict."""
        return self.phase is Phase.DONE


@dataclass(frozen=True, slots=True)
class State:
    """Everything. ``queue`` holds ids, first in first out; ``running`` is the one under way."""

    boot_id: str = ""
    ready: bool = False
    """The system is up: backups may start."""
    stopping: bool = False
    disks: Mapping[str, Disk] = field(default_factory=dict)
    backups: Mapping[int, Backup] = field(default_factory=dict)
    queue: tuple[int, ...] = ()
    running: int | None = None
    next_id: int = 1
    jobs: Mapping[int, DiskJob] = field(default_factory=dict)
    """The one under way, and the last of each disk that have ended."""
    job: int | None = None
    """The one under way. Backups and jobs have their ids from one counter."""
    holds: Mapping[str, int] = field(default_factory=dict)
    """Disks (UUIDs, '' = all) of which a plug starts no backup, and until when."""
    configuration_error: str = ""
    configuration_error_since: int = 0
    history_error: str = ""
    history_error_since: int = 0
    units_stopped: tuple[str, ...] = ()
    """Units that were stopped for a script and could not be started again."""
    releasing: frozenset[str] = frozenset()
    """Disks (UUIDs) whose backup has ended, and which nobody may hold any more to be safe."""
    letting_go: frozenset[str] = frozenset()
    """Disks whose `Unplug` waits for the check, without a backup having ended."""
    quiet: frozenset[str] = frozenset()
    """Disks that were safe and were only looked at: nobody is told again that they are."""
    checking: frozenset[str] = frozenset()
    """Whole disks (nodes) that are just being held exclusively; nothing may open them."""
    kept: tuple[str, ...] = ()
    """The saved disks as automounters last heard of them."""
    mail: MailConfig | None = None
    """How mail is sent, as whoever sends it last heard."""
    mailing: frozenset[str] = frozenset()
    """Letters that were called for and are not in safe hands yet."""
    mail_error: str = ""
    mail_error_since: int = 0
    quiet_hours: int = 0
    """Hours of this life in which nothing was written of stale disks."""
    wholes: Mapping[str, WholeDisk] = field(default_factory=dict)
    """Whole disks that may be prepared, by syspath."""
    preparing: Preparation | None = None
    """What is being done to one of them: one at a time."""

    def with_disk(self, disk: Disk) -> "State":
        """This state with DISK in place of the one of its UUID."""
        return replace(self, disks={**self.disks, disk.uuid: disk})

    def without_disk(self, uuid: str) -> "State":
        """This state without that disk."""
        return replace(self, disks={key: disk for key, disk in self.disks.items() if key != uuid})

    def with_backup(self, backup: Backup) -> "State":
        """This state with BACKUP in place of the one of its id."""
        return replace(self, backups={**self.backups, backup.id: backup})

    def active_backup(self, uuid: str) -> Backup | None:
        """The queued or running backup of a disk; one whose device has left does not count."""
        for backup in self.backups.values():
            if backup.uuid == uuid and not backup.over and not backup.gone:
                return backup
        return None

    @property
    def current_job(self) -> DiskJob | None:
        """The job under way."""
        return None if self.job is None else self.jobs[self.job]

    def in_use(self, uuid: str) -> bool:
        """Whether a backup of this disk is queued or running, or a job reads it."""
        job = self.current_job
        reads = job is not None and job.task.uuid == uuid and not job.gone
        return reads or self.active_backup(uuid) is not None

    @property
    def busy(self) -> bool:
        """Whether a backup is queued or running."""
        return self.running is not None or bool(self.queue)

    @property
    def at_rest(self) -> bool:
        """Whether a restart would cut off nothing, and nobody waits to hear that a disk is free."""
        waiting = self.releasing or self.letting_go or self.checking
        return not (self.busy or self.preparing or waiting or self.job is not None)
