"""What the core wants done. The engine carries effects out through the ports, in order.

Effects on one backup end in exactly one event with its id (named in each docstring).
"""

from dataclasses import dataclass

from tetrasback.config.edits import Edit
from tetrasback.config.model import MailConfig
from tetrasback.core.devices import BlockDevice
from tetrasback.core.news import Call, Letter
from tetrasback.core.signals import Signal
from tetrasback.core.state import Backup, Disk, DiskJob, Plug, Script
from tetrasback.core.task import Snapshot, Task


@dataclass(frozen=True, slots=True)
class EditConfig:
    """Write a change into the configuration → ConfigChanged, or the request fails."""

    edit: Edit


@dataclass(frozen=True, slots=True)
class RecordBackup:
    """Write a backup's row, as it is now."""

    backup: Backup


@dataclass(frozen=True, slots=True)
class RecordMailed:
    """Write that the letter about a backup is in safe hands, or not wanted."""

    backup_id: int


@dataclass(frozen=True, slots=True)
class RecordDisk:
    """Write what is known of a disk."""

    disk: Disk


@dataclass(frozen=True, slots=True)
class RecordPlug:
    """Write what has been done about a plug."""

    uuid: str
    plug: Plug


@dataclass(frozen=True, slots=True)
class RecordHold:
    """Write until when plugs of a disk ('' = of all) start no backup; 0 = they do again."""

    uuid: str
    until: int


@dataclass(frozen=True, slots=True)
class RecordJob:
    """Write a job's row, as it is now."""

    job: DiskJob


@dataclass(frozen=True, slots=True)
class RecordSnapshots:
    """Write what was seen on a disk, newest first."""

    uuid: str
    snapshots: tuple[Snapshot, ...]


@dataclass(frozen=True, slots=True)
class RunTask:
    """Do what a job is about, on the open disk → ScriptProgressed …, TaskFinished."""

    job_id: int
    task: Task
    device: BlockDevice
    name: str
    source: str
    nice: int
    timeout: float
    """Seconds."""


@dataclass(frozen=True, slots=True)
class StopTask:
    """End what a job does, and all it started (its TaskFinished follows)."""

    job_id: int


@dataclass(frozen=True, slots=True)
class OpenDisk:
    """Open and prove the device; mount it for ``mode`` 'mount', or only for reading for 'read'
    → DiskOpened. Here and below the id may be that of a job."""

    backup_id: int
    device: BlockDevice
    mode: str


@dataclass(frozen=True, slots=True)
class RunScript:
    """Run one script on the open disk → ScriptProgressed …, ScriptFinished."""

    backup_id: int
    script: Script
    device: BlockDevice
    name: str
    source: str
    nice: int
    timeout: float
    """Seconds."""
    exclude: tuple[str, ...] = ()
    keep: str = ""
    """As `RetentionConfig.rules`."""
    shrink_alert: float = 0.5
    verify_minutes: float = 0


@dataclass(frozen=True, slots=True)
class StopScript:
    """End the running script and all it started (its ScriptFinished follows)."""

    backup_id: int


@dataclass(frozen=True, slots=True)
class ProbeDisk:
    """See whether the open disk is full, failing or gone → DiskProbed."""

    backup_id: int


@dataclass(frozen=True, slots=True)
class SyncDisk:
    """Bring everything onto the open disk → DiskSynced."""

    backup_id: int


@dataclass(frozen=True, slots=True)
class CloseDisk:
    """Unmount and close → DiskClosed. ``gone``: the device has left; only let go of it."""

    backup_id: int
    gone: bool = False


@dataclass(frozen=True, slots=True)
class CheckRelease:
    """Try to hold the whole disk alone, for 5 s → ReleaseChecked."""

    uuid: str
    device: BlockDevice


@dataclass(frozen=True, slots=True)
class SpinDown:
    """Put the disk to sleep; nothing follows."""

    device: BlockDevice


@dataclass(frozen=True, slots=True)
class Inhibit:
    """Hold off sleep and shutdown, or no longer."""

    on: bool


@dataclass(frozen=True, slots=True)
class KeepFromAutomounters:
    """These are the saved disks: nobody else is to mount them by himself."""

    uuids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetMail:
    """From now on mail goes out in this way."""

    settings: MailConfig


@dataclass(frozen=True, slots=True)
class Mail:
    """Send a letter in LANGUAGE ('' = the system's) → MailKept, soon and sooner than its arrival.

    Whether letters can be handed over is told by MailFailed.
    """

    letter: Letter
    language: str


@dataclass(frozen=True, slots=True)
class CallOut:
    """Say it at the server's console, with a beep; nothing follows."""

    call: Call
    language: str


@dataclass(frozen=True, slots=True)
class StopPreparing:
    """End the preparation that is under way, wherever it is (its PreparationEnded follows)."""


@dataclass(frozen=True, slots=True)
class SetTimer:
    """After ``seconds`` → TimerFired(key). Setting it again replaces it."""

    key: str
    seconds: float


@dataclass(frozen=True, slots=True)
class ClearTimer:
    """Forget a timer."""

    key: str


@dataclass(frozen=True, slots=True)
class Log:
    """Add a line to a backup's log."""

    backup_id: int
    text: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Send a signal."""

    signal: Signal


Effect = (
    EditConfig
    | RecordBackup
    | RecordMailed
    | RecordDisk
    | RecordPlug
    | RecordHold
    | RecordJob
    | RecordSnapshots
    | RunTask
    | StopTask
    | OpenDisk
    | RunScript
    | StopScript
    | ProbeDisk
    | SyncDisk
    | CloseDisk
    | CheckRelease
    | SpinDown
    | Inhibit
    | KeepFromAutomounters
    | SetMail
    | Mail
    | CallOut
    | StopPreparing
    | SetTimer
    | ClearTimer
    | Log
    | Tell
)
