"""What people are told who look at no screen: by mail, or at the server's console.

Each holds all that can be said about it, so that whoever writes the words need ask nobody.
"""

from dataclasses import dataclass

from tetrasback.core.state import Backup, Disk, DiskJob


@dataclass(frozen=True, slots=True)
class BackupEnded:
    """A backup has its verdict."""

    backup: Backup
    disk: Disk | None = None
    """What was known of its disk then; None: nothing any more."""


@dataclass(frozen=True, slots=True)
class JobEnded:
    """A restore or a verification has its verdict."""

    job: DiskJob
    disk: Disk | None = None
    """As of BackupEnded."""


@dataclass(frozen=True, slots=True)
class DiskRefused:
    """A saved disk was plugged in and cannot be used."""

    disk: Disk
    node: str
    """The device that is refused."""
    reason: str
    """A word of `devices.Reason`."""
    at: int
    mark: str
    """What tells this refusal from any other (`Disk.refused`)."""


@dataclass(frozen=True, slots=True)
class DisksStale:
    """Disks without a good backup for too long."""

    disks: tuple[Disk, ...]
    """Those that have waited longest first."""
    none_since: int
    """When the last good one on any disk was, where that is too long ago as well; else 0."""
    at: int


@dataclass(frozen=True, slots=True)
class DiskSafe:
    """A disk may be taken away."""

    uuid: str
    name: str


Letter = BackupEnded | JobEnded | DiskRefused | DisksStale
"""What is mailed."""

Call = BackupEnded | DiskRefused | DiskSafe
"""What is called out at the console."""
