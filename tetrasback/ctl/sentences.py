"""Views → sentences and tables for people. Pure: everything shown is given."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from tetrasback.client.wholes import whole_of
from tetrasback.ctl.match import shortest
from tetrasback.ctl.output import Cell, Column, Table
from tetrasback.ctl.wholes import preparable_hint, preparable_state, without_disk
from tetrasback.lang.i18n import _, ngettext
from tetrasback.lang.text import clean
from tetrasback.lang.told import told
from tetrasback.lang.units import ago, duration, moment, percent, size
from tetrasback.lang.words import (
    ALERT_LEVELS,
    ALERTS,
    DISK_STATES,
    LABELS,
    LEVELS,
    PHASES,
    REASONS,
    STEPS,
    TRIGGERS,
    VERDICT_WORDS,
    VERDICTS,
    WHY,
    about,
    filesystem_advice,
    say,
)
from tetrasback.wire import (
    Alert,
    BackupView,
    DiskView,
    HistoryEntry,
    JobEntry,
    JobView,
    PreparableView,
    ScriptView,
)

LEVEL_STYLES: Final[Mapping[str, str]] = {
    "error": "bold red",
    "warning": "yellow",
    "info": "cyan",
    "good": "green",
    "running": "bold blue",
}
_STATE_STYLES: Final[Mapping[str, str]] = {
    "unknown": "cyan",
    "queued": "blue",
    "running": "bold blue",
    "held": "bold red",
    "safe-to-unplug": "green",
    "rejected": "bold red",
    "absent": "dim",
}
VERDICT_STYLES: Final[Mapping[str, str]] = {
    "success": "green",
    "warning": "yellow",
    "failed": "bold red",
    "cancelled": "yellow",
    "interrupted": "bold red",
}
Progress = BackupView | JobView
"""What goes on and has an end."""

_STATE_ORDER: Final = (
    "rejected",
    "held",
    "running",
    "queued",
    "unknown",
    "plugged",
    "safe-to-unplug",
    "absent",
)


def disk_name(disk: DiskView) -> str:
    """What to call a disk: its name, else its label, else its UUID."""
    return disk.name or disk.label or disk.uuid


def disk_state(disk: DiskView) -> str:
    """Its state, and why where there is a reason."""
    state = say(DISK_STATES, disk.state)
    return about(state, say(REASONS, disk.reason)) if disk.reason else state


def sort_disks(disks: Sequence[DiskView]) -> list[DiskView]:
    """Those that are here first, those that want attention before all; then by name."""
    return sorted(
        disks,
        key=lambda disk: (
            _STATE_ORDER.index(disk.state) if disk.state in _STATE_ORDER else -1,
            disk.name.casefold(),
            disk.uuid,
        ),
    )


def disks_table(
    disks: Sequence[DiskView], *, full: bool, blank: Sequence[PreparableView] = ()
) -> Table:
    """All disks, and BLANK ones, of which only their device is known.

    FULL: whole UUIDs, else the shortest beginnings that suffice to name one.
    """
    table = Table(
        [
            Column(_("Name")),
            Column(_("State"), full=True),
            Column(_("Device")),
            Column(_("Free"), right=True),
            Column(_("Size"), right=True),
            Column(_("Last good backup"), full=True),
            Column("UUID", full=True),
        ]
    )
    uuids = [disk.uuid for disk in disks]
    for disk in sort_disks(disks):
        style = _STATE_STYLES.get(disk.state, "")
        table.rows.append(
            (
                disk.name or "-",
                (say(DISK_STATES, disk.state), style),
                disk.device or "-",
                size(disk.free) if disk.free else "-",
                size(disk.size) if disk.size else "-",
                moment(disk.last_success) if disk.saved else "-",
                disk.uuid if full else shortest(disk.uuid, uuids),
            )
        )
    for whole in blank:
        state = (preparable_state(whole), "cyan")
        table.rows.append(("-", state, whole.device, "-", size(whole.size), "-", "-"))
    return table


def disk_hints(disks: Sequence[DiskView], preparable: Sequence[PreparableView] = ()) -> list[str]:
    """What to do about disks that are not saved, or that cannot be used."""
    hints = []
    for disk in sort_disks(disks):
        if disk.state == "unknown":
            hints.append(unknown_disk(disk, whole_of(disk.device, preparable)))
        elif disk.browse_until:
            hints.append(
                _("backups on {disk} are shown until {time}; to end this: {command}").format(
                    disk=disk_name(disk),
                    time=moment(disk.browse_until),
                    command="tetras-backctl browse --close",
                )
            )
        elif disk.reason:
            hints.append(about(disk_name(disk), disk_state(disk)))
    return hints + [preparable_hint(whole) for whole in without_disk(preparable, disks)]


def unknown_disk(disk: DiskView, whole: str = "") -> str:
    """An unsaved disk, and the command that saves it, or erases and prepares it.

    WHOLE: the disk that it lies on, where that is known.
    """
    facts = ", ".join(
        part
        for part in (
            disk.device,
            disk.label and _("“{label}”").format(label=disk.label),
            disk.model,
            disk.filesystem_type,
            size(disk.size) if disk.size else "",
        )
        if part
    )
    advice = filesystem_advice(disk.filesystem_type, whole)
    if not advice:
        advice = _("to back up onto it: tetras-backctl save {uuid}=NAME").format(uuid=disk.uuid)
    return about(_("unknown disk {uuid} ({facts})").format(uuid=disk.uuid, facts=facts), advice)


def beside_jobs(alerts: Sequence[Alert], jobs: Iterable[JobView]) -> list[Alert]:
    """ALERTS without those that a disk is in use whose job is shown: that tells it."""
    used = {job.uuid for job in jobs if not job.verdict}
    return [alert for alert in alerts if alert.code != "held" or alert.uuid not in used]


def alert_line(
    alert: Alert, disk: DiskView | None, at: int, preparable: Sequence[PreparableView] = ()
) -> list[Cell]:
    """One alert: its level, then the sentence, then since when."""
    level = ALERT_LEVELS.get(alert.code, "warning")
    if alert.code == "unknown-disk" and disk is not None:
        return level_line(level, unknown_disk(disk, whole_of(disk.device, preparable)))
    text = told(alert.message, say(ALERTS, alert.code))
    if not alert.message and disk is not None:
        text = about(disk_name(disk), text)
    since = f" ({ago(alert.since, at)})" if alert.since else ""
    return level_line(level, text + since)


def level_line(level: str, text: str) -> list[Cell]:
    """TEXT behind its level, aligned."""
    width = max(len(say(LEVELS, word, "level")) for word in LEVELS) + 2
    return [(say(LEVELS, level, "level").ljust(width), LEVEL_STYLES.get(level, "")), text]


def backup_step(backup: Progress) -> str:
    """What a backup or a job is doing."""
    if not backup.step:
        return say(PHASES, backup.state)
    return say(STEPS if backup.step in STEPS else LABELS, backup.step)


def amount(backup: Progress) -> str:
    """How much is done, and of how much; empty where that is not known."""
    if not backup.bytes_done or not backup.bytes_total:
        return size(backup.bytes_done) if backup.bytes_done else ""
    return _("{done} of {total}").format(
        done=size(backup.bytes_done), total=size(backup.bytes_total)
    )


def backup_line(backup: BackupView, name: str) -> str:
    """A backup under way, in one line."""
    return progress_line(_("backup on {disk}").format(disk=name), backup)


def job_title(kind: str, disk: str) -> str:
    """What a job on a disk is called in a line."""
    match kind:
        case "restore":
            return _("restore from {disk}").format(disk=disk)
        case "verify":
            return _("verification of {disk}").format(disk=disk)
    return f"{clean(kind, 40)} {disk}"


def progress_line(title: str, backup: Progress) -> str:
    """What is under way, called TITLE, in one line."""
    parts = [about(title, backup_step(backup))]
    if backup.state != "queued":
        if backup.fraction >= 0:
            parts.append(percent(backup.fraction))
        if backup.bytes_done:
            parts.append(amount(backup))
        if backup.warnings:
            parts.append(warnings(backup.warnings))
    return ", ".join(parts)


def warnings(count: int) -> str:
    """COUNT warnings, in words."""
    return ngettext("{n} warning", "{n} warnings", count).format(n=count)


def verdict_line(name: str, entry: HistoryEntry | JobEntry) -> list[Cell]:
    """How a backup or a job ended."""
    facts = []
    if entry.bytes or entry.files:
        facts.append(
            ngettext("{size} in {n} file", "{size} in {n} files", entry.files).format(
                size=size(entry.bytes), n=entry.files
            )
        )
    if entry.started_at and entry.finished_at:
        facts.append(duration((entry.finished_at - entry.started_at) / 1_000_000))
    if entry.warnings:
        facts.append(warnings(entry.warnings))
    why = told(entry.message, say(WHY, entry.code))
    if entry.message and entry.code:
        why += f" [{entry.code}]"
    return [
        about(name, ""),
        (say(VERDICTS, entry.verdict), VERDICT_STYLES.get(entry.verdict, "")),
        f" ({', '.join(facts)})" if facts else "",
        about("", why) if why else "",
    ]


def release_line(name: str, disk: DiskView | None) -> list[Cell]:
    """Whether a disk may be pulled out, after its backup."""
    if disk is None or disk.state == "absent":
        return [_("{disk} is not plugged in any more").format(disk=name)]
    if disk.state == "safe-to-unplug":
        return [(_("{disk} is safe to unplug").format(disk=name), "green")]
    text = _("do not unplug {disk} yet: {state}").format(disk=name, state=disk_state(disk))
    return [(text, "bold red")]


def history_table(entries: Sequence[HistoryEntry]) -> Table:
    """Rows of the history."""
    table = Table(
        [
            Column(_("Id"), right=True, full=True),
            Column(_("Disk")),
            Column(_("Started"), full=True),
            Column(_("Took"), right=True, full=True),
            Column(_("Verdict"), full=True),
            Column(_("Size"), right=True),
            Column(_("Files"), right=True),
            Column(_("Trigger")),
            Column(_("Message")),
        ]
    )
    for entry in entries:
        took = entry.finished_at - entry.started_at
        table.rows.append(
            (
                str(entry.id),
                entry.name or entry.uuid,
                moment(entry.started_at),
                duration(took / 1_000_000) if entry.started_at and entry.finished_at else "-",
                (
                    say(VERDICT_WORDS, entry.verdict, "verdict"),
                    VERDICT_STYLES.get(entry.verdict, "bold blue"),
                ),
                size(entry.bytes) if entry.bytes else "-",
                str(entry.files) if entry.files else "-",
                say(TRIGGERS, entry.trigger, "trigger"),
                told(entry.message, say(WHY, entry.code)),
            )
        )
    return table


def scripts_table(scripts: Sequence[ScriptView]) -> Table:
    """The backup scripts there are."""
    table = Table(
        [Column(_("Script"), full=True), Column(_("Enabled"), full=True), Column(_("Path"))]
    )
    for script in scripts:
        enabled = (_("yes"), "green") if script.enabled else (_("no"), "dim")
        table.rows.append((script.name, enabled, script.path))
    return table
