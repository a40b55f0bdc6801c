"""What there is to tell of restores and verifications, and of a disk that is looked at."""

from dataclasses import replace
from typing import Final

from tetrasback.lang.i18n import N_, _
from tetrasback.lang.words import REASONS, say
from tetrasback.notifier import words
from tetrasback.notifier.note import Note
from tetrasback.notifier.subject import Subject
from tetrasback.wire import JobView

READING: Final = "job"
"""Why a disk is held that a job, or somebody who looks what is on it, reads."""

_TITLES: Final = {
    ("restore", ""): N_("Restoring from {name}"),
    ("restore", "success"): N_("Restore from {name} complete"),
    ("restore", "warning"): N_("Restore from {name} complete, with warnings"),
    ("restore", "cancelled"): N_("Restore from {name} cancelled"),
    ("restore", "interrupted"): N_("Restore from {name} INTERRUPTED"),
    ("restore", "failed"): N_("Restore from {name} FAILED"),
    ("verify", ""): N_("Verifying {name}"),
    ("verify", "success"): N_("Verification of {name} complete"),
    ("verify", "warning"): N_("Verification of {name}: NOT everything is as it was written"),
    ("verify", "cancelled"): N_("Verification of {name} cancelled"),
    ("verify", "interrupted"): N_("Verification of {name} INTERRUPTED"),
    ("verify", "failed"): N_("Verification of {name} FAILED"),
}


def title(subject: Subject, job: JobView) -> str:
    """How a job stands."""
    known = _TITLES.get((job.kind, job.verdict))
    if known is None:  # of a newer daemon
        known = N_("A job on {name} has ended") if job.verdict else N_("A job uses {name}")
    return _(known).format(name=subject.name)


def told(job: JobView) -> tuple[str, ...]:
    """How it ended."""
    facts = words.sentence(words.facts(job))
    if job.verdict == "success":
        return words.lines(facts)
    why = words.sentence(words.why(job))
    if job.verdict == "cancelled":
        return words.lines(why)
    log = _("More: {command}").format(command=f"tetras-backctl log {job.id}")
    return words.lines(facts, why, log)


def under_way(subject: Subject, job: JobView) -> Note:
    """A job that has not ended."""
    over = job.state == "done"
    if subject.away:
        lines = words.lines(
            _("The backup service has stopped. Leave the disk plugged in until it is back.")
        )
    else:
        lines = words.lines(words.progress(job), _("Leave the disk plugged in."))
    done = words.fraction(job)
    stop = _("To stop it: {command}").format(command=f"tetras-backctl cancel --job={job.id}")
    return Note(
        subject.disk.uuid,
        f"job:{subject.disk.uuid}:{job.id}",
        title(subject, replace(job, verdict="")),
        lines,
        progress=None if done is None or subject.away else round(done * 100),
        category="transfer",
        instead_of_buttons="" if over or subject.away else stop,
    )


def looked_at(subject: Subject, standing: Note) -> Note:
    """What takes the place of the note that was STANDING about a disk, while it is read for a
    moment."""
    return replace(
        standing,
        title=_("Do not unplug {name} yet").format(name=subject.name),
        lines=words.lines(words.sentence(say(REASONS, subject.disk.reason))),
        buttons=(),
        beside_buttons="",
        instead_of_buttons="",
    )
