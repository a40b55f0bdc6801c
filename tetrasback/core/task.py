"""What may be done with the backups on a disk: looked at, pinned, verified, restored from."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a task does. Clients translate those that are jobs on the bus."""

    LIST = "list"
    PIN = "pin"
    VERIFY = "verify"
    RESTORE = "restore"
    BROWSE = "browse"

    @property
    def is_job(self) -> bool:
        """Whether it is shown, recorded and told of; the others take a moment."""
        return self in (Kind.VERIFY, Kind.RESTORE)

    @property
    def is_brief(self) -> bool:
        """Whether it is over in a moment."""
        return self in (Kind.LIST, Kind.PIN)

    @property
    def writes(self) -> bool:
        """Whether it changes something on the disk."""
        return self is Kind.PIN


class JobCode(StrEnum):
    """Why a job has its verdict, besides the words of `state.Code`. Clients translate them."""

    NO_SNAPSHOT = "no-snapshot"
    NO_MANIFEST = "no-manifest"
    CONTENT_DAMAGED = "content-damaged"
    RESTORE_WARNING = "restore-warning"
    UNPROVED = "unproved"
    DESTINATION = "destination"
    FAILED = "job-failed"


class Proof(StrEnum):
    """What a backup proves about itself: the words of `tetrasback.snapshot.mark`, which says more.
    Clients translate them."""

    SEALED = "sealed"
    UNSEALED = "unsealed"
    OTHER_KEY = "other-key"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One complete backup on a disk. ``started`` in µs since the epoch; 0 = not known."""

    snapshot: str
    """The name of its folder."""
    started: int = 0
    host: str = ""
    ours: bool = False
    """Made by this server."""
    original: bool = False
    """Made by the program that this one takes the place of."""
    pinned: bool = False
    files: int = 0
    bytes: int = 0
    manifest: bool = False
    proof: str = ""
    """A word of Proof; empty = not known, of what was last seen before there were any."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done with the disk of this UUID."""

    kind: Kind
    uuid: str
    snapshot: str = ""
    """The folder; empty = the newest."""
    user: int = 0
    """Who is to walk it where it is shown; 0 = root."""
    pinned: bool = False
    percent: int = 100
    """How much of it is verified."""
    paths: tuple[str, ...] = ()
    """What is restored, as on the server (or names of databases); none = everything."""
    destination: str = ""
    """The directory to restore to."""
    in_place: bool = False
    """Restore to where it came from, instead."""
    unproved: bool = False
    """Replace what is there also by what is not proved to be this server's."""
    database: str = ""
    """Restore dumps into this server (mysql, postgresql), instead."""

    @property
    def replaces(self) -> bool:
        """Whether it puts something in the place of what the server has."""
        return self.in_place or bool(self.database)


def chosen(snapshots: Sequence[Snapshot], folder: str) -> Snapshot | None:
    """The one in FOLDER, '' = the newest, of SNAPSHOTS, newest first.

    Whoever had the disk can make one look newer than all, so one that proves what it is goes
    before one that does not, and one that was changed comes last of all.
    """
    if folder:
        return next((item for item in snapshots if item.snapshot == folder), None)

    def trust(item: Snapshot) -> int:
        return (item.proof == Proof.SEALED) - (item.proof == Proof.BROKEN)

    return max(snapshots, key=trust, default=None)  # of equals, the first


def no_snapshot(folder: str) -> tuple[str, str]:
    """Code and message where there is no such one."""
    return JobCode.NO_SNAPSHOT, (
        "there is no such backup on this disk: see tetras-backctl snapshots"
        if folder
        else "there is no complete backup on this disk"
    )
