"""When a disk may be taken away.

A backup that has ended puts its disk into ``releasing``; `Unplug` of a disk without one puts it
into ``letting_go``. Both wait until nothing of ours is queued or running on any partition of the
whole disk, and then for one exclusive open of it.
"""

from typing import Final

from tetrasback.core import telling
from tetrasback.core.devices import Reason
from tetrasback.core.effects import CheckRelease, ClearTimer, SetTimer, SpinDown
from tetrasback.core.events import GONE
from tetrasback.core.signals import SafeToUnplug
from tetrasback.core.state import Disk, DiskState
from tetrasback.core.turn import Turn

RETRY_SECONDS: Final = 15.0
"""How often a held disk is looked at again."""


def wait_for(turn: Turn, disk: Disk) -> None:
    """DISK's backup has ended: it is safe as soon as nobody holds it."""
    turn.set(releasing=turn.state.releasing | {disk.uuid})
    check(turn, disk)


def let_go(turn: Turn, disk: Disk) -> None:
    """DISK is to be taken away though no backup has ended on it."""
    turn.set(letting_go=turn.state.letting_go | {disk.uuid})
    check(turn, disk)


def check(turn: Turn, disk: Disk) -> None:
    """Look whether the whole disk is free, unless a partition of it is still to be backed up."""
    device = disk.device
    if device is None or device.whole in turn.state.checking:
        return
    neighbours = turn.on_whole_disk(device.whole)
    if any(turn.state.in_use(other.uuid) for other in neighbours):
        for other in neighbours:
            if other.uuid in turn.state.releasing and not turn.state.in_use(other.uuid):
                turn.disk(other, state=DiskState.HELD, reason=Reason.OTHER_PARTITION)
        return
    turn.set(checking=turn.state.checking | {device.whole})
    turn.do(ClearTimer(_timer(device.whole)), CheckRelease(disk.uuid, device))


def checked(turn: Turn, whole: str, reason: str) -> None:
    """The exclusive open of WHOLE has succeeded (reason '') or not."""
    turn.set(checking=turn.state.checking - {whole})
    waiting = [
        disk
        for disk in turn.on_whole_disk(whole)
        if disk.uuid in turn.state.releasing | turn.state.letting_go
    ]
    if any(turn.state.in_use(disk.uuid) for disk in turn.on_whole_disk(whole)):
        return  # another backup, or a job, was asked for meanwhile; its end asks again
    held = False
    for disk in waiting:
        device = disk.device
        if disk.uuid in turn.state.releasing:
            if reason == GONE:
                continue
            if reason:
                turn.disk(disk, state=DiskState.HELD, reason=reason)
                held = True
                continue
            turn.disk(disk, state=DiskState.SAFE if disk.saved else DiskState.UNKNOWN)
        if not reason and device is not None:
            if disk.uuid not in turn.state.quiet - turn.state.letting_go:
                turn.tell(SafeToUnplug(disk.uuid, device.node))
                telling.safe(turn, disk)
            if turn.config.backup.spin_down:
                turn.do(SpinDown(device))
    uuids = {disk.uuid for disk in waiting}
    turn.set(letting_go=turn.state.letting_go - uuids, quiet=turn.state.quiet - uuids)
    if not reason:
        turn.set(releasing=turn.state.releasing - uuids)
    if held:
        turn.do(SetTimer(_timer(whole), RETRY_SECONDS))


def recheck(turn: Turn, whole: str) -> None:
    """Something has changed on WHOLE, or a held disk's timer is up: look for those that wait."""
    for disk in turn.on_whole_disk(whole):
        if disk.uuid in turn.state.releasing | turn.state.letting_go:
            check(turn, disk)


def forget(turn: Turn, uuid: str) -> None:
    """The disk has left, or is used again: nothing waits for its release."""
    state = turn.state
    turn.set(
        releasing=state.releasing - {uuid},
        letting_go=state.letting_go - {uuid},
        quiet=state.quiet - {uuid},
    )


def _timer(whole: str) -> str:
    return f"release:{whole}"
