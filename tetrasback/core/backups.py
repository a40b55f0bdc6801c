"""The life of a backup.

::

    queued ── its turn ──> open ──> script ──> (failed? probe) ──┐
                             ^        ^                          │
                             │        └── next script, same way ─┤
                             └── next script, other way <─ close <─ sync
                                                            │
                              nothing left, or told to stop ┴──> (disk error? grace) ──> done

At any time exactly one effect of the running backup is under way (`Backup.awaiting`); its result,
a fact, moves the backup on. A fact that is not awaited changes nothing. To stop a backup is to set
``stop`` and let it walk the same way out: the disk is synced and closed whatever happened.
"""

from dataclasses import replace
from typing import Final

from tetrasback.core import events, release, telling, verdict
from tetrasback.core.devices import Reason
from tetrasback.core.effects import (
    ClearTimer,
    CloseDisk,
    Inhibit,
    Log,
    OpenDisk,
    ProbeDisk,
    RecordBackup,
    RecordDisk,
    RecordPlug,
    RunScript,
    SetTimer,
    StopScript,
    SyncDisk,
)
from tetrasback.core.signals import BackupFinished, BackupProgress, DiskRejected
from tetrasback.core.state import (
    Awaiting,
    Backup,
    Code,
    Disk,
    DiskState,
    Finding,
    Phase,
    Progress,
    Verdict,
)
from tetrasback.core.turn import Turn

GRACE_SECONDS: Final = 10.0
"""How long after its first error a disk may still turn out to have been pulled."""


# --- the way through ----------------------------------------------------------------------------


def advance(turn: Turn, backup: Backup) -> None:
    """Call for the next effect of the running backup."""
    device = backup.device
    assert device is not None
    script = None if backup.stop or not backup.scripts else backup.scripts[0]
    if backup.session and (backup.gone or script is None or script.mode != backup.session):
        _leave(turn, backup)
    elif script is None or backup.gone:
        _conclude(turn, backup)
    elif not backup.session:
        backup = turn.backup(backup, phase=Phase.MOUNTING, awaiting=Awaiting.OPEN)
        turn.do(OpenDisk(backup.id, device, script.mode))
    else:
        backup = turn.backup(
            backup,
            phase=Phase.RUNNING,
            awaiting=Awaiting.SCRIPT,
            step=script.name,
            current=Progress(),
        )
        turn.do(
            Log(backup.id, f"{script.name} begins"),
            RunScript(
                backup_id=backup.id,
                script=script,
                device=device,
                name=backup.name,
                source=turn.config.backup.source,
                nice=turn.config.backup.nice,
                timeout=turn.config.backup.timeout_hours * 3600,
                exclude=turn.config.backup.exclude,
                keep=turn.config.retention_of(backup.uuid).rules,
                shrink_alert=turn.config.backup.shrink_alert,
                verify_minutes=turn.config.backup.verify_minutes,
            ),
        )


def _leave(turn: Turn, backup: Backup) -> None:
    last = backup.stop is not None or not backup.scripts or backup.gone
    phase = Phase.FINISHING if last else Phase.MOUNTING
    if backup.gone:
        turn.backup(backup, phase=phase, awaiting=Awaiting.CLOSE)
        turn.do(CloseDisk(backup.id, gone=True))
    else:
        turn.backup(backup, phase=phase, awaiting=Awaiting.SYNC, step="sync")
        turn.do(SyncDisk(backup.id))


def opened(turn: Turn, backup: Backup, event: events.DiskOpened) -> None:
    """The disk is open, or could not be."""
    if not event.fault:
        disk = turn.state.disks.get(backup.uuid)
        if disk is not None and event.free:
            turn.disk(disk, free=event.free)
        script = backup.scripts[0] if backup.scripts else None
        backup = turn.backup(backup, session=script.mode if script else "mount")
    elif event.fault == Code.DISK_GONE:
        backup = turn.backup(backup, gone=True)
    else:
        finding = Finding(Verdict.FAILED, event.fault, event.message)
        backup = _found(turn, backup, finding, stop=True)
        if event.fault in set(Reason):
            backup = turn.backup(backup, rejection=event.fault)
    advance(turn, backup)


def progressed(turn: Turn, backup: Backup, event: events.ScriptProgressed) -> None:
    """A script has told how far it is."""
    script = backup.scripts[0].name if backup.scripts else ""
    backup = turn.backup(backup, current=event.progress, step=event.progress.step or script)
    turn.tell(BackupProgress(backup.id, verdict.overall_fraction(backup), backup.step))


def script_finished(turn: Turn, backup: Backup, event: events.ScriptFinished) -> None:
    """A script, and everything it started, has ended."""
    script, *rest = backup.scripts
    backup = turn.backup(
        backup,
        scripts=tuple(rest),
        earlier=verdict.sum_progress(backup.earlier, event.progress),
        current=Progress(),
    )
    if script.interrupt or event.units_failed:
        turn.set(units_stopped=event.units_failed)
    for units, message in (
        (event.units_running, "kept running although they were to be stopped"),
        (event.units_failed, "could not be started again"),
    ):
        if units:
            line = f"{message}: {', '.join(units)}"
            backup = _found(turn, backup, Finding(Verdict.WARNING, Code.UNITS, line))
    finding = None
    if not backup.stop and not backup.gone:
        finding = verdict.of_script(script, event.status, event.code, event.message, event.progress)
    turn.do(Log(backup.id, verdict.account(script, event.status, event.progress)))
    if finding is None:
        advance(turn, backup)
        return
    turn.do(Log(backup.id, finding.message))
    failed = finding.verdict is Verdict.FAILED
    backup = _found(turn, backup, finding, stop=failed and finding.code in verdict.DISK_CODES)
    if failed and not backup.stop:
        # A script cannot be asked whether it was the disk that failed it; the disk can.
        turn.backup(backup, awaiting=Awaiting.PROBE)
        turn.do(ProbeDisk(backup.id))
    else:
        advance(turn, backup)


def probed(turn: Turn, backup: Backup, event: events.DiskProbed) -> None:
    """After a failed script: whether the disk is full, failing or gone."""
    _disk_told(turn, backup, event.fault, event.message)


def synced(turn: Turn, backup: Backup, event: events.DiskSynced) -> None:
    """Everything is on the disk, or is not. Close it in any case."""
    backup = _fault(turn, backup, event.fault, event.message)
    disk = turn.state.disks.get(backup.uuid)
    if disk is not None and event.free:
        turn.disk(disk, free=event.free)
    turn.backup(backup, awaiting=Awaiting.CLOSE)
    turn.do(CloseDisk(backup.id, gone=backup.gone))


def closed(turn: Turn, backup: Backup, event: events.DiskClosed) -> None:
    """The disk is let go of, or could not be."""
    backup = turn.backup(backup, session="", gone=backup.gone or not event.present)
    _disk_told(turn, backup, "" if backup.gone else event.fault, event.message)


def _disk_told(turn: Turn, backup: Backup, fault: str, message: str) -> None:
    advance(turn, _fault(turn, backup, fault, message))


def _fault(turn: Turn, backup: Backup, fault: str, message: str) -> Backup:
    if not fault:
        return backup
    if fault == Code.DISK_GONE:
        return turn.backup(backup, gone=True)
    return _found(turn, backup, Finding(Verdict.FAILED, fault, message), stop=True)


def _found(turn: Turn, backup: Backup, finding: Finding, stop: bool = False) -> Backup:
    return turn.backup(
        backup,
        findings=(*backup.findings, finding),
        stop=(backup.stop or finding) if stop else backup.stop,
        first_error_at=backup.first_error_at or (turn.now if _of_disk(finding) else 0),
    )


def _of_disk(finding: Finding) -> bool:
    """Whether it may turn out to have been the first sign of a disk that is being pulled."""
    pulled = verdict.DISK_CODES - {Code.DISK_FULL} | {Reason.DAMAGED, Reason.IDENTITY}
    return finding.verdict is Verdict.FAILED and finding.code in pulled


# --- ending -------------------------------------------------------------------------------------


def cancel(turn: Turn, backup: Backup, why: Finding) -> bool:
    """End a queued or running backup; False when nothing is left that could be cut short."""
    if backup.id in turn.state.queue:
        finish(turn, backup, why)
        return True
    if not backup.scripts or backup.over:
        return False
    if backup.stop is None:
        backup = turn.backup(backup, stop=why, phase=Phase.FINISHING)
        if backup.awaiting is Awaiting.SCRIPT:
            turn.do(StopScript(backup.id))
    return True


def lost(turn: Turn, backup: Backup) -> None:
    """The device of a queued or running backup has left."""
    backup = turn.backup(backup, gone=True)
    if backup.id in turn.state.queue:
        finish(turn, backup, verdict.judge(backup))
    elif backup.awaiting is Awaiting.SCRIPT:
        turn.do(StopScript(backup.id))
    elif backup.awaiting is Awaiting.GRACE:
        grace_over(turn, backup)


def grace_over(turn: Turn, backup: Backup) -> None:
    """A disk that failed has had its time to turn out to have been pulled."""
    finish(turn, backup, verdict.judge(backup))


def _conclude(turn: Turn, backup: Backup) -> None:
    finding = verdict.judge(backup)
    grace = int(GRACE_SECONDS * 1e6)
    # A clock that is set back meanwhile must not stretch it: no other backup begins before its end.
    left = min(grace, backup.first_error_at + grace - turn.now)
    if _of_disk(finding) and not backup.gone and left > 0 and not turn.state.stopping:
        turn.backup(backup, phase=Phase.FINISHING, awaiting=Awaiting.GRACE)
        turn.do(SetTimer(grace_timer(backup.id), left / 1e6))
    else:
        finish(turn, backup, finding)


def finish(turn: Turn, backup: Backup, finding: Finding) -> None:
    """Give a backup its verdict, on every channel, and let the next one begin."""
    grace = backup.awaiting is Awaiting.GRACE
    backup = turn.backup(
        backup,
        phase=Phase.DONE,
        awaiting=Awaiting.NOTHING,
        verdict=finding.verdict,
        code=finding.code,
        message=finding.message,
        finished_at=turn.now,
        step="",
        scripts=(),
        mailed=not telling.is_mailed(turn, finding.verdict),
    )
    older = [
        other.id
        for other in turn.state.backups.values()
        if other.uuid == backup.uuid and other.over and other.id != backup.id
    ]
    turn.set(
        backups={key: item for key, item in turn.state.backups.items() if key not in older},
        queue=tuple(item for item in turn.state.queue if item != backup.id),
        running=None if turn.state.running == backup.id else turn.state.running,
    )
    if grace:
        turn.do(ClearTimer(grace_timer(backup.id)))
    turn.do(
        Log(backup.id, f"{finding.verdict}: {finding.message}"),
        RecordBackup(backup),
    )
    disk = turn.state.disks.get(backup.uuid)
    if disk is not None:
        _settle(turn, disk, backup)
    turn.tell(BackupFinished(backup.id, backup.uuid, backup.verdict, backup.message))
    telling.backup_ended(turn, backup)
    _release(turn, backup)
    if backup.device is not None:
        release.recheck(turn, backup.device.whole)
    if not turn.state.busy:
        turn.do(Inhibit(False))
        telling.look_for_stale(turn)


def _settle(turn: Turn, disk: Disk, backup: Backup) -> None:
    """What the end of its backup means for what is known of the disk."""
    good = backup.verdict in (Verdict.SUCCESS, Verdict.WARNING)
    plug, device = disk.plug, backup.device
    if (
        plug is not None
        and device is not None
        and plug.diskseq == device.diskseq
        and backup.code not in (Code.DAEMON_STOPPED, Code.HELD, Reason.DUPLICATE_UUID)
    ):  # it was not this disk's doing that nothing came of it
        plug = replace(plug, served=True, attempts=max(plug.attempts, 1))
        turn.do(RecordPlug(disk.uuid, plug))
    disk = turn.disk(
        disk,
        last_verdict=backup.verdict,
        last_ended=turn.now,
        last_success=turn.now if good else disk.last_success,
        stale_told=0 if good else disk.stale_told,
        plug=plug,
    )
    turn.do(RecordDisk(disk))


def _release(turn: Turn, backup: Backup) -> None:
    disk = turn.state.disks.get(backup.uuid)
    if disk is None or backup.device is None:
        return
    if backup.device.syspath not in {device.syspath for device in disk.devices}:
        return  # it has left; another device of this UUID is a plug of its own
    if backup.rejection:
        disk = turn.disk(disk, state=DiskState.REJECTED, reason=backup.rejection)
        turn.tell(DiskRejected(disk.uuid, backup.device.node, backup.rejection))
        telling.refused(turn, disk, backup.device, backup.rejection, backup=True)
    elif backup.code != Reason.DUPLICATE_UUID:  # or `disks` has rejected it while it waited
        release.wait_for(turn, disk)


def grace_timer(backup_id: int) -> str:
    """The key of the timer that waits for a failed disk to turn out to have been pulled."""
    return f"grace:{backup_id}"
