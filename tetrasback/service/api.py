"""What the service needs from its program: somebody to obey callers, an Authority to ask."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from tetrasback.wire import (
    BackupView,
    DiskView,
    HistoryEntry,
    JobEntry,
    JobView,
    ManagerView,
    SnapshotView,
)

Call = Callable[[Any, float], Awaitable[Any]]
"""`call(message, limit)`: send a method call, wait at most LIMIT seconds for the answer.

Raises TimeoutError, or ConnectionError where the bus is lost. A message that expects no reply is
queued and None comes back. The messages are the D-Bus library's, which this file need not know.
"""


class Checks(Protocol):
    """What every program that is served looks at before a caller is authorised."""

    def check(self, method: str, args: Sequence[object]) -> Mapping[str, str]:
        """Raise InvalidArgs where the form of an argument of METHOD (as on the bus) is wrong.

        Looks at nothing but the form. Comes back with what polkit's question should show.
        """
        ...


class Retrieval(Protocol):
    """What is done with backups that are made; as `Control` otherwise."""

    async def list_snapshots(self, uuid: str) -> Sequence[SnapshotView]:
        """The complete backups on a disk, newest first; of one that is absent, as last seen."""
        ...

    async def pin_snapshot(self, uuid: str, snapshot: str, pinned: bool) -> None:
        """Keep a backup whatever the rules say, or not."""
        ...

    async def browse(self, uuid: str, snapshot: str, user: int) -> str:
        """Show a backup to USER on the system, for a while; its path."""
        ...

    async def end_browse(self, uuid: str) -> None:
        """Show it no longer."""
        ...

    async def verify(self, uuid: str, snapshot: str, percent: int) -> int:
        """Compare a backup with its manifest; the job's id."""
        ...

    async def restore(
        self,
        uuid: str,
        snapshot: str,
        paths: Sequence[str],
        destination: str,
        options: Mapping[str, Any],
    ) -> int:
        """Put back what a backup holds; the job's id."""
        ...

    async def cancel_job(self, job_id: int) -> None:
        """End a job."""
        ...

    async def jobs(self, uuid: str, before: int, limit: int) -> Sequence[JobEntry]:
        """Jobs, newest first, as `Control.history`."""
        ...

    async def job_log(self, job_id: int) -> str:
        """The end of a job's log."""
        ...


class Control(Checks, Protocol):
    """The daemon as its callers see it, free of any bus.

    Every method raises a TetrasBackError with one line for a person where it cannot do what it is
    asked; the arguments have passed `check`, the caller has been authorised.
    """

    def manager(self) -> ManagerView:
        """The root object's properties."""
        ...

    def disks(self) -> Mapping[str, DiskView]:
        """Every saved disk and every plugged candidate, by UUID."""
        ...

    def backups(self) -> Mapping[int, BackupView]:
        """Every queued and running backup, and the newest finished one of each disk, by id."""
        ...

    def disk(self, uuid: str) -> DiskView | None:
        """One disk."""
        ...

    def backup(self, backup_id: int) -> BackupView | None:
        """One backup."""
        ...

    def jobs(self) -> Mapping[int, JobView]:
        """The job under way, and the newest finished one of each disk, by id."""
        ...

    @property
    def retrieval(self) -> "Retrieval":
        """What is done with backups that are made."""
        ...

    async def save_disk(self, uuid: str, name: str) -> str:
        """Know a disk by a name; its normalised UUID."""
        ...

    async def forget_disk(self, uuid: str) -> None:
        """Know it no more."""
        ...

    async def plug(self, device: str) -> str:
        """Treat a device as if it had just been plugged; the UUID of its file system."""
        ...

    async def unplug(self, device: str) -> None:
        """Let go of a device; returns when it may be pulled out."""
        ...

    async def run_backup(self, uuid: str) -> int:
        """Queue a backup; its id."""
        ...

    async def cancel_backup(self, uuid: str) -> None:
        """End the queued or running backup of a disk."""
        ...

    async def hold(self, uuid: str, minutes: int) -> None:
        """For a while a plug of a disk (empty = of any) starts no backup; 0 minutes = 60."""
        ...

    async def unhold(self, uuid: str) -> None:
        """Plugs of a disk (empty = of every disk) start backups again."""
        ...

    async def prepare_disk(self, device: str, name: str, filesystem: str, erase: bool) -> str:
        """Give a whole disk a partition with a file system and save it; the file system's UUID."""
        ...

    async def set_script_enabled(self, script: str, enabled: bool) -> None:
        """Have a script run with every backup, or not."""
        ...

    async def reload(self) -> None:
        """Read the configuration again."""
        ...

    async def import_configuration(self, text: str) -> Sequence[str]:
        """Take over the original's configuration; remarks on what could not be."""
        ...

    async def history(self, uuid: str, before: int, limit: int) -> Sequence[HistoryEntry]:
        """Backups, newest first; empty uuid = all; only ids below BEFORE, 0 = from the newest."""
        ...

    async def log(self, backup_id: int) -> str:
        """The end of a backup's log."""
        ...


class Authority(Protocol):
    """Who says whether a caller may."""

    async def check(
        self,
        call: Call,
        sender: str,
        uid: int,
        action: str,
        interactive: bool,
        details: Mapping[str, str],
    ) -> None:
        """Raise AccessDenied (or AuthorizationRequired) unless SENDER may do ACTION.

        CALL reaches the bus that SENDER, a unique name, is on; UID is the user the bus says it is.
        INTERACTIVE: the caller allows a password to be asked for. DETAILS are shown with that
        question. A cancelled check takes its question back.
        """
        ...
