"""The text of a mail: what happened first, then what to do, then everything that is known."""

from collections.abc import Iterable, Mapping
from typing import Final

from tetrasback.core import staleness
from tetrasback.core.news import BackupEnded, DiskRefused, DisksStale, JobEnded, Letter
from tetrasback.core.state import Backup, Code, Disk, Verdict
from tetrasback.core.verdict import sum_progress
from tetrasback.lang import words
from tetrasback.lang.i18n import N_, _, ngettext
from tetrasback.lang.units import ago, duration, moment, size
from tetrasback.letters import advice, jobs
from tetrasback.letters.pieces import (
    LIST_MAX,
    amount,
    end_of,
    facts,
    labelled,
    of_disk,
    paragraph,
    section,
)
from tetrasback.letters.plain import line

FINDINGS_MAX: Final = 20
_HEADLINES: Final[Mapping[str, str]] = {
    Verdict.SUCCESS: N_("The backup of {host} onto disk {name} is complete."),
    Verdict.WARNING: N_("The backup of {host} onto disk {name} is complete, with warnings."),
    Verdict.FAILED: N_("The backup of {host} onto disk {name} FAILED: do not rely on it."),
    Verdict.CANCELLED: N_("The backup of {host} onto disk {name} was cancelled."),
    Verdict.INTERRUPTED: N_(
        "The backup of {host} onto disk {name} was INTERRUPTED: do not rely on it."
    ),
}
_GOOD: Final = (Verdict.SUCCESS, Verdict.WARNING)
_LOGGED: Final = (Verdict.FAILED, Verdict.INTERRUPTED)


def body(letter: Letter, host: str, log: str) -> str:
    """The text of LETTER from HOST; LOG is that of the backup, as far as it is known."""
    match letter:
        case BackupEnded(backup, disk):
            parts = _backup(backup, disk or Disk(backup.uuid), host, log)
        case JobEnded(job, disk):
            parts = jobs.told_of(job, disk or Disk(job.task.uuid), host, log)
        case DiskRefused():
            parts = _refused(letter, host)
        case DisksStale():
            parts = _stale(letter, host)
    return "\n\n".join(part for part in parts if part) + "\n"


# --- a backup -----------------------------------------------------------------------------------


def _backup(backup: Backup, disk: Disk, host: str, log: str) -> Iterable[str]:
    said = sum_progress(backup.earlier, backup.current)
    headline = _HEADLINES.get(
        backup.verdict, N_("The backup of {host} onto disk {name} has ended.")
    )
    yield paragraph(_(headline).format(host=line(host), name=line(backup.name)))
    if backup.verdict != Verdict.SUCCESS:
        yield _what_happened(backup)
        yield labelled(_("What to do:"), advice.on_backup(backup.code, backup.name, disk.fstype))
    yield facts(_of_backup(backup, disk))
    yield section(_("Older backups that were removed:"), said.pruned, len(said.pruned))
    count = ngettext("{count} warning:", "{count} warnings:", said.warnings)
    yield section(count.format(count=said.warnings), said.warned, said.warnings)
    if backup.verdict in _LOGGED:
        yield end_of(log)
    yield _("The whole log: {command}").format(command=f"tetras-backctl log {backup.id}")


def _what_happened(backup: Backup) -> str:
    code = words.say(advice.WHY, backup.code)
    messages = [backup.message, *(finding.message for finding in backup.findings)]
    why = [text for text in dict.fromkeys(messages) if text]
    head = _("What happened: {what}").format(what=code) if code else _("What happened:")
    return section(head, why[:FINDINGS_MAX], len(why)) or head


def _of_backup(backup: Backup, disk: Disk) -> Iterable[tuple[str, str]]:
    said = sum_progress(backup.earlier, backup.current)
    yield from of_disk(disk, backup.name)
    yield _("Started by:"), _trigger(backup)
    yield _("Began:"), moment(backup.started_at) if backup.started_at else _("it had not begun yet")
    if backup.code == Code.DAEMON_DIED:
        yield _("Noticed:"), moment(backup.finished_at)
    else:
        yield _("Ended:"), _ended(backup)
    if said.bytes_done or said.files_done or backup.verdict in _GOOD:
        yield _("Saved:"), amount(said.bytes_done, said.files_done)
    if said.snapshot:
        yield _("Folder:"), line(said.snapshot)
    if disk.free:
        yield _("Room left:"), _room(disk)
    if said.notes:
        count = ngettext("{count}, in the log", "{count}, in the log", said.notes)
        yield _("Notes:"), count.format(count=said.notes)
    if backup.verdict not in _GOOD:
        yield _("Last good backup:"), moment(disk.last_success) if disk.last_success else _("never")


def _trigger(backup: Backup) -> str:
    return {
        "plug": _("the disk was plugged in"),
        "request": _("somebody asked for it"),
    }.get(backup.trigger, line(backup.trigger))


def _ended(backup: Backup) -> str:
    took = (backup.finished_at - backup.started_at) / 1_000_000
    if not backup.started_at or took < 0:  # the clock was set back meanwhile
        return moment(backup.finished_at)
    return _("{when} (it took {time})").format(when=moment(backup.finished_at), time=duration(took))


def _room(disk: Disk) -> str:
    if not disk.size:
        return size(disk.free)
    return _("{free} of {size}").format(free=size(disk.free), size=size(disk.size))


# --- a disk that cannot be used -----------------------------------------------------------------


def _refused(letter: DiskRefused, host: str) -> Iterable[str]:
    disk = letter.disk
    headline = _("Disk {name} was plugged into {host} and cannot be used: nothing is backed up.")
    yield paragraph(headline.format(name=line(disk.name), host=line(host)))
    yield labelled(_("Why, and what to do:"), advice.on_disk(letter.reason, disk.fstype))
    yield facts(
        (
            *of_disk(disk, disk.name),
            (_("Device:"), line(letter.node)),
            (_("Plugged in:"), moment(letter.at)),
            (
                _("Last good backup:"),
                moment(disk.last_success) if disk.last_success else _("never"),
            ),
        )
    )


# --- disks that wait for too long ---------------------------------------------------------------


def _stale(letter: DisksStale, host: str) -> Iterable[str]:
    if letter.none_since:
        days = staleness.days_passed(letter.none_since, letter.at)
        text = ngettext(
            "No disk of {host} has had a good backup for {days} day.",
            "No disk of {host} has had a good backup for {days} days.",
            days,
        )
        yield text.format(host=line(host), days=days)
    else:
        text = ngettext(
            "A disk of {host} has not had a good backup for too long.",
            "{count} disks of {host} have not had a good backup for too long.",
            len(letter.disks),
        )
        yield text.format(host=line(host), count=len(letter.disks))
    rows = [_waiting(disk, letter.at) for disk in letter.disks[:LIST_MAX]]
    yield section(_("The disks, longest ago first:"), rows, len(letter.disks))
    yield labelled(
        _("What to do:"),
        _(
            "Plug such a disk in, and wait until it is said that it may be unplugged. One that is"
            " not used any more can be forgotten: tetras-backctl forget NAME. How many days are too"
            " many is said by stale_days in the configuration."
        ),
    )
    yield _("As long as this lasts, you are told once a week.")


def _waiting(disk: Disk, at: int) -> str:
    if disk.last_success:
        text = _("{name}: last good backup {when} ({ago})")
        when = disk.last_success
    else:
        text = _("{name}: no good backup yet, saved {when} ({ago})")
        when = disk.saved_at
    return text.format(name=line(disk.name), when=moment(when), ago=ago(when, at))
