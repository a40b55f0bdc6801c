"""What a subscriber hears, as values: signals, changes, the daemon's coming and going."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

SIGNALS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "DiskSaved": ("ss", ("uuid", "name")),
    "DiskForgotten": ("s", ("uuid",)),
    "DiskPlugged": ("ss", ("uuid", "device")),
    "DiskUnplugged": ("ss", ("uuid", "device")),
    "DiskRejected": ("sss", ("uuid", "device", "reason")),
    "BackupStarted": ("oss", ("backup", "uuid", "name")),
    "BackupProgress": ("ods", ("backup", "fraction", "step")),
    "BackupFinished": ("osss", ("backup", "uuid", "verdict", "message")),
    "SafeToUnplug": ("ss", ("uuid", "device")),
    "JobStarted": ("oss", ("job", "kind", "uuid")),
    "JobProgress": ("ods", ("job", "fraction", "step")),
    "JobFinished": ("ossss", ("job", "kind", "uuid", "verdict", "message")),
}
"""Signal → its signature and the names of its arguments, as in the interface's XML."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One of `SIGNALS`, with its arguments by name."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Changed:
    """Properties of an object have new values."""

    path: str
    interface: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Added:
    """An object has come: its interfaces with their properties."""

    path: str
    interfaces: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Removed:
    """An object has gone, or has lost these interfaces."""

    path: str
    interfaces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DaemonGone:
    """Nobody owns the daemon's name any more."""


@dataclass(frozen=True, slots=True)
class DaemonBack:
    """The daemon owns its name again: what was known of it must be read anew."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The reader was too slow and COUNT events were dropped: read everything anew."""

    count: int = 0


Event = Signal | Changed | Added | Removed | DaemonGone | DaemonBack | Lost
