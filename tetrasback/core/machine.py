"""The core: ``step(state, event, config, now) → (state, effects)``.

How to read it
    RULES, below, is the whole machine: one line for each kind of event, and beside it the rule
    that handles it. *Requests* may raise an error from `errors`; then the step has not happened
    and nothing has changed. *Facts* are total: a fact that is late, repeated or unknown changes
    nothing and raises nothing.

    The rules live where their subject lives: `disks` (what comes and goes), `queue` (who is next),
    `backups` (from the disk to the verdict, with its diagram), `release` (when a disk may be taken
    away), `prepare` (how a disk is made one of ours), `verdict` (what the findings come to),
    `telling` (who hears of it by mail and at the console), `holds` (when a plug starts nothing),
    `jobs` (what is done with backups that are made).
    Each works on a `Turn`, which collects the effects.

    A plug (UUID, boot id, diskseq) is served when its backup has ended. That memory, `Plug`, is
    recorded at every change, so that neither repeated events nor a new start of the daemon run a
    backup twice, and one that the daemon's own end cut short runs again, at most twice.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from tetrasback.config import edits
from tetrasback.config.model import Config
from tetrasback.core import backups, disks, events, holds, jobs, prepare, queue, release, telling
from tetrasback.core.devices import objection
from tetrasback.core.effects import EditConfig, Effect, Log, RecordBackup, RecordDisk, SetTimer
from tetrasback.core.explanations import EXPLANATIONS
from tetrasback.core.signals import BackupFinished
from tetrasback.core.state import (
    Awaiting,
    Backup,
    Code,
    Disk,
    Finding,
    Phase,
    State,
    Trigger,
    Verdict,
)
from tetrasback.core.turn import Rule, Turn
from tetrasback.errors import Busy, NotPlugged, NotRunning, Rejected, UnknownDisk

TICK: Final = "tick"
TICK_SECONDS: Final = 3600.0
"""How often alerts that depend on time alone are looked at."""


def step(
    state: State, event: events.Event, config: Config, now: int
) -> tuple[State, tuple[Effect, ...]]:
    """What EVENT makes of STATE while CONFIG is in force, at NOW (µs since the epoch).

    Raises an error of `errors` for a request that must be refused; never for a fact.
    """
    turn = Turn(state, config, now)
    RULES[type(event)](turn, event)
    jobs.proceed(turn)
    queue.start_next(turn)
    return turn.state, tuple(turn.effects)


# --- requests -----------------------------------------------------------------------------------


def _save(turn: Turn, event: events.SaveRequested) -> None:
    prepare.keep_name(turn, event.uuid, event.name)
    turn.do(EditConfig(edits.SaveDisk(event.uuid, event.name)))


def _forget(turn: Turn, event: events.ForgetRequested) -> None:
    disk = _saved(turn, event.uuid)
    if turn.state.active_backup(event.uuid):
        raise Busy(f"disk {disk.name} is being backed up: cancel the backup first, or wait")
    if turn.state.in_use(event.uuid):
        raise Busy(f"disk {disk.name} is being read: cancel that first, or wait")
    turn.do(EditConfig(edits.ForgetDisk(event.uuid)))


def _plug(turn: Turn, event: events.PlugRequested) -> None:
    device = event.device
    if device.system:
        raise Rejected(f"{device.node} lies on a disk that this system runs from")
    prepare.keep_off(turn.state, device.whole)
    if turn.state.stopping:
        raise Busy("the service is stopping")
    disks.seen(turn, device, asked=True, mounted=event.mounted)


def _unplug(turn: Turn, event: events.UnplugRequested) -> None:
    disk = turn.state.disks.get(event.uuid)
    if disk is None or disk.device is None:
        raise NotPlugged("this disk is not plugged")
    disks.unplug(turn, disk)


def _run(turn: Turn, event: events.RunRequested) -> None:
    disk = _saved(turn, event.uuid)
    if disk.device is None:
        raise NotPlugged(f"disk {disk.name} is not plugged: plug it in")
    if turn.state.active_backup(disk.uuid):
        raise Busy(f"a backup of disk {disk.name} is already queued or running")
    if turn.state.stopping:
        raise Busy("the service is stopping")
    if len(disk.devices) > 1:
        raise Rejected(f"two devices say they are disk {disk.name}: unplug one of them")
    reason = objection(disk.device)
    if reason is not None:
        raise Rejected(f"disk {disk.name} cannot be used: {EXPLANATIONS[reason]}")
    queue.enqueue(turn, disk, Trigger.REQUEST)


def _cancel(turn: Turn, event: events.CancelRequested) -> None:
    disk = turn.state.disks.get(event.uuid)
    if disk is None:
        raise UnknownDisk("no disk with this UUID is saved or plugged")
    backup = turn.state.active_backup(event.uuid)
    if backup is None:
        raise NotRunning("no backup of this disk is queued or running")
    why = Finding(Verdict.CANCELLED, Code.CANCELLED, "cancelled on request")
    if not backups.cancel(turn, backup, why):
        raise NotRunning("the backup is whole and only being finished: nothing left to cancel")


def _job(turn: Turn, event: events.JobRequested) -> None:
    disk = turn.state.disks.get(event.task.uuid)
    if disk is not None and disk.device is not None:
        prepare.keep_off(turn.state, disk.device.whole)
    jobs.request(turn, event)


def _set_scripts(turn: Turn, event: events.ScriptsRequested) -> None:
    turn.do(EditConfig(edits.EnableScripts(event.names)))


def _saved(turn: Turn, uuid: str) -> Disk:
    disk = turn.state.disks.get(uuid)
    if disk is None:
        raise UnknownDisk("no disk with this UUID is saved: see tetras-backctl disks")
    if not disk.saved:
        raise UnknownDisk("this disk is not saved: save it first, tetras-backctl save UUID=name")
    return disk


# --- facts --------------------------------------------------------------------------------------


def _started(turn: Turn, event: events.Started) -> None:
    remembered = {item.disk.uuid: item for item in event.remembered}
    known: dict[str, Disk] = {}
    for uuid, settings in turn.config.disks.items():
        item = remembered.get(uuid) or events.Remembered(Disk(uuid), None)
        known[uuid] = replace(
            item.disk,
            name=settings.name,
            saved=True,
            saved_at=item.disk.saved_at or turn.now,
            since=turn.now,
            plug=item.plug,
            last_ended=item.last.finished_at if item.last else 0,
        )
    last = [item.last for item in event.remembered if item.last and item.disk.uuid in known]
    turn.set(
        boot_id=event.boot_id,
        next_id=event.next_id,
        disks=known,
        backups={backup.id: backup for backup in last},
    )
    for uuid, disk in known.items():
        if uuid not in remembered or not remembered[uuid].disk.saved_at:
            turn.do(RecordDisk(disk))
    telling.configured(turn)
    holds.remembered(turn, event.holds)
    for row in event.unfinished:
        _was_cut_short(turn, row)
    for backup in event.untold:
        telling.untold(turn, backup)
    jobs.cut_short(turn, event.jobs)
    disks.keep_from_automounters(turn)
    turn.do(SetTimer(TICK, TICK_SECONDS))


def _was_cut_short(turn: Turn, row: events.Unfinished) -> None:
    backup = Backup(
        id=row.id,
        uuid=row.uuid,
        name=row.name,
        trigger=Trigger(row.trigger) if row.trigger in set(Trigger) else Trigger.PLUG,
        phase=Phase.DONE,
        started_at=row.started_at,
        finished_at=turn.now,
        verdict=Verdict.INTERRUPTED,
        code=Code.DAEMON_DIED,
        message="the service or the server ended in the middle of the backup"
        if row.started_at
        else "the service or the server ended before the backup had begun",
        mailed=not telling.is_mailed(turn, Verdict.INTERRUPTED),
    )
    turn.do(Log(backup.id, f"{backup.verdict}: {backup.message}"), RecordBackup(backup))
    newest = max(
        (item.id for item in turn.state.backups.values() if item.uuid == row.uuid), default=0
    )
    disk = turn.state.disks.get(row.uuid)
    if backup.id > newest:  # else a later one has ended since
        turn.set(
            backups={k: item for k, item in turn.state.backups.items() if item.uuid != row.uuid}
        )
        turn.backup(backup)
        if disk is not None:
            disk = turn.disk(disk, last_verdict=backup.verdict, last_ended=turn.now)
            turn.do(RecordDisk(disk))
    turn.tell(BackupFinished(backup.id, backup.uuid, backup.verdict, backup.message))
    telling.backup_ended(turn, backup)


def _ready(turn: Turn, event: events.SystemReady) -> None:
    turn.set(ready=True)
    for backup_id in turn.state.queue:
        turn.backup(turn.state.backups[backup_id], step="")
    telling.look_for_stale(turn)


def _configured(turn: Turn, event: events.ConfigChanged) -> None:
    if event.error != turn.state.configuration_error:
        turn.set(
            configuration_error=event.error,
            configuration_error_since=turn.now if event.error else 0,
        )
    disks.configured(turn)
    telling.configured(turn)
    telling.look_for_stale(turn)


def _seen(turn: Turn, event: events.DeviceSeen) -> None:
    disks.seen(turn, event.device)


def _gone(turn: Turn, event: events.DeviceGone) -> None:
    disks.gone(turn, event.syspath)


def _released(turn: Turn, event: events.ReleaseChecked) -> None:
    release.checked(turn, event.whole, event.reason)
    if event.reason == events.GONE:
        for disk in turn.on_whole_disk(event.whole):
            for device in disk.devices:
                if device.whole == event.whole and device.diskseq in (0, event.diskseq):
                    disks.gone(turn, device.syspath)


def _timer(turn: Turn, event: events.TimerFired) -> None:
    kind, _, subject = event.key.partition(":")
    if kind == "grace":
        backup = _running(turn, int(subject) if subject.isdecimal() else 0, Awaiting.GRACE)
        if backup is not None:
            backups.grace_over(turn, backup)
    elif kind == "release":
        release.recheck(turn, subject)
    elif kind == jobs.GRACE:
        jobs.grace_over(turn, subject)
    elif kind == holds.TIMER:
        holds.time_is_up(turn, subject)
    elif kind == TICK:
        turn.set(quiet_hours=turn.state.quiet_hours + 1)
        turn.do(SetTimer(TICK, TICK_SECONDS))
        telling.look_for_stale(turn)


def _history_failed(turn: Turn, event: events.HistoryFailed) -> None:
    if event.message != turn.state.history_error:
        turn.set(history_error=event.message, history_error_since=turn.now if event.message else 0)


def _mail_failed(turn: Turn, event: events.MailFailed) -> None:
    state = turn.state
    since = (state.mail_error_since or turn.now) if event.message else 0
    turn.set(mail_error=event.message, mail_error_since=since)


def _units(turn: Turn, event: events.UnitsChecked) -> None:
    turn.set(units_stopped=event.units)


def _imported(turn: Turn, event: events.Imported) -> None:
    for uuid, last_seen in event.seen:
        disk = turn.state.disks.get(uuid)
        if disk is not None and not disk.last_seen:
            turn.do(RecordDisk(turn.disk(disk, last_seen=last_seen)))
    for past in event.backups:
        disk = turn.state.disks.get(past.uuid)
        if disk is None or disk.last_verdict:
            continue  # what was done here is newer
        backup = Backup(
            id=turn.state.next_id,
            uuid=past.uuid,
            name=past.name,
            trigger=Trigger.PLUG,
            phase=Phase.DONE,
            started_at=past.finished_at,
            finished_at=past.finished_at,
            verdict=past.verdict,
            message=past.message,
            mailed=True,
        )
        turn.set(next_id=backup.id + 1)
        turn.backup(backup)
        good = past.verdict in (Verdict.SUCCESS, Verdict.WARNING)
        disk = turn.disk(
            disk,
            last_verdict=past.verdict,
            last_ended=past.finished_at,
            last_success=past.finished_at if good else 0,
        )
        turn.do(RecordBackup(backup), RecordDisk(disk))


def _stop(turn: Turn, event: events.StopRequested) -> None:
    turn.set(stopping=True)
    prepare.stop(turn)
    why = Finding(Verdict.INTERRUPTED, Code.DAEMON_STOPPED, "the service was stopped")
    for backup in list(turn.state.backups.values()):
        if not backup.over:
            backups.cancel(turn, backup, why)
    jobs.stop(turn, why)


def _running(turn: Turn, backup_id: int, awaiting: Awaiting) -> Backup | None:
    """The running backup, if it is this one and waits for just this."""
    backup = turn.state.backups.get(backup_id)
    if backup is None or turn.state.running != backup_id or backup.awaiting is not awaiting:
        return None
    return backup


def _nothing(turn: Turn, subject: Any, event: Any) -> None:
    """For a result that the subject never waits for."""


def _result(awaiting: Awaiting, rule: Any, job_rule: Any = _nothing) -> Rule:
    """A rule for the result of an effect on a backup or job, heeded only where it is awaited."""

    def heed(turn: Turn, event: Any) -> None:
        backup = _running(turn, event.backup_id, awaiting)
        job = turn.state.current_job
        if backup is not None:
            rule(turn, backup, event)
        elif job is not None and job.id == event.backup_id and job.awaiting is awaiting:
            job_rule(turn, job, event)

    return heed


RULES: Final[Mapping[type, Rule]] = {
    # requests
    events.SaveRequested: _save,
    events.ForgetRequested: _forget,
    events.PlugRequested: _plug,
    events.UnplugRequested: _unplug,
    events.RunRequested: _run,
    events.CancelRequested: _cancel,
    events.ScriptsRequested: _set_scripts,
    events.PrepareRequested: prepare.begin,
    events.HoldRequested: holds.request,
    events.UnholdRequested: holds.end_request,
    events.JobRequested: _job,
    events.JobCancelRequested: jobs.cancel_request,
    events.BrowseEndRequested: jobs.end_browse_request,
    # facts about the world
    events.Started: _started,
    events.SystemReady: _ready,
    events.ConfigChanged: _configured,
    events.DeviceSeen: _seen,
    events.DeviceGone: _gone,
    events.HistoryFailed: _history_failed,
    events.MailKept: telling.kept,
    events.MailFailed: _mail_failed,
    events.UnitsChecked: _units,
    events.Imported: _imported,
    events.SnapshotsSeen: jobs.seen,
    events.ViewShown: _result(Awaiting.SCRIPT, _nothing, jobs.shown),
    events.WholeSeen: prepare.whole_seen,
    events.WholeGone: prepare.whole_gone,
    events.PreparationMoved: prepare.moved,
    events.PreparationMade: prepare.made,
    events.PreparationEnded: prepare.ended,
    events.StopRequested: _stop,
    events.TimerFired: _timer,
    # facts that answer an effect
    events.DiskOpened: _result(Awaiting.OPEN, backups.opened, jobs.opened),
    events.ScriptProgressed: _result(Awaiting.SCRIPT, backups.progressed, jobs.progressed),
    events.ScriptFinished: _result(Awaiting.SCRIPT, backups.script_finished),
    events.TaskFinished: _result(Awaiting.SCRIPT, _nothing, jobs.ran),
    events.DiskProbed: _result(Awaiting.PROBE, backups.probed),
    events.DiskSynced: _result(Awaiting.SYNC, backups.synced, jobs.synced),
    events.DiskClosed: _result(Awaiting.CLOSE, backups.closed, jobs.closed),
    events.ReleaseChecked: _released,
}
