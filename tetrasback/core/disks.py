"""Disks that come and go, and which of them are ours."""

from dataclasses import replace

from tetrasback.core import backups, holds, jobs, queue, release, telling
from tetrasback.core.devices import BlockDevice, Reason, objection, same_plug
from tetrasback.core.effects import KeepFromAutomounters, RecordDisk, RecordPlug
from tetrasback.core.signals import (
    DiskForgotten,
    DiskPlugged,
    DiskRejected,
    DiskSaved,
    DiskUnplugged,
)
from tetrasback.core.state import (
    MAX_ATTEMPTS,
    Code,
    Disk,
    DiskState,
    Finding,
    Plug,
    Trigger,
    Verdict,
)
from tetrasback.core.turn import Turn


def seen(turn: Turn, device: BlockDevice, asked: bool = False, mounted: bool = False) -> None:
    """A device is here. ASKED: by name, so it counts as plugged just now, whatever was before;
    MOUNTED: it is known that somebody else has it mounted (else opening it will tell)."""
    known = _by_syspath(turn, device.syspath)
    if known is not None:
        disk, old = known
        if same_plug(old, device):
            devices = tuple(
                device if item.syspath == device.syspath else item for item in disk.devices
            )
            disk = turn.disk(disk, devices=devices)
            if asked or (disk.state is DiskState.REJECTED and objection(old) != objection(device)):
                _admit(turn, disk, device, asked, mounted)
            return
        gone(turn, device.syspath)
    if not device.uuid or device.system or _in_preparation(turn, device):
        return
    disk = _arrived(turn, turn.state.disks.get(device.uuid) or Disk(device.uuid), device)
    if disk.saved:
        turn.do(RecordDisk(disk))
        _admit(turn, disk, device, asked, mounted)
    elif not turn.state.in_use(disk.uuid):
        turn.disk(disk, state=DiskState.UNKNOWN)


def _arrived(turn: Turn, disk: Disk, device: BlockDevice) -> Disk:
    """DEVICE is one that DISK is on from now on."""
    turn.tell(DiskPlugged(disk.uuid, device.node))
    return turn.disk(
        disk,
        devices=(*disk.devices, device),
        label=device.label,
        model=device.model or disk.model,
        serial=device.serial or disk.serial,
        fstype=device.fstype,
        size=device.size or disk.size,
        last_seen=turn.now,
    )


def _in_preparation(turn: Turn, device: BlockDevice) -> bool:
    """Whether DEVICE is the partition that is just being made, and not saved yet."""
    preparing = turn.state.preparing
    is_it = preparing is not None and preparing.order.uuid == device.uuid
    return is_it and device.uuid not in turn.state.disks


def _admit(turn: Turn, disk: Disk, device: BlockDevice, asked: bool, mounted: bool = False) -> None:
    """Decide what becomes of a saved disk that is here."""
    if not disk.saved:
        return
    active = turn.state.active_backup(disk.uuid)
    if len(disk.devices) > 1:
        _reject_duplicates(turn, disk, device)
        return
    # While it can be browsed, the mount that is seen is ours.
    elsewhere = mounted and not turn.state.in_use(disk.uuid)
    reason = objection(device) or (Reason.MOUNTED_ELSEWHERE if elsewhere else None)
    if active is not None:
        return
    if reason is not None:
        _reject(turn, disk, device, reason)
        return
    plug = disk.plug
    same = plug is not None and (plug.boot_id, plug.diskseq) == (
        turn.state.boot_id,
        device.diskseq,
    )
    if turn.state.stopping:
        turn.disk(disk, state=DiskState.PLUGGED)  # the next start serves it
    elif not asked and same and plug and (plug.served or plug.attempts >= MAX_ATTEMPTS):
        _was_served(turn, disk, plug)
    elif holds.is_held(turn.state, disk.uuid):
        holds.keep_back(turn, disk)
    else:
        queue.enqueue(turn, disk, Trigger.PLUG)


def _was_served(turn: Turn, disk: Disk, plug: Plug) -> None:
    """This plug has had its backup, or as many tries at one as it gets."""
    if not plug.served:
        plug = replace(plug, served=True)
        turn.do(RecordPlug(disk.uuid, plug))
    disk = turn.disk(disk, state=DiskState.PLUGGED, plug=plug)
    if plug.ended:
        release.wait_for(turn, disk)


def _reject(turn: Turn, disk: Disk, device: BlockDevice, reason: Reason) -> None:
    disk = turn.disk(disk, state=DiskState.REJECTED, reason=reason)
    turn.tell(DiskRejected(disk.uuid, device.node, reason))
    telling.refused(turn, disk, device, reason, backup=False)


def _reject_duplicates(turn: Turn, disk: Disk, newcomer: BlockDevice) -> None:
    """Two devices say they are DISK. What is being written to the first one ends normally."""
    active = turn.state.active_backup(disk.uuid)
    reads = active is None and turn.state.in_use(disk.uuid)
    if reads or (active is not None and active.id == turn.state.running):
        turn.tell(DiskRejected(disk.uuid, newcomer.node, Reason.DUPLICATE_UUID))
        telling.refused(turn, disk, newcomer, Reason.DUPLICATE_UUID, backup=False)
        return
    release.forget(turn, disk.uuid)
    disk = turn.disk(disk, state=DiskState.REJECTED, reason=Reason.DUPLICATE_UUID)
    for device in disk.devices:
        turn.tell(DiskRejected(disk.uuid, device.node, Reason.DUPLICATE_UUID))
    if active is not None:
        message = "two devices have this UUID: unplug one of them"
        why = Finding(Verdict.FAILED, Reason.DUPLICATE_UUID, message)
        backups.finish(turn, active, why)
        disk = turn.state.disks[disk.uuid]
    telling.refused(turn, disk, newcomer, Reason.DUPLICATE_UUID, backup=active is not None)


def gone(turn: Turn, syspath: str) -> None:
    """A device has left."""
    preparing = turn.state.preparing
    if preparing and preparing.device and preparing.device.syspath == syspath:
        turn.set(preparing=replace(preparing, device=None))
    known = _by_syspath(turn, syspath)
    if known is None:
        return
    disk, device = known
    left = tuple(item for item in disk.devices if item.syspath != syspath)
    active = turn.state.active_backup(disk.uuid)
    hit = active is not None and active.device is not None and active.device.syspath == syspath
    in_use = disk.devices[0].syspath == syspath
    plug, refused = (None, "") if device.diskseq == 0 else (disk.plug, disk.refused)
    disk = turn.disk(disk, devices=left, last_seen=turn.now, plug=plug, refused=refused)
    if not left:
        release.forget(turn, disk.uuid)
        disk = turn.disk(disk, state=DiskState.ABSENT)
    turn.tell(DiskUnplugged(disk.uuid, device.node))
    if disk.saved:
        turn.do(RecordDisk(disk))
    if active is not None and hit:
        backups.lost(turn, active)
    jobs.lost(turn, syspath)
    disk = turn.state.disks[disk.uuid]
    if not left and not disk.saved:
        turn.without(disk.uuid)
    elif left and disk.state is DiskState.REJECTED and disk.reason == Reason.DUPLICATE_UUID:
        _admit(turn, turn.disk(disk, state=DiskState.PLUGGED), left[0], asked=False)
    elif left and in_use:
        _reject_or_admit_rest(turn, disk)
    release.recheck(turn, device.whole)


def _reject_or_admit_rest(turn: Turn, disk: Disk) -> None:
    """The device in use has left, another of the same UUID is still here."""
    release.forget(turn, disk.uuid)
    if len(disk.devices) > 1:
        _reject_duplicates(turn, disk, disk.devices[-1])
    else:
        _admit(turn, turn.disk(disk, state=DiskState.PLUGGED), disk.devices[0], asked=False)


def unplug(turn: Turn, disk: Disk) -> None:
    """Let go of the whole disk that DISK lies on: end its backups, then see that it is free."""
    device = disk.device
    assert device is not None
    why = Finding(Verdict.CANCELLED, Code.UNPLUGGED, "unplugging was asked for")
    for other in turn.on_whole_disk(device.whole):
        active = turn.state.active_backup(other.uuid)
        if active is not None:
            backups.cancel(turn, active, why)
    jobs.stop(turn, why, device.whole)
    release.let_go(turn, turn.state.disks[disk.uuid])


def configured(turn: Turn) -> None:
    """The configuration may name other disks than before."""
    wanted = turn.config.disks
    for uuid, settings in wanted.items():
        disk = turn.state.disks.get(uuid)
        if disk is None or not disk.saved:
            _save(turn, disk or Disk(uuid), settings.name)
        elif disk.name != settings.name:
            turn.do(RecordDisk(turn.disk(disk, name=settings.name)))
            turn.tell(DiskSaved(uuid, settings.name))
    for disk in list(turn.state.disks.values()):
        if disk.saved and disk.uuid not in wanted:
            _forget(turn, disk)
    keep_from_automounters(turn)


def keep_from_automounters(turn: Turn) -> None:
    """Have the saved disks kept from automounters, if they are others than before."""
    preparing = turn.state.preparing
    being_made = {preparing.order.uuid} if preparing else set()
    uuids = tuple(sorted(turn.config.disks.keys() | being_made))
    if uuids != turn.state.kept:
        turn.set(kept=uuids)
        turn.do(KeepFromAutomounters(uuids))


def _save(turn: Turn, disk: Disk, name: str) -> None:
    """DISK is known from now on. Saving starts nothing, now or at the daemon's next start."""
    preparing = turn.state.preparing
    if preparing and preparing.device and preparing.device.uuid == disk.uuid and not disk.devices:
        disk = _arrived(turn, disk, preparing.device)
    device = disk.device
    disk = turn.disk(disk, name=name, saved=True, saved_at=turn.now)
    turn.tell(DiskSaved(disk.uuid, name))
    if device is not None:
        plug = Plug(turn.state.boot_id, device.diskseq, served=True)
        turn.do(RecordPlug(disk.uuid, plug))
        disk = turn.disk(disk, plug=plug)
        if not turn.state.in_use(disk.uuid):
            reason = objection(device)
            if len(disk.devices) > 1:
                _reject_duplicates(turn, disk, device)
            elif reason is not None:
                _reject(turn, disk, device, reason)
            else:
                turn.disk(disk, state=DiskState.PLUGGED)
    turn.do(RecordDisk(turn.state.disks[disk.uuid]))


def _forget(turn: Turn, disk: Disk) -> None:
    """DISK is known no more; a backup that already runs on it ends normally."""
    active = turn.state.active_backup(disk.uuid)
    disk = turn.disk(disk, saved=False, name="", saved_at=0, refused="", stale_told=0)
    turn.do(RecordDisk(disk))  # saved again, it begins anew
    turn.tell(DiskForgotten(disk.uuid))
    holds.drop(turn, disk.uuid)
    if active is not None and active.id in turn.state.queue:
        why = Finding(Verdict.CANCELLED, Code.FORGOTTEN, "the disk was forgotten")
        backups.finish(turn, active, why)
    disk = turn.state.disks[disk.uuid]
    if disk.device is None:
        turn.without(disk.uuid)
    elif not turn.state.in_use(disk.uuid):
        turn.disk(disk, state=DiskState.UNKNOWN)


def _by_syspath(turn: Turn, syspath: str) -> tuple[Disk, BlockDevice] | None:
    for disk in turn.state.disks.values():
        for device in disk.devices:
            if device.syspath == syspath:
                return disk, device
    return None
