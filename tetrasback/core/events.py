"""What can happen to the core.

*Requests* may be refused with an error from `errors`, and then nothing has changed. *Facts* have
happened: they are never refused and never raise, whatever the state.
"""

from dataclasses import dataclass
from typing import Final

from tetrasback.core.devices import BlockDevice
from tetrasback.core.news import Letter
from tetrasback.core.state import Backup, Disk, DiskJob, Plug, Progress
from tetrasback.core.task import Snapshot, Task
from tetrasback.core.wholes import Order, WholeDisk

GONE: Final = "gone"
"""What a check for release says of a disk that has left."""

# --- requests ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SaveRequested:
    """A disk is to be known by a name. Starts nothing."""

    uuid: str
    name: str


@dataclass(frozen=True, slots=True)
class ForgetRequested:
    """A disk is to be known no more."""

    uuid: str


@dataclass(frozen=True, slots=True)
class PlugRequested:
    """A device is to be treated as if it had just been plugged. ``mounted``: by somebody else."""

    device: BlockDevice
    mounted: bool = False


@dataclass(frozen=True, slots=True)
class UnplugRequested:
    """A disk is to be let go of."""

    uuid: str


@dataclass(frozen=True, slots=True)
class RunRequested:
    """A backup is wanted now."""

    uuid: str


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """The queued or running backup of a disk is to end."""

    uuid: str


@dataclass(frozen=True, slots=True)
class ScriptsRequested:
    """These scripts are to be enabled, in this order."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HoldRequested:
    """For so many seconds, a plug of this disk ('' = of any) is to start no backup."""

    uuid: str
    seconds: int


@dataclass(frozen=True, slots=True)
class UnholdRequested:
    """Plugs of this disk ('' = of every disk) are to start backups again."""

    uuid: str


@dataclass(frozen=True, slots=True)
class JobRequested:
    """Something is to be done with the backups on a plugged disk."""

    task: Task


@dataclass(frozen=True, slots=True)
class BrowseEndRequested:
    """The view of this disk is to end."""

    uuid: str


@dataclass(frozen=True, slots=True)
class JobCancelRequested:
    """A job is to end."""

    job_id: int


@dataclass(frozen=True, slots=True)
class PrepareRequested:
    """A whole disk is to be given a file system and saved. ``erase``: what is on it may go."""

    order: Order
    erase: bool = False


# --- facts ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A backup that the history says was under way when the daemon last ended."""

    id: int
    uuid: str
    name: str
    trigger: str
    started_at: int


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the history knows of one disk (``disk`` carries no devices and no state)."""

    disk: Disk
    plug: Plug | None
    last: Backup | None = None
    """Its newest backup that has a verdict."""


@dataclass(frozen=True, slots=True)
class Started:
    """The daemon begins: what it remembers, before any device has been seen."""

    boot_id: str
    next_id: int
    remembered: tuple[Remembered, ...] = ()
    unfinished: tuple[Unfinished, ...] = ()
    untold: tuple[Backup, ...] = ()
    """Those that have a verdict of which no letter was kept."""
    holds: tuple[tuple[str, int], ...] = ()
    """Disks ('' = all) that were held, and until when."""
    jobs: tuple[DiskJob, ...] = ()
    """Those without a verdict."""


@dataclass(frozen=True, slots=True)
class SystemReady:
    """The system is up; backups may start."""


@dataclass(frozen=True, slots=True)
class ConfigChanged:
    """The configuration in force is now the one given to `step`; ``error`` if the file is bad."""

    error: str = ""


@dataclass(frozen=True, slots=True)
class DeviceSeen:
    """A tagged device is here: added, changed or enumerated."""

    device: BlockDevice


@dataclass(frozen=True, slots=True)
class DeviceGone:
    """A device has left, or carries nothing of interest any more."""

    syspath: str


@dataclass(frozen=True, slots=True)
class DiskOpened:
    """`OpenDisk` has ended. ``fault``: a word of `Reason` or `Code`, empty = it is open."""

    backup_id: int
    fault: str = ""
    message: str = ""
    free: int = 0


@dataclass(frozen=True, slots=True)
class ScriptProgressed:
    """A script has told how far it is."""

    backup_id: int
    progress: Progress


@dataclass(frozen=True, slots=True)
class ScriptFinished:
    """`RunScript` has ended, with everything the script started.

    ``status``: exit status, negative = killed by that signal, None = it never ran or was stopped.
    ``code``: empty, or why (``script-refused``, ``timed-out``). ``units_running``: units that would
    not stop for it; ``units_failed``: units that did not start again.
    """

    backup_id: int
    status: int | None
    progress: Progress
    code: str = ""
    message: str = ""
    units_running: tuple[str, ...] = ()
    units_failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ViewShown:
    """A backup can be walked by who asked for it at this path, for so many seconds."""

    backup_id: int
    path: str
    seconds: int


@dataclass(frozen=True, slots=True)
class SnapshotsSeen:
    """What is on a disk now that a backup onto it has been made, newest first."""

    uuid: str
    snapshots: tuple[Snapshot, ...]


@dataclass(frozen=True, slots=True)
class TaskFinished:
    """`RunTask` has ended. ``status``, ``code`` and ``message`` as in ScriptFinished.

    ``snapshot``: the folder it was about. ``snapshots``: what was seen on the disk, newest first;
    None = it could not be looked at. ``unproved``: all that was warned of is that nothing proves
    which backup it is.
    """

    backup_id: int
    status: int | None
    progress: Progress
    code: str = ""
    message: str = ""
    snapshot: str = ""
    snapshots: tuple[Snapshot, ...] | None = None
    unproved: bool = False


@dataclass(frozen=True, slots=True)
class DiskProbed:
    """`ProbeDisk` has ended: '' = in order, else ``disk-full``, ``disk-error``, ``disk-gone``."""

    backup_id: int
    fault: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class DiskSynced:
    """`SyncDisk` has ended: '' = everything is on the disk."""

    backup_id: int
    fault: str = ""
    message: str = ""
    free: int = 0


@dataclass(frozen=True, slots=True)
class DiskClosed:
    """`CloseDisk` has ended: '' = unmounted, no longer open. ``present``: still answers."""

    backup_id: int
    fault: str = ""
    message: str = ""
    present: bool = True


@dataclass(frozen=True, slots=True)
class ReleaseChecked:
    """`CheckRelease` has ended.

    ``reason``: '' = nobody holds the disk, `GONE` = it is not there, else a word of Reason.
    ``diskseq`` is that of the disk that was looked at: another may be behind its node by now.
    """

    uuid: str
    whole: str
    reason: str = ""
    diskseq: int = 0


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A timer that `SetTimer` set is up."""

    key: str


@dataclass(frozen=True, slots=True)
class HistoryFailed:
    """The history could not be written; '' = it can be again."""

    message: str


@dataclass(frozen=True, slots=True)
class MailKept:
    """A letter would survive the daemon now: it is on the server's disk, or handed over."""

    letter: Letter


@dataclass(frozen=True, slots=True)
class MailFailed:
    """Letters could not be handed over; '' = none waits any more."""

    message: str


@dataclass(frozen=True, slots=True)
class UnitsChecked:
    """Which units stopped for a script are still not started again."""

    units: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PastBackup:
    """A backup that another program made, as far as it is known. Times in µs since the epoch."""

    uuid: str
    name: str
    finished_at: int
    verdict: str
    message: str


@dataclass(frozen=True, slots=True)
class Imported:
    """What is known of disks that were taken over from the original: the last backup of each, and
    when it was last plugged in (µs since the epoch)."""

    backups: tuple[PastBackup, ...]
    seen: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class WholeSeen:
    """A whole disk that may be prepared is here, or is otherwise than before."""

    whole: WholeDisk


@dataclass(frozen=True, slots=True)
class WholeGone:
    """A whole disk has left."""

    syspath: str


@dataclass(frozen=True, slots=True)
class PreparationMoved:
    """The preparation for the file system of this UUID has come to a step."""

    uuid: str
    step: str


@dataclass(frozen=True, slots=True)
class PreparationMade:
    """The file system has been made, and read back from the disk."""

    device: BlockDevice


@dataclass(frozen=True, slots=True)
class PreparationEnded:
    """Nothing more is done for this preparation, and nothing of it is held."""

    uuid: str


@dataclass(frozen=True, slots=True)
class StopRequested:
    """The daemon is told to end."""


Request = (
    SaveRequested
    | ForgetRequested
    | PlugRequested
    | UnplugRequested
    | RunRequested
    | CancelRequested
    | ScriptsRequested
    | PrepareRequested
    | HoldRequested
    | UnholdRequested
    | JobRequested
    | JobCancelRequested
    | BrowseEndRequested
)
Fact = (
    Started
    | SystemReady
    | ConfigChanged
    | DeviceSeen
    | DeviceGone
    | DiskOpened
    | ScriptProgressed
    | ScriptFinished
    | TaskFinished
    | SnapshotsSeen
    | ViewShown
    | DiskProbed
    | DiskSynced
    | DiskClosed
    | ReleaseChecked
    | TimerFired
    | HistoryFailed
    | MailKept
    | MailFailed
    | UnitsChecked
    | Imported
    | WholeSeen
    | WholeGone
    | PreparationMoved
    | PreparationMade
    | PreparationEnded
    | StopRequested
)
Event = Request | Fact
