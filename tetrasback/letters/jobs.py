"""The text of a mail about a restore or a verification."""

from collections.abc import Iterable, Mapping
from typing import Final

from tetrasback.core.state import Disk, DiskJob, Verdict
from tetrasback.core.task import Kind
from tetrasback.lang import words
from tetrasback.lang.i18n import N_, _, ngettext
from tetrasback.lang.units import duration, moment
from tetrasback.letters import advice
from tetrasback.letters.pieces import amount, end_of, facts, of_disk, paragraph, section
from tetrasback.letters.plain import line

_HEADLINES: Final[Mapping[tuple[str, str], str]] = {
    (Kind.RESTORE, Verdict.SUCCESS): N_(
        "What was asked for has been restored on {host} from disk {name}."
    ),
    (Kind.RESTORE, Verdict.WARNING): N_(
        "What was asked for has been restored on {host} from disk {name}, with warnings."
    ),
    (Kind.RESTORE, Verdict.FAILED): N_("The restore on {host} from disk {name} FAILED."),
    (Kind.RESTORE, Verdict.CANCELLED): N_(
        "The restore on {host} from disk {name} was cancelled: what it had written is still there."
    ),
    (Kind.RESTORE, Verdict.INTERRUPTED): N_(
        "The restore on {host} from disk {name} was INTERRUPTED: not everything is back."
    ),
    (Kind.VERIFY, Verdict.SUCCESS): N_(
        "A backup of {host} on disk {name} was verified: what was read is as it was written."
    ),
    (Kind.VERIFY, Verdict.WARNING): N_(
        "A backup of {host} on disk {name} is DAMAGED: see below what is not as it was written."
    ),
    (Kind.VERIFY, Verdict.FAILED): N_("A backup of {host} on disk {name} could NOT be verified."),
    (Kind.VERIFY, Verdict.CANCELLED): N_(
        "The verification of a backup of {host} on disk {name} was cancelled."
    ),
    (Kind.VERIFY, Verdict.INTERRUPTED): N_(
        "The verification of a backup of {host} on disk {name} was INTERRUPTED."
    ),
}
_WHY: Final[Mapping[str, str]] = {**advice.WHY, **words.JOB_CODES}


def told_of(job: DiskJob, disk: Disk, host: str, log: str) -> Iterable[str]:
    """The parts of the text about JOB, whose LOG is known; empty ones are left out later."""
    said = job.progress
    headline = _HEADLINES.get(
        (job.task.kind, job.verdict), N_("The work on {host} with disk {name} has ended.")
    )
    yield paragraph(_(headline).format(host=line(host), name=line(job.name)))
    if job.verdict != Verdict.SUCCESS:
        yield _what_happened(job)
    yield facts(_facts_of(job, disk))
    count = ngettext("{count} warning:", "{count} warnings:", said.warnings)
    yield section(count.format(count=said.warnings), said.warned, said.warnings)
    if job.verdict in (Verdict.FAILED, Verdict.INTERRUPTED):
        yield end_of(log)
    yield _("The whole log: {command}").format(command=f"tetras-backctl log --job {job.id}")


def _what_happened(job: DiskJob) -> str:
    code = words.say(_WHY, job.code)
    head = _("What happened: {what}").format(what=code) if code else _("What happened:")
    return section(head, [job.message] if job.message else [], 1) or head


def _facts_of(job: DiskJob, disk: Disk) -> Iterable[tuple[str, str]]:
    yield from of_disk(disk, job.name)
    folder = job.task.snapshot or job.snapshot
    if folder:
        yield _("Folder:"), line(folder)
    if job.task.kind is Kind.RESTORE:
        yield _("Restored to:"), _destination(job)
    else:
        yield _("Read:"), _("{percent} % of it").format(percent=job.task.percent)
    yield _("Began:"), moment(job.started_at)
    took = (job.finished_at - job.started_at) / 1_000_000
    ended = moment(job.finished_at)
    if took >= 0:
        text = _("{when} (it took {time})")
        ended = text.format(when=ended, time=duration(took))
    yield _("Ended:"), ended
    if job.progress.bytes_done or job.progress.files_done:
        yield _("Done:"), amount(job.progress.bytes_done, job.progress.files_done)


def _destination(job: DiskJob) -> str:
    if job.task.database:
        return line(job.task.database)
    return _("where it came from") if job.task.in_place else line(job.task.destination)
