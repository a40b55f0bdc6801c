"""Notes about backups and jobs that have ended, and whether their disk may be taken away."""

from typing import Final

from tetrasback.lang.i18n import _, ngettext
from tetrasback.lang.text import clean
from tetrasback.lang.words import REASONS, say
from tetrasback.notifier import jobs, words
from tetrasback.notifier.note import Note, Urgency
from tetrasback.notifier.subject import Subject
from tetrasback.wire import BackupView, JobView

_GOOD: Final = frozenset({"success", "warning"})


def occasion(uuid: str, at: int) -> str:
    """The occasion of a backup's end at AT, which an alert about it shares."""
    return f"ended:{uuid}:{at}"


def safe(subject: Subject) -> Note:
    """The disk may be taken away."""
    title = _("{name} is safe to unplug").format(name=subject.name)
    last = subject.last
    if last is None:
        return Note(subject.disk.uuid, subject.here("safe"), title)
    if last.verdict in _GOOD and isinstance(last, BackupView):
        return _ending(subject, last, title, _told(last))
    told = (*_told(last), _("The disk is safe to unplug."))
    return _ending(subject, last, _title(subject, last), told)


def bad(subject: Subject, backup: words.Progress) -> Note:
    """A bad end, on a disk that is not here or of which nothing is known yet."""
    told = _told(backup)
    if subject.disk.state == "absent" and isinstance(backup, BackupView):
        told = (*told, _("Plug the disk in again to make another backup."))
    return _ending(subject, backup, _title(subject, backup), told)


def held(subject: Subject) -> Note:
    """The backup has ended, but somebody still uses the disk."""
    last = subject.last
    told: tuple[str, ...] = ()
    what = subject.here("held")
    if last is not None:
        what = f"held:{subject.disk.uuid}:{last.id}"
        told = _told(last)
        if last.verdict not in _GOOD or isinstance(last, JobView):
            told = (_title(subject, last) + ".", *told)
    return Note(
        subject.disk.uuid,
        what,
        _("Do not unplug {name} yet").format(name=subject.name),
        (*words.lines(words.sentence(say(REASONS, subject.disk.reason))), *told),
        Urgency.CRITICAL,
        icon="dialog-warning",
        category="device.error",
    )


def _ending(subject: Subject, backup: words.Progress, title: str, told: tuple[str, ...]) -> Note:
    known = occasion(subject.disk.uuid, backup.finished_at)
    # An unknown verdict is a newer daemon's: better too loud than unheard.
    critical = backup.verdict not in _GOOD | {"cancelled"}
    return Note(
        subject.disk.uuid,
        known,
        title,
        told,
        Urgency.CRITICAL if critical else Urgency.NORMAL,
        icon="dialog-error" if critical else "drive-removable-media",
        category="transfer.error" if critical else "transfer.complete",
        lasting=(known,),
    )


def _title(subject: Subject, backup: words.Progress) -> str:
    if isinstance(backup, JobView):
        return jobs.title(subject, backup)
    titles = {
        "success": _("Backup on {name} complete"),
        "warning": _("Backup on {name} complete, with warnings"),
        "cancelled": _("Backup on {name} cancelled"),
        "interrupted": _("Backup on {name} INTERRUPTED"),
        "failed": _("Backup on {name} FAILED"),
    }
    other = _("Backup on {name} has ended")
    return titles.get(backup.verdict, other).format(name=subject.name)


def _told(backup: words.Progress) -> tuple[str, ...]:
    """How it ended; a good end with its verdict, a bad one's stands in its title."""
    if isinstance(backup, JobView):
        return jobs.told(backup)
    facts = words.facts(backup)
    why = words.sentence(words.why(backup))
    log = _("More: {command}").format(command=f"tetras-backctl log {backup.id}")
    match backup.verdict:
        case "success":
            if not facts:
                return (_("Backup complete."),)
            return words.lines(_("Backup complete: {facts}.").format(facts=facts))
        case "warning":
            return words.lines(_complete_with(backup.warnings), why, log)
        case "cancelled":
            return words.lines(why)
        case "failed" | "interrupted":
            return words.lines(why, log)
    return words.lines(words.sentence(clean(backup.verdict, 40)), why, log)


def _complete_with(count: int) -> str:
    if not count:
        return _("Backup complete, with warnings.")
    return ngettext(
        "Backup complete, with {n} warning.", "Backup complete, with {n} warnings.", count
    ).format(n=count)
