"""One disk, as the stories about it see it."""

from collections.abc import Iterable
from dataclasses import dataclass

from tetrasback.notifier import words
from tetrasback.wire import BackupView, DiskView, JobView


@dataclass(frozen=True, slots=True)
class Remark:
    """What came of a button that was pressed, while the note is about the same OCCASION.
    FINAL: it needs no second press."""

    occasion: str
    text: str
    final: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """One disk, and all that is known of it.

    ``active``: its backup under way; ``job``: the restore or verification that is; ``last``: what
    has ended last. ``plug`` numbers the
    times that it was plugged in. ``followed``: the end of ``last`` was, or could have been, seen
    coming. ``saved_here``: it was saved by a button. ``away``: the daemon is.
    """

    disk: DiskView
    active: BackupView | None = None
    job: JobView | None = None
    last: BackupView | JobView | None = None
    plug: int = 0
    followed: bool = False
    saved_here: bool = False
    away: bool = False
    remark: Remark | None = None
    taken: Iterable[str] = ()
    """The names of all disks."""
    whole: str = ""
    """The whole disk that it lies on; empty = not known."""

    @property
    def name(self) -> str:
        """What to call it."""
        return words.disk_name(self.disk)

    def here(self, what: str) -> str:
        """An occasion that ends when the disk is unplugged."""
        return f"{what}:{self.disk.uuid}:{self.plug}"
