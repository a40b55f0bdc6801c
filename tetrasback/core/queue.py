"""Who is backed up next: first in, first out, one at a time.

`start_next` is looked at after every step, so that whatever had to be waited for (the system, the
backup before, a check for release) need not know who waits.
"""

from dataclasses import replace

from tetrasback.core import backups, release
from tetrasback.core.effects import Inhibit, Log, RecordBackup, RecordPlug
from tetrasback.core.signals import BackupStarted
from tetrasback.core.state import (
    Backup,
    Code,
    Disk,
    DiskState,
    Finding,
    Phase,
    Plug,
    Script,
    State,
    Trigger,
    Verdict,
)
from tetrasback.core.turn import Turn


def enqueue(turn: Turn, disk: Disk, trigger: Trigger) -> None:
    """Put a backup of DISK (which is here, saved and acceptable) at the end of the queue."""
    device = disk.device
    assert device is not None
    release.forget(turn, disk.uuid)
    plug = unserved_plug(turn.state, disk)
    backup = turn.backup(
        Backup(
            id=turn.state.next_id,
            uuid=disk.uuid,
            name=disk.name,
            trigger=trigger,
            device=device,
            queued_at=turn.now,
            step="" if turn.state.ready else "waiting for the system to start",
        )
    )
    turn.set(next_id=backup.id + 1, queue=(*turn.state.queue, backup.id))
    turn.disk(disk, state=DiskState.QUEUED, plug=plug)
    turn.do(RecordBackup(backup), RecordPlug(disk.uuid, plug))


def unserved_plug(state: State, disk: Disk) -> Plug:
    """The plug of DISK, which is here, for which a backup is to run."""
    device, plug = disk.device, disk.plug
    assert device is not None
    if plug is None or (plug.boot_id, plug.diskseq) != (state.boot_id, device.diskseq):
        return Plug(state.boot_id, device.diskseq)
    return replace(plug, served=False, attempts=0) if plug.served else plug


def start_next(turn: Turn) -> None:
    """Begin the first queued backup, if one may begin."""
    state = turn.state
    if state.running is not None or not state.ready or state.stopping or not state.queue:
        return
    if state.job is not None:
        return  # a disk is read in peace
    backup = state.backups[state.queue[0]]
    device = backup.device
    disk = state.disks.get(backup.uuid)
    if device is None or device.whole in state.checking or disk is None:
        return  # until the check has ended
    scripts = plan(turn, backup.uuid)
    turn.set(queue=state.queue[1:], running=backup.id)
    plug = disk.plug
    if plug is not None:
        plug = replace(plug, served=False, attempts=plug.attempts + 1)
        turn.do(RecordPlug(disk.uuid, plug))
    disk = turn.disk(disk, state=DiskState.RUNNING, plug=plug)
    backup = turn.backup(
        backup,
        name=disk.name,
        phase=Phase.MOUNTING,
        started_at=turn.now,
        step="",
        scripts=scripts,
        count=len(scripts),
        stop=None
        if scripts
        else Finding(
            Verdict.FAILED,
            Code.NO_SCRIPTS,
            "no backup script is enabled: see tetras-backctl scripts, then enable one",
        ),
    )
    if backup.stop:
        backup = turn.backup(backup, findings=(backup.stop,))
    turn.do(
        RecordBackup(backup),
        Inhibit(True),
        Log(backup.id, f"backup {backup.id} of {disk.name} ({device.node}) begins"),
    )
    turn.tell(BackupStarted(backup.id, backup.uuid, backup.name))
    backups.advance(turn, backup)


def plan(turn: Turn, uuid: str) -> tuple[Script, ...]:
    """The scripts that are to run for a disk, as configured now."""
    config = turn.config
    own = config.disks[uuid].scripts if uuid in config.disks else None
    names = config.backup.scripts if own is None else own
    return tuple(
        Script(name, settings.args, settings.takes, settings.interrupt)
        if (settings := config.scripts.get(name))
        else Script(name)
        for name in names
    )
