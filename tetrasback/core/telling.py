"""Who is told of what by mail and at the console.

A letter counts as told when `MailKept` says that it would survive the daemon: until then what it
is about is remembered as untold, and told by the next life of the daemon should this one be cut
short. So a letter may come twice, but none is lost.
"""

from dataclasses import replace
from typing import Final

from tetrasback.core import staleness
from tetrasback.core.devices import BlockDevice
from tetrasback.core.effects import CallOut, Mail, RecordDisk, RecordMailed, SetMail
from tetrasback.core.events import MailKept
from tetrasback.core.news import BackupEnded, DiskRefused, DiskSafe, DisksStale, JobEnded, Letter
from tetrasback.core.state import Backup, Disk, DiskJob, Progress, Verdict
from tetrasback.core.turn import Turn

REJECTED: Final = "rejected"
"""The word of ``[mail] on`` for a disk that cannot be used."""

_HEARD_OF: Final = (Verdict.FAILED, Verdict.INTERRUPTED)


def is_mailed(turn: Turn, word: str) -> bool:
    """Whether WORD, a verdict or `REJECTED`, is to be told by mail."""
    mail = turn.config.mail
    return bool(mail.to) and word in mail.on


def configured(turn: Turn) -> None:
    """The configuration may send mail in another way than before."""
    if turn.config.mail != turn.state.mail:
        turn.set(mail=turn.config.mail)
        turn.do(SetMail(turn.config.mail))


def backup_ended(turn: Turn, backup: Backup) -> None:
    """BACKUP has its verdict, which is recorded. What only a letter says is forgotten then."""
    news = BackupEnded(backup, turn.state.disks.get(backup.uuid))
    if not backup.mailed:
        _mail(turn, news)
    if turn.config.alerts.console and backup.verdict in _HEARD_OF:
        turn.do(CallOut(news, turn.config.language))
    if backup.id in turn.state.backups:
        turn.backup(
            backup,
            current=_without_texts(backup.current),
            earlier=_without_texts(backup.earlier),
        )


def job_ended(turn: Turn, job: DiskJob) -> None:
    """JOB has its verdict, which is recorded. Somebody follows it, so its letter is sent once only,
    and whether it was kept is not recorded."""
    if is_mailed(turn, job.verdict):
        _mail(turn, JobEnded(job, turn.state.disks.get(job.task.uuid)))
    if job.id in turn.state.jobs:
        turn.job(job, progress=_without_texts(job.progress))


def _without_texts(said: Progress) -> Progress:
    return replace(said, warned=(), pruned=())


def untold(turn: Turn, backup: Backup) -> None:
    """An earlier life of the daemon has recorded the verdict of BACKUP, but told nobody."""
    if is_mailed(turn, backup.verdict):
        _mail(turn, BackupEnded(backup, turn.state.disks.get(backup.uuid)))
    else:
        turn.do(RecordMailed(backup.id))


def refused(turn: Turn, disk: Disk, device: BlockDevice, reason: str, *, backup: bool) -> None:
    """DEVICE of a saved disk cannot be used: told once for each plug and reason.

    BACKUP: a backup has failed of it, whose own letter says so.
    """
    plugs = "+".join(str(item.diskseq) for item in sorted(disk.devices, key=_by_diskseq))
    mark = f"{reason} {turn.state.boot_id} {plugs}"
    news = DiskRefused(disk, device.node, reason, turn.now, mark)
    if disk.refused == mark or _key(news) in turn.state.mailing:
        return
    if turn.config.alerts.console and not backup:
        turn.do(CallOut(news, turn.config.language))
    if is_mailed(turn, REJECTED) and not (backup and is_mailed(turn, Verdict.FAILED)):
        _mail(turn, news)
    else:
        turn.do(RecordDisk(turn.disk(disk, refused=mark)))


def _by_diskseq(device: BlockDevice) -> int:
    return device.diskseq


def safe(turn: Turn, disk: Disk) -> None:
    """DISK may be taken away."""
    if turn.config.alerts.console:
        turn.do(CallOut(DiskSafe(disk.uuid, disk.name), turn.config.language))


def look_for_stale(turn: Turn) -> None:
    """Write of disks that were not backed up for too long, unless a backup is just coming."""
    state = turn.state
    if not state.ready or state.stopping or state.busy or not turn.config.mail.to:
        return
    news = staleness.news(state.disks.values(), turn.config, turn.now, state.quiet_hours)
    if news is not None and _key(news) not in state.mailing:
        _mail(turn, news)
        turn.set(quiet_hours=0)


def kept(turn: Turn, event: MailKept) -> None:
    """A letter is in safe hands: what it is about has been told."""
    turn.set(mailing=turn.state.mailing - {_key(event.letter)})
    match event.letter:
        case BackupEnded(backup):
            known = turn.state.backups.get(backup.id)
            if known is not None:
                turn.backup(known, mailed=True)
            turn.do(RecordMailed(backup.id))
        case DiskRefused(disk, mark=mark):
            _remember(turn, disk, refused=mark)
        case DisksStale(disks, at=at):
            for disk in disks:
                _remember(turn, disk, stale_told=at)


def _remember(turn: Turn, disk: Disk, **told: str | int) -> None:
    known = turn.state.disks.get(disk.uuid)
    if known is not None and known.saved:
        turn.do(RecordDisk(turn.disk(known, **told)))


def _mail(turn: Turn, letter: Letter) -> None:
    turn.set(mailing=turn.state.mailing | {_key(letter)})
    turn.do(Mail(letter, turn.config.language))


def _key(letter: Letter) -> str:
    match letter:
        case BackupEnded(backup):
            return f"backup {backup.id}"
        case JobEnded(job):
            return f"job {job.id}"
        case DiskRefused(disk, mark=mark):
            return f"refused {disk.uuid} {mark}"
        case DisksStale():
            return "stale"
