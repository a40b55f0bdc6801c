"""The life of a job: something done with the backups on a disk that is no backup.

::

    (the disk is being checked: wait) ──> open ──> run ──> (written? sync) ──> close
                                                       (disk error? grace) ──> done

One at a time, and never beside a backup: a job is refused while a backup is queued or running, and
a backup that comes meanwhile queues (`queue.start_next`). As with backups, exactly one effect is
under way, its result moves the job on, and stopping it is to walk the same way out.

Looking at a disk and pinning are jobs too, but nobody hears of them and nothing is recorded: they
take a moment. While any job has it, the disk is ``held``; afterwards it is what it was before.
"""

from typing import Final

from tetrasback.core import events, release, telling
from tetrasback.core.backups import GRACE_SECONDS
from tetrasback.core.devices import Reason, objection
from tetrasback.core.effects import (
    ClearTimer,
    CloseDisk,
    Inhibit,
    Log,
    OpenDisk,
    RecordJob,
    RecordSnapshots,
    RunTask,
    SetTimer,
    StopTask,
    SyncDisk,
)
from tetrasback.core.explanations import EXPLANATIONS
from tetrasback.core.signals import JobFinished, JobProgress, JobStarted
from tetrasback.core.state import (
    Awaiting,
    Code,
    Disk,
    DiskJob,
    DiskState,
    Finding,
    Phase,
    State,
    Verdict,
)
from tetrasback.core.task import JobCode, Kind
from tetrasback.core.turn import Turn
from tetrasback.core.verdict import STATUS_WARNING, worst
from tetrasback.errors import Busy, NotPlugged, NotRunning, Rejected, UnknownDisk, UnknownJob

_WARNED: Final = {
    Kind.VERIFY: (JobCode.CONTENT_DAMAGED, "something is not as it was written: see its log"),
    Kind.RESTORE: (JobCode.RESTORE_WARNING, "restored, but not all of it as it was: see its log"),
}
_UNPROVED: Final = (
    JobCode.UNPROVED,
    "its content is as it was written, but it may be another backup, or an older one: see its log",
)


_FINISHING: Final = (Awaiting.SYNC, Awaiting.CLOSE, Awaiting.GRACE)
_PULLED: Final = (Code.DISK_ERROR, Reason.DAMAGED, Reason.IDENTITY)
"""What may be the first sign of a disk that is being pulled out."""
GRACE: Final = "job-grace"


# --- requests -----------------------------------------------------------------------------------


def request(turn: Turn, event: events.JobRequested) -> None:
    """Begin, or refuse."""
    task, state = event.task, turn.state
    disk = state.disks.get(task.uuid)
    if disk is None or (task.kind.writes and not disk.saved):
        raise UnknownDisk("no disk with this UUID is saved: see tetras-backctl disks")
    device, name = disk.device, disk.name or disk.label or disk.uuid
    if device is None:
        raise NotPlugged(f"disk {name} is not plugged: plug it in")
    _check_time(state)
    if len(disk.devices) > 1:
        raise Rejected(f"two devices say they are disk {name}: unplug one of them")
    reason = objection(device)
    if reason is not None and (task.kind.writes or reason is not Reason.READ_ONLY):
        raise Rejected(f"disk {name} cannot be used: {EXPLANATIONS[reason]}")
    job = turn.job(
        DiskJob(
            id=state.next_id,
            task=task,
            name=name,
            device=device,
            before=(disk.state, disk.reason),
            started_at=turn.now,
        )
    )
    turn.set(next_id=job.id + 1, job=job.id)
    release.forget(turn, disk.uuid)
    turn.disk(disk, state=DiskState.HELD, reason=Reason.JOB)
    if task.kind.is_job:
        line = f"{task.kind} {job.id} from disk {name} ({device.node}) begins"
        turn.do(RecordJob(job), Inhibit(True), Log(job.id, line))
        turn.tell(JobStarted(job.id, str(task.kind), task.uuid))


def _check_time(state: State) -> None:
    if state.stopping:
        raise Busy("the service is stopping")
    if state.busy:
        raise Busy("a backup is queued or running: wait until it has ended, or cancel it")
    if (job := state.current_job) is not None and job.task.kind is Kind.BROWSE:
        raise Busy(f"disk {job.name} is being browsed: end that, tetras-backctl browse --close")
    if state.job is not None:
        raise Busy("another disk is being read: wait until that is done, or cancel it")


def cancel_request(turn: Turn, event: events.JobCancelRequested) -> None:
    """End a job."""
    job = turn.state.jobs.get(event.job_id)
    if job is None or not job.task.kind.is_job:
        raise UnknownJob(f"there is no job {event.job_id}: see tetras-backctl jobs")
    why = Finding(Verdict.CANCELLED, Code.CANCELLED, "cancelled on request")
    if not cancel(turn, job, why):
        raise NotRunning("the job has ended: nothing left to cancel")


def end_browse_request(turn: Turn, event: events.BrowseEndRequested) -> None:
    """Show a disk no longer."""
    job = turn.state.current_job
    if job is None or (job.task.kind, job.task.uuid) != (Kind.BROWSE, event.uuid):
        raise NotRunning("this disk is not being browsed")
    cancel(turn, job, Finding(Verdict.CANCELLED, Code.CANCELLED, "cancelled on request"))


def make_way(turn: Turn) -> None:
    """A backup waits: whoever only looks around has to end that."""
    job = turn.state.current_job
    if job is not None and job.task.kind is Kind.BROWSE and turn.state.queue:
        cancel(turn, job, Finding(Verdict.CANCELLED, Code.CANCELLED, "a backup was asked for"))


# --- the way through ----------------------------------------------------------------------------


def proceed(turn: Turn) -> None:
    """After every step: the disk of a job that has waited for a check of it to end is opened, and
    whatever has happened to it, it is shown that it is in use."""
    make_way(turn)
    job = turn.state.current_job
    if job is None:
        return
    disk = turn.state.disks.get(job.task.uuid)
    unused = turn.state.active_backup(job.task.uuid) is None
    if disk is not None and unused and not job.gone and disk.state is not DiskState.REJECTED:
        turn.disk(disk, state=DiskState.HELD, reason=Reason.JOB)
    if job.awaiting is Awaiting.NOTHING and job.device.whole not in turn.state.checking:
        turn.job(job, phase=Phase.MOUNTING, awaiting=Awaiting.OPEN)
        turn.do(OpenDisk(job.id, job.device, "mount" if job.task.kind.writes else "read"))


def opened(turn: Turn, job: DiskJob, event: events.DiskOpened) -> None:
    """The disk is open, or could not be."""
    if event.fault:
        code = event.fault
        job = turn.job(job, gone=job.gone or code == Code.DISK_GONE)
        _conclude(turn, _found(turn, job, Finding(Verdict.FAILED, code, event.message)))
        return
    job = turn.job(job, is_open=True)
    if job.stop or job.gone:
        _leave(turn, job)
        return
    turn.job(job, phase=Phase.RUNNING, awaiting=Awaiting.SCRIPT)
    backup = turn.config.backup
    turn.do(
        RunTask(
            job.id,
            job.task,
            job.device,
            job.name,
            source=backup.source,
            nice=backup.nice,
            timeout=backup.timeout_hours * 3600,
        )
    )


def progressed(turn: Turn, job: DiskJob, event: events.ScriptProgressed) -> None:
    """It has told how far it is."""
    job = turn.job(job, progress=event.progress)
    if job.task.kind.is_job:
        turn.tell(JobProgress(job.id, fraction(job), event.progress.step))


def ran(turn: Turn, job: DiskJob, event: events.TaskFinished) -> None:
    """What was to be done has ended, and everything it started."""
    job = turn.job(job, progress=event.progress, snapshots=event.snapshots)
    if event.snapshots is not None:
        turn.do(RecordSnapshots(job.task.uuid, event.snapshots))
    if not job.task.snapshot and event.snapshot:
        job = turn.job(job, snapshot=event.snapshot)
    if event.status in (0, STATUS_WARNING) and not event.code:
        job = turn.job(job, complete=True)
    if (finding := _of_run(job, event)) is not None:
        job = _found(turn, job, finding)
        if job.task.kind.is_job:
            turn.do(Log(job.id, finding.message))
    if job.task.kind.writes and not job.gone:
        turn.job(job, phase=Phase.FINISHING, awaiting=Awaiting.SYNC)
        turn.do(SyncDisk(job.id))
    else:
        _leave(turn, job)


def shown(turn: Turn, job: DiskJob, event: events.ViewShown) -> None:
    """The disk can be browsed."""
    turn.job(job, view=event.path)
    disk = turn.state.disks.get(job.task.uuid)
    if disk is not None:
        turn.disk(disk, browse_until=turn.now + event.seconds * 1_000_000)


def seen(turn: Turn, event: events.SnapshotsSeen) -> None:
    """A backup has looked at what is on its disk."""
    turn.do(RecordSnapshots(event.uuid, event.snapshots))


def _of_run(job: DiskJob, event: events.TaskFinished) -> Finding | None:
    kind = job.task.kind
    if event.code:
        return Finding(Verdict.FAILED, event.code, event.message)
    if event.status == 0 and not event.progress.warnings:
        return None
    if event.status in (0, STATUS_WARNING):
        warned = _WARNED.get(kind, (Code.SCRIPT_WARNING, "done, but see the journal"))
        code, message = _UNPROVED if event.unproved else warned
        return Finding(Verdict.WARNING, code, message)
    return Finding(
        Verdict.FAILED,
        JobCode.FAILED,
        "it could not be done: its log says why"
        if kind.is_job
        else "it could not be done: the journal says why",
    )


def synced(turn: Turn, job: DiskJob, event: events.DiskSynced) -> None:
    """What was written is on the disk, or is not."""
    if event.fault:
        job = _found(turn, job, Finding(Verdict.FAILED, event.fault, event.message))
    _leave(turn, job)


def closed(turn: Turn, job: DiskJob, event: events.DiskClosed) -> None:
    """The disk is let go of, or could not be."""
    gone = job.gone or not event.present or event.fault == Code.DISK_GONE
    job = turn.job(job, is_open=False, gone=gone)
    if event.fault and not gone:
        verdict = Verdict.WARNING if job.complete else Verdict.FAILED
        job = _found(turn, job, Finding(verdict, event.fault, event.message))
    _conclude(turn, job)


def _leave(turn: Turn, job: DiskJob) -> None:
    turn.job(job, phase=Phase.FINISHING, awaiting=Awaiting.CLOSE)
    turn.do(CloseDisk(job.id, gone=job.gone))


def _found(turn: Turn, job: DiskJob, finding: Finding) -> DiskJob:
    return turn.job(job, findings=(*job.findings, finding))


# --- ending -------------------------------------------------------------------------------------


def cancel(turn: Turn, job: DiskJob, why: Finding) -> bool:
    """End a job; False when nothing is left that could be cut short."""
    if job.over or job.complete or job.awaiting in _FINISHING:
        return False
    if job.awaiting is Awaiting.NOTHING:
        _finish(turn, job, why)
    elif job.stop is None:
        job = turn.job(job, stop=why)
        if job.awaiting is Awaiting.SCRIPT:
            turn.do(StopTask(job.id))
    return True


def lost(turn: Turn, syspath: str) -> None:
    """A device has left: if a job reads it, there is nothing more to read."""
    job = turn.state.current_job
    if job is None or job.device.syspath != syspath or job.gone:
        return
    job = turn.job(job, gone=True)
    if job.awaiting in (Awaiting.NOTHING, Awaiting.GRACE):
        _conclude(turn, job)
    elif job.awaiting is Awaiting.SCRIPT:
        turn.do(StopTask(job.id))


def grace_over(turn: Turn, job_id: str) -> None:
    """A disk that failed has had its time to turn out to have been pulled."""
    job = turn.state.current_job
    if job is not None and job.awaiting is Awaiting.GRACE and str(job.id) == job_id:
        _conclude(turn, job)


def stop(turn: Turn, why: Finding, whole: str = "") -> None:
    """End the job under way, with WHOLE only if it is on that disk."""
    job = turn.state.current_job
    if job is not None and whole in ("", job.device.whole):
        cancel(turn, job, why)
        if job.awaiting is Awaiting.GRACE:
            _conclude(turn, job)


def cut_short(turn: Turn, rows: tuple[DiskJob, ...]) -> None:
    """The last life of the daemon has left these without a verdict."""
    for row in rows:
        message = "the service or the server ended in the middle of it"
        finding = Finding(Verdict.INTERRUPTED, Code.DAEMON_DIED, message)
        _give_verdict(turn, turn.job(row), finding)


def _conclude(turn: Turn, job: DiskJob) -> None:
    failed = [item for item in job.findings if item.verdict is Verdict.FAILED]
    # What was complained of may have been just that, and what was written may not be there.
    left_early = job.gone and (job.findings or job.task.kind.writes)
    if job.complete and not failed and not left_early:  # all was read before whatever came then
        finding = worst(job.findings)
    elif job.gone:
        message = "the disk was taken away before it was done: plug it in again"
        finding = Finding(Verdict.INTERRUPTED, Code.DISK_GONE, message)
    else:
        finding = job.stop or worst(job.findings)
        waits = job.awaiting is not Awaiting.GRACE and not turn.state.stopping
        if waits and job.task.kind.is_job and finding and finding.code in _PULLED:
            turn.job(job, phase=Phase.FINISHING, awaiting=Awaiting.GRACE)
            turn.do(SetTimer(f"{GRACE}:{job.id}", GRACE_SECONDS))
            return
    _finish(turn, job, finding or Finding(Verdict.SUCCESS, Code.NONE, "complete"))


def _finish(turn: Turn, job: DiskJob, finding: Finding) -> None:
    turn.set(job=None)
    if job.awaiting is Awaiting.GRACE:
        turn.do(ClearTimer(f"{GRACE}:{job.id}"))
    job = _give_verdict(turn, job, finding)
    if job.task.kind.is_job and not turn.state.busy:
        turn.do(Inhibit(False))
    disk = turn.state.disks.get(job.task.uuid)
    if disk is not None:
        disk = turn.disk(disk, browse_until=0)
        if job.device.syspath in {item.syspath for item in disk.devices}:
            _settle(turn, disk, job)
    release.recheck(turn, job.device.whole)


def _give_verdict(turn: Turn, job: DiskJob, finding: Finding) -> DiskJob:
    job = turn.job(
        job,
        phase=Phase.DONE,
        awaiting=Awaiting.NOTHING,
        verdict=finding.verdict,
        code=finding.code,
        message=finding.message,
        finished_at=turn.now,
    )
    uuid, is_job = job.task.uuid, job.task.kind.is_job
    older = {
        other.id
        for other in turn.state.jobs.values()
        if other.over
        and other.id != job.id
        and (other.task.uuid, other.task.kind.is_job) == (uuid, is_job)
    }
    turn.set(jobs={key: item for key, item in turn.state.jobs.items() if key not in older})
    if is_job:
        turn.do(Log(job.id, f"{finding.verdict}: {finding.message}"), RecordJob(job))
        kind = str(job.task.kind)
        turn.tell(JobFinished(job.id, kind, uuid, job.verdict, job.message))
        telling.job_ended(turn, job)
    return job


def _settle(turn: Turn, disk: Disk, job: DiskJob) -> None:
    """The disk is what it was before."""
    waits = turn.state.active_backup(disk.uuid) is not None
    state, reason = job.before
    if not waits and (disk.state, disk.reason) == (DiskState.HELD, Reason.JOB):
        if len(disk.devices) > 1:
            disk = turn.disk(disk, state=DiskState.REJECTED, reason=Reason.DUPLICATE_UUID)
        elif not disk.saved:
            disk = turn.disk(disk, state=DiskState.UNKNOWN)
        elif state is DiskState.REJECTED:
            disk = turn.disk(disk, state=state, reason=reason)
        else:
            disk = turn.disk(disk, state=DiskState.PLUGGED)
    if waits:
        return
    if disk.state is DiskState.PLUGGED and disk.plug is not None and disk.plug.ended:
        if job.task.kind.is_brief and state is DiskState.SAFE:
            turn.set(quiet=turn.state.quiet | {disk.uuid})  # it was told already
        release.wait_for(turn, disk)
    elif not job.task.kind.is_brief:
        release.let_go(turn, disk)


def fraction(job: DiskJob) -> float:
    """How far it is, 0 to 1; -1 = not known, or it has ended without reaching the end."""
    if job.over:
        return 1.0 if job.verdict in (Verdict.SUCCESS, Verdict.WARNING) else -1.0
    said = job.progress
    if said.fraction >= 0:
        return said.fraction
    return min(1.0, said.bytes_done / said.bytes_total) if said.bytes_total else -1.0
