"""Holds: for a while, plugging a disk in starts no backup, so that it can be restored from.

::

    HoldRequested ─► held; what a plug had queued is withdrawn
    a plug meanwhile ─► `keep_back`: nothing begins, the plug stays unserved
    UnholdRequested, or the time is up ─► what is still plugged and unserved is queued

A hold is on one disk or on all of them (`ALL`). A backup that somebody asks for runs all the same.
"""

from typing import Final

from tetrasback.core import backups, events, queue, release
from tetrasback.core.devices import objection
from tetrasback.core.effects import ClearTimer, RecordHold, RecordPlug, SetTimer
from tetrasback.core.state import (
    MAX_ATTEMPTS,
    Code,
    Disk,
    DiskState,
    Finding,
    State,
    Trigger,
    Verdict,
)
from tetrasback.core.turn import Turn
from tetrasback.errors import Busy, UnknownDisk

ALL: Final = ""
"""In place of a UUID: every disk."""
LONGEST: Final = 7 * 24 * 60 * 60
"""Seconds."""
TIMER: Final = "hold"


def is_held(state: State, uuid: str) -> bool:
    """Whether a plug of this disk starts no backup now."""
    return uuid in state.holds or ALL in state.holds


def request(turn: Turn, event: events.HoldRequested) -> None:
    """Hold a disk, or all; one that is held already is held until the new time."""
    if event.uuid != ALL and event.uuid not in turn.state.disks:
        raise UnknownDisk("no disk with this UUID is saved or plugged: see tetras-backctl disks")
    seconds = min(event.seconds, LONGEST)
    _hold(turn, event.uuid, turn.now + seconds * 1_000_000)
    for backup_id in turn.state.queue:
        backup = turn.state.backups[backup_id]
        if backup.trigger is Trigger.PLUG and is_held(turn.state, backup.uuid):
            message = "held before it had begun: it runs once the disk is released"
            backups.finish(turn, backup, Finding(Verdict.CANCELLED, Code.HELD, message))


def end_request(turn: Turn, event: events.UnholdRequested) -> None:
    """Release a disk; `ALL` ends every hold. What is not held stays as it is."""
    if event.uuid != ALL and event.uuid not in turn.state.disks:
        raise UnknownDisk("no disk with this UUID is saved or plugged: see tetras-backctl disks")
    if event.uuid != ALL and ALL in turn.state.holds:
        raise Busy("all disks are held, not this one alone: release all, tetras-backctl release")
    for uuid in list(turn.state.holds) if event.uuid == ALL else [event.uuid]:
        drop(turn, uuid)
    _serve(turn)


def remembered(turn: Turn, holds: tuple[tuple[str, int], ...]) -> None:
    """What the last life of the daemon was asked to hold, as far as its time is not up."""
    for uuid, until in holds:
        if until > turn.now and (uuid == ALL or uuid in turn.state.disks):
            # A clock that was set back must not make a hold longer than any may be.
            _hold(turn, uuid, min(until, turn.now + LONGEST * 1_000_000))
        else:
            turn.do(RecordHold(uuid, 0))


def time_is_up(turn: Turn, uuid: str) -> None:
    """The timer of a hold has fired."""
    if uuid in turn.state.holds:
        drop(turn, uuid)
        _serve(turn)


def drop(turn: Turn, uuid: str) -> None:
    """This hold is over; nothing is begun yet."""
    if uuid in turn.state.holds:
        left = {key: until for key, until in turn.state.holds.items() if key != uuid}
        turn.set(holds=left)
        turn.do(RecordHold(uuid, 0), ClearTimer(f"{TIMER}:{uuid}"))


def keep_back(turn: Turn, disk: Disk) -> None:
    """DISK has been plugged in while it is held: its plug waits."""
    release.forget(turn, disk.uuid)
    plug = queue.unserved_plug(turn.state, disk)
    turn.disk(disk, state=DiskState.PLUGGED, plug=plug)
    turn.do(RecordPlug(disk.uuid, plug))


def _hold(turn: Turn, uuid: str, until: int) -> None:
    turn.set(holds={**turn.state.holds, uuid: until})
    seconds = (until - turn.now) / 1_000_000
    turn.do(RecordHold(uuid, until), SetTimer(f"{TIMER}:{uuid}", seconds))


def _serve(turn: Turn) -> None:
    """Queue every disk that is here, is not held, and whose plug has had no backup."""
    for disk in list(turn.state.disks.values()):
        if _waits(turn.state, disk):
            queue.enqueue(turn, disk, Trigger.PLUG)


def _waits(state: State, disk: Disk) -> bool:
    device, plug = disk.device, disk.plug
    return (
        disk.saved
        and device is not None
        and len(disk.devices) == 1
        and objection(device) is None
        and disk.state is not DiskState.REJECTED
        and not state.stopping
        and not is_held(state, disk.uuid)
        and state.active_backup(disk.uuid) is None
        and plug is not None
        and (plug.boot_id, plug.diskseq) == (state.boot_id, device.diskseq)
        and not plug.served
        and plug.attempts < MAX_ATTEMPTS
    )
