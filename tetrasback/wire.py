"""What the bus carries, as dataclasses, and the way to D-Bus values and back.

The service publishes these views and the clients rebuild them; neither sees the other's insides.
A field's D-Bus name and signature stand in its metadata, so that each is written once. Values are
plain Python (``str``, ``int``, ``float``, ``bool``, lists); wrapping them into a library's variants
is for `service/` and `client/`, which alone know that library.

All times are µs since the epoch, 0 = never; sizes are bytes.
"""

from collections.abc import Mapping
from dataclasses import astuple, dataclass, field, fields, replace
from typing import Any, ClassVar, TypeVar


def _member(name: str, signature: str, default: Any) -> Any:
    return field(default=default, metadata={"name": name, "signature": signature})


@dataclass(frozen=True, slots=True)
class DiskView:
    """One disk, as `org.tetraslibre.Back.Disk` shows it."""

    uuid: str = _member("UUID", "s", "")
    name: str = _member("Name", "s", "")
    saved: bool = _member("Saved", "b", False)
    device: str = _member("Device", "s", "")
    label: str = _member("Label", "s", "")
    model: str = _member("Model", "s", "")
    serial: str = _member("Serial", "s", "")
    filesystem_type: str = _member("FilesystemType", "s", "")
    size: int = _member("Size", "t", 0)
    free: int = _member("Free", "t", 0)
    state: str = _member("State", "s", "absent")
    reason: str = _member("Reason", "s", "")
    last_seen: int = _member("LastSeen", "t", 0)
    last_success: int = _member("LastSuccess", "t", 0)
    last_verdict: str = _member("LastVerdict", "s", "")
    browse_until: int = _member("BrowseUntil", "t", 0)


@dataclass(frozen=True, slots=True)
class BackupView:
    """One backup, as `org.tetraslibre.Back.Backup` shows it."""

    id: int = _member("Id", "t", 0)
    uuid: str = _member("UUID", "s", "")
    trigger: str = _member("Trigger", "s", "plug")
    state: str = _member("State", "s", "queued")
    verdict: str = _member("Verdict", "s", "")
    code: str = _member("Code", "s", "")
    step: str = _member("Step", "s", "")
    fraction: float = _member("Fraction", "d", -1.0)
    bytes_done: int = _member("BytesDone", "t", 0)
    bytes_total: int = _member("BytesTotal", "t", 0)
    files_done: int = _member("FilesDone", "t", 0)
    warnings: int = _member("Warnings", "u", 0)
    started_at: int = _member("StartedAt", "t", 0)
    finished_at: int = _member("FinishedAt", "t", 0)
    message: str = _member("Message", "s", "")


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One row of GetHistory."""

    id: int = _member("Id", "t", 0)
    uuid: str = _member("UUID", "s", "")
    name: str = _member("Name", "s", "")
    trigger: str = _member("Trigger", "s", "plug")
    verdict: str = _member("Verdict", "s", "")
    code: str = _member("Code", "s", "")
    started_at: int = _member("StartedAt", "t", 0)
    finished_at: int = _member("FinishedAt", "t", 0)
    bytes: int = _member("Bytes", "t", 0)
    files: int = _member("Files", "t", 0)
    warnings: int = _member("Warnings", "u", 0)
    message: str = _member("Message", "s", "")
    snapshot: str = _member("Snapshot", "s", "")


@dataclass(frozen=True, slots=True)
class JobView:
    """One restore or verification, as `org.tetraslibre.Back.Job` shows it."""

    id: int = _member("Id", "t", 0)
    kind: str = _member("Kind", "s", "")
    uuid: str = _member("UUID", "s", "")
    snapshot: str = _member("Snapshot", "s", "")
    state: str = _member("State", "s", "queued")
    verdict: str = _member("Verdict", "s", "")
    code: str = _member("Code", "s", "")
    step: str = _member("Step", "s", "")
    fraction: float = _member("Fraction", "d", -1.0)
    bytes_done: int = _member("BytesDone", "t", 0)
    bytes_total: int = _member("BytesTotal", "t", 0)
    files_done: int = _member("FilesDone", "t", 0)
    warnings: int = _member("Warnings", "u", 0)
    started_at: int = _member("StartedAt", "t", 0)
    finished_at: int = _member("FinishedAt", "t", 0)
    message: str = _member("Message", "s", "")


@dataclass(frozen=True, slots=True)
class JobEntry:
    """One row of GetJobs."""

    id: int = _member("Id", "t", 0)
    kind: str = _member("Kind", "s", "")
    uuid: str = _member("UUID", "s", "")
    name: str = _member("Name", "s", "")
    snapshot: str = _member("Snapshot", "s", "")
    verdict: str = _member("Verdict", "s", "")
    code: str = _member("Code", "s", "")
    started_at: int = _member("StartedAt", "t", 0)
    finished_at: int = _member("FinishedAt", "t", 0)
    bytes: int = _member("Bytes", "t", 0)
    files: int = _member("Files", "t", 0)
    warnings: int = _member("Warnings", "u", 0)
    message: str = _member("Message", "s", "")


@dataclass(frozen=True, slots=True)
class SnapshotView:
    """One complete backup on a disk: a row of ListSnapshots.

    ``snapshot``: its folder. ``ours``: this server made it. ``original``: in the form of the
    original program. ``pinned``: never deleted. ``manifest``: it can be verified. ``proof``: what
    it proves about itself, ``sealed``, ``unsealed``, ``other-key`` or ``broken``; empty = not
    known. Numbers that are not known are 0.
    """

    snapshot: str = _member("Snapshot", "s", "")
    started_at: int = _member("StartedAt", "t", 0)
    host: str = _member("Host", "s", "")
    ours: bool = _member("Ours", "b", False)
    original: bool = _member("Original", "b", False)
    pinned: bool = _member("Pinned", "b", False)
    bytes: int = _member("Bytes", "t", 0)
    files: int = _member("Files", "t", 0)
    manifest: bool = _member("Manifest", "b", False)
    proof: str = _member("Proof", "s", "")


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing a person should know now.

    ``code`` is a word from a fixed list that clients translate: ``configuration``, ``history``,
    ``failed``, ``interrupted``, ``rejected``, ``held``, ``units-stopped``, ``stale``,
    ``never-backed-up``, ``warning``, ``unknown-disk``, ``safe-to-unplug``.
    ``uuid`` is empty where it is not about one disk.
    """

    code: str = _member("Code", "s", "")
    uuid: str = _member("UUID", "s", "")
    since: int = _member("Since", "t", 0)
    message: str = _member("Message", "s", "")


@dataclass(frozen=True, slots=True)
class ContentView:
    """What lies on a partition of a disk that may be prepared, or right on the disk."""

    device: str = _member("Device", "s", "")
    size: int = _member("Size", "t", 0)
    filesystem_type: str = _member("FilesystemType", "s", "")
    label: str = _member("Label", "s", "")
    uuid: str = _member("UUID", "s", "")
    mount_points: tuple[str, ...] = _member("MountPoints", "as", ())
    used_by: tuple[str, ...] = _member("UsedBy", "as", ())


@dataclass(frozen=True, slots=True)
class PreparableView:
    """A whole disk that may be prepared for backups, and what is on it now.

    ``usable``: something on it can take backups as it is. ``disk_sequence``: the kernel's number
    for this appearance of the disk. ``step``: what is being done to it, empty = nothing.
    """

    device: str = _member("Device", "s", "")
    disk_sequence: int = _member("DiskSequence", "t", 0)
    model: str = _member("Model", "s", "")
    serial: str = _member("Serial", "s", "")
    size: int = _member("Size", "t", 0)
    partition_table: str = _member("PartitionTable", "s", "")
    contents: tuple[ContentView, ...] = _member("Contents", "aa{sv}", ())
    usable: bool = _member("Usable", "b", False)
    step: str = _member("Step", "s", "")


@dataclass(frozen=True, slots=True)
class ScriptView:
    """One backup script: a struct ``(sbs)`` of the property Scripts."""

    name: str
    enabled: bool
    path: str
    SIGNATURE: ClassVar[str] = "(sbs)"


@dataclass(frozen=True, slots=True)
class HoldView:
    """One hold: a struct ``(st)`` of the property Holds. An empty UUID means every disk."""

    uuid: str
    until: int
    SIGNATURE: ClassVar[str] = "(st)"


@dataclass(frozen=True, slots=True)
class ManagerView:
    """The properties of the root object."""

    version: str = _member("Version", "s", "")
    busy: bool = _member("Busy", "b", False)
    scripts: tuple[ScriptView, ...] = _member("Scripts", "a(sbs)", ())
    configuration_error: str = _member("ConfigurationError", "s", "")
    alerts: tuple[Alert, ...] = _member("Alerts", "aa{sv}", ())
    preparable: tuple[PreparableView, ...] = _member("Preparable", "aa{sv}", ())
    holds: tuple[HoldView, ...] = _member("Holds", "a(st)", ())


@dataclass(frozen=True, slots=True)
class ClientView:
    """One FIFO of the relay: a struct ``(ss)`` of its property Clients."""

    path: str
    format: str
    SIGNATURE: ClassVar[str] = "(ss)"


@dataclass(frozen=True, slots=True)
class RelayView:
    """The properties of the relay's object."""

    clients: tuple[ClientView, ...] = _member("Clients", "a(ss)", ())


View = TypeVar(
    "View",
    DiskView,
    BackupView,
    HistoryEntry,
    JobView,
    JobEntry,
    SnapshotView,
    Alert,
    ContentView,
    PreparableView,
)


def signature_of(view: type[Any]) -> dict[str, str]:
    """D-Bus member name → signature, of a view class."""
    return {item.metadata["name"]: item.metadata["signature"] for item in fields(view)}


def to_wire(view: Any) -> dict[str, tuple[str, Any]]:
    """D-Bus member name → (signature, value). Nested views become such dictionaries themselves."""
    return {
        item.metadata["name"]: (
            item.metadata["signature"],
            _plain(getattr(view, item.name)),
        )
        for item in fields(view)
    }


def _plain(value: Any) -> Any:
    if not isinstance(value, tuple):
        return value
    return [_plain_item(item) for item in value]


def _plain_item(item: Any) -> Any:
    if hasattr(item, "SIGNATURE"):
        return list(astuple(item))
    return item if isinstance(item, str) else to_wire(item)


def from_wire(cls: type[View], values: Mapping[str, Any]) -> View:
    """The view CLS out of unwrapped values by D-Bus name.

    Members that are missing or unknown are passed over, so that a client goes on working beside a
    newer or older daemon.
    """
    return cls(
        **{
            item.name: values[item.metadata["name"]]
            for item in fields(cls)
            if item.metadata["name"] in values
        }
    )


def manager_from_wire(values: Mapping[str, Any]) -> ManagerView:
    """The root object's properties out of unwrapped values by D-Bus name."""
    return ManagerView(
        version=values.get("Version", ""),
        busy=values.get("Busy", False),
        scripts=tuple(ScriptView(*item) for item in values.get("Scripts", ())),
        configuration_error=values.get("ConfigurationError", ""),
        alerts=tuple(from_wire(Alert, item) for item in values.get("Alerts", ())),
        preparable=tuple(_preparable(item) for item in values.get("Preparable", ())),
        holds=tuple(HoldView(*item) for item in values.get("Holds", ())),
    )


def _preparable(values: Mapping[str, Any]) -> PreparableView:
    view = from_wire(PreparableView, values)
    contents = tuple(
        replace(item, mount_points=tuple(item.mount_points), used_by=tuple(item.used_by))
        for item in (from_wire(ContentView, nested) for nested in values.get("Contents", ()))
    )
    return replace(view, contents=contents)
