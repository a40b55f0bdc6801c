"""One step under way: the state so far and the effects it has called for.

`machine.step` makes a Turn, lets the rules of `disks`, `backups` and `release` work on it, and
hands out what has become of it. Nothing outside a step ever holds one, so the core stays a
function.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from tetrasback.config.model import Config
from tetrasback.core.effects import Effect, Tell
from tetrasback.core.signals import Signal
from tetrasback.core.state import Backup, Disk, DiskJob, DiskState, State


@dataclass(slots=True)
class Turn:
    """The state so far, what is in force, the time (µs) and the effects in their order."""

    state: State
    config: Config
    now: int
    effects: list[Effect] = field(default_factory=list)

    def do(self, *effects: Effect) -> None:
        """Call for effects."""
        self.effects.extend(effects)

    def tell(self, signal: Signal) -> None:
        """Call for a signal."""
        self.effects.append(Tell(signal))

    def set(self, **changes: Any) -> None:
        """Change fields of the state."""
        self.state = replace(self.state, **changes)

    def disk(self, disk: Disk, **changes: Any) -> Disk:
        """Put DISK, changed, into the state; a new state of the disk is dated."""
        new = replace(disk, **changes) if changes else disk
        old = self.state.disks.get(disk.uuid)
        if old is None or (old.state, old.reason) != (new.state, new.reason):
            new = replace(new, since=self.now)
        if new.state not in (DiskState.HELD, DiskState.REJECTED) and new.reason:
            new = replace(new, reason="")
        self.state = self.state.with_disk(new)
        return new

    def without(self, uuid: str) -> None:
        """Take a disk, and its backups that are over, out of the state."""
        self.state = replace(
            self.state.without_disk(uuid),
            backups={
                key: item
                for key, item in self.state.backups.items()
                if item.uuid != uuid or not item.over
            },
            jobs={
                key: item
                for key, item in self.state.jobs.items()
                if item.task.uuid != uuid or not item.over
            },
        )

    def backup(self, backup: Backup, **changes: Any) -> Backup:
        """Put BACKUP, changed, into the state."""
        new = replace(backup, **changes) if changes else backup
        self.state = self.state.with_backup(new)
        return new

    def job(self, job: DiskJob, **changes: Any) -> DiskJob:
        """Put JOB, changed, into the state."""
        new = replace(job, **changes) if changes else job
        self.state = replace(self.state, jobs={**self.state.jobs, job.id: new})
        return new

    def on_whole_disk(self, whole: str) -> list[Disk]:
        """The disks (file systems) that lie on one whole disk."""
        return [
            disk
            for disk in self.state.disks.values()
            if any(device.whole == whole for device in disk.devices)
        ]


Rule = Callable[[Turn, Any], None]
"""What one kind of event does to a turn."""
