"""Notes about disks that were plugged in and are not backed up onto: new, just saved, refused."""

import shlex
from typing import Final

from tetrasback.lang.i18n import _
from tetrasback.lang.units import size
from tetrasback.lang.words import REASONS, filesystem_advice, say
from tetrasback.notifier import words
from tetrasback.notifier.naming import suggest_name
from tetrasback.notifier.note import AS_THE_SERVER_LIKES, BackUp, Button, Note, Save, Urgency
from tetrasback.notifier.subject import Subject

OFFER_TIMEOUT: Final = 60_000
"""ms that an offer stays: long enough to come back to the screen from the plug."""


def offer(subject: Subject) -> Note:
    """A disk that nobody has saved: save it, or why no backup can go onto it."""
    disk = subject.disk
    facts = words.joined(
        (disk.device, disk.filesystem_type, size(disk.size) if disk.size else "", disk.model)
    )
    advice = filesystem_advice(disk.filesystem_type, subject.whole)
    if advice:
        return Note(
            disk.uuid,
            subject.here("unknown"),
            _("{name} cannot hold backups").format(name=subject.name),
            words.lines(facts, words.sentence(advice)),
            Urgency.LOW,
            AS_THE_SERVER_LIKES,
            category="device.added",
        )
    name = suggest_name(disk, subject.taken)
    command = f"tetras-backctl save {shlex.quote(disk.uuid)}={shlex.quote(name)}"
    return Note(
        disk.uuid,
        subject.here("unknown"),
        _("New disk: {name}").format(name=subject.name),
        words.lines(facts),
        timeout=OFFER_TIMEOUT,
        category="device.added",
        buttons=(Button("save", _("Save this disk"), Save(disk.uuid, name)),),
        beside_buttons=_("Save it as “{name}” to back up this server onto it.").format(name=name),
        instead_of_buttons=_("To back up onto it: {command}").format(command=command),
    )


def saved(subject: Subject) -> Note:
    """A disk that a button has just saved."""
    disk = subject.disk
    rename = f"tetras-backctl save {shlex.quote(disk.uuid)}=…"
    return Note(
        disk.uuid,
        subject.here("saved"),
        _("Saved as {name}").format(name=subject.name),
        words.lines(
            _("From now on a backup starts when it is plugged in."),
            _("For another name: {command}").format(command=rename),
        ),
        timeout=OFFER_TIMEOUT,
        buttons=(Button("backup", _("Back up now"), BackUp(disk.uuid)),),
        instead_of_buttons=_("To back up now: {command}").format(
            command=f"tetras-backctl backup {shlex.quote(subject.name)}"
        ),
    )


def rejected(subject: Subject) -> Note:
    """A saved disk that cannot be used as it is."""
    reason = words.sentence(say(REASONS, subject.disk.reason))
    if subject.disk.reason == "unsupported-filesystem":  # this one can be said better
        advice = filesystem_advice(subject.disk.filesystem_type, subject.whole)
        reason = words.sentence(advice) or reason
    return Note(
        subject.disk.uuid,
        subject.here(f"rejected/{subject.disk.reason}"),
        _("{name} cannot be used").format(name=subject.name),
        words.lines(reason, _("No backup can be made on it.")),
        Urgency.CRITICAL,
        icon="dialog-error",
        category="device.error",
    )
