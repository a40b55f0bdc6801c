"""What there is to tell of one disk: its note, or none. Pure: everything is given."""

import shlex
from dataclasses import replace
from typing import Final

from tetrasback.lang.i18n import _
from tetrasback.lang.text import clean
from tetrasback.notifier import arrivals, endings, jobs, words
from tetrasback.notifier.note import Button, Cancel, Note
from tetrasback.notifier.subject import Subject
from tetrasback.wire import BackupView, JobView

_BAD: Final = frozenset({"failed", "interrupted"})


def story(subject: Subject) -> Note | None:
    """The one note about a disk; None where nothing need be told."""
    note = _story(subject)
    remark = subject.remark
    if note is None or remark is None or remark.occasion != note.occasion:
        return note
    return replace(
        note,
        lines=(*note.lines, *words.lines(remark.text)),
        buttons=() if remark.final else note.buttons,
        beside_buttons="" if remark.final else note.beside_buttons,
        instead_of_buttons="" if remark.final else note.instead_of_buttons,
    )


def _story(subject: Subject) -> Note | None:
    last = subject.last
    if subject.job is not None:
        return jobs.under_way(subject, subject.job)
    if subject.active is not None:
        return _under_way(subject, subject.active)
    match subject.disk.state:
        case "unknown":
            return arrivals.offer(subject)
        case "rejected":
            return arrivals.rejected(subject)
        case "held" if subject.disk.reason == jobs.READING:
            if isinstance(last, JobView) and subject.followed:
                return jobs.under_way(subject, last)
            return None
        case "held":
            return endings.held(subject)
        case "safe-to-unplug":
            return endings.safe(subject)
        case "running" if isinstance(last, BackupView) and subject.followed:
            return _under_way(subject, last)
        case "plugged" if subject.saved_here and not subject.followed:
            return arrivals.saved(subject)
    if last is not None and last.verdict in _BAD and subject.followed:
        return endings.bad(subject, last)
    return None


def _per_cent(backup: BackupView) -> int | None:
    done = words.fraction(backup)
    return None if done is None else round(done * 100)


def _under_way(subject: Subject, backup: BackupView) -> Note:
    """Queued, running, or with its verdict and not let go yet."""
    occasion = f"backup:{subject.disk.uuid}:{backup.id}"
    if subject.away:
        return Note(
            subject.disk.uuid,
            occasion,
            _("No news of the backup on {name}").format(name=subject.name),
            words.lines(
                _("The backup service has stopped. Leave the disk plugged in until it is back.")
            ),
            icon="dialog-warning",
            category="device.error",
        )
    title = _("Backing up onto {name}")
    if backup.state == "queued":
        title = _("{name} is waiting its turn")
        told = words.lines(_("Another backup is running."), _("Leave the disk plugged in."))
    else:
        told = words.lines(
            words.progress(backup),
            _("Leave the disk plugged in."),
        )
    command = f"tetras-backctl cancel {shlex.quote(subject.name)}"
    over = backup.state == "done"
    return Note(
        subject.disk.uuid,
        occasion,
        title.format(name=subject.name),
        told,
        progress=None if backup.state == "queued" else _per_cent(backup),
        category="transfer",
        buttons=() if over else (Button("cancel", _("Cancel"), Cancel(subject.disk.uuid)),),
        instead_of_buttons=""
        if over
        else _("To stop it: {command}").format(command=clean(command, words.LINE_LIMIT)),
    )
