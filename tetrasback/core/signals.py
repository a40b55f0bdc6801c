"""What the core tells the world: one class for each signal of `org.tetraslibre.Back`.

A field's position is the argument's position; the service turns ids into object paths.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DiskSaved:
    """A disk is known by this name from now on."""

    uuid: str
    name: str


@dataclass(frozen=True, slots=True)
class DiskForgotten:
    """A disk is known no more."""

    uuid: str


@dataclass(frozen=True, slots=True)
class DiskPlugged:
    """A candidate has appeared."""

    uuid: str
    device: str


@dataclass(frozen=True, slots=True)
class DiskUnplugged:
    """A candidate has left."""

    uuid: str
    device: str


@dataclass(frozen=True, slots=True)
class DiskRejected:
    """A saved disk is here but cannot be used; ``reason`` is a word of `devices.Reason`."""

    uuid: str
    device: str
    reason: str


@dataclass(frozen=True, slots=True)
class BackupStarted:
    """A backup has left the queue."""

    backup_id: int
    uuid: str
    name: str


@dataclass(frozen=True, slots=True)
class BackupProgress:
    """How far it is; ``fraction`` -1 = unknown."""

    backup_id: int
    fraction: float
    step: str


@dataclass(frozen=True, slots=True)
class BackupFinished:
    """It has its verdict."""

    backup_id: int
    uuid: str
    verdict: str
    message: str


@dataclass(frozen=True, slots=True)
class SafeToUnplug:
    """Nobody holds any part of the disk: it may be taken away."""

    uuid: str
    device: str


@dataclass(frozen=True, slots=True)
class JobStarted:
    """Something is done with the backups on a disk; ``kind`` is a word of `task.Kind`."""

    job_id: int
    kind: str
    uuid: str


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far it is; ``fraction`` -1 = unknown."""

    job_id: int
    fraction: float
    step: str


@dataclass(frozen=True, slots=True)
class JobFinished:
    """It has its verdict."""

    job_id: int
    kind: str
    uuid: str
    verdict: str
    message: str


Signal = (
    DiskSaved
    | DiskForgotten
    | DiskPlugged
    | DiskUnplugged
    | DiskRejected
    | BackupStarted
    | BackupProgress
    | BackupFinished
    | SafeToUnplug
    | JobStarted
    | JobProgress
    | JobFinished
)
