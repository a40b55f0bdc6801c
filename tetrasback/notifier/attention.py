"""Notes made of alerts: what a person should know of disks that have no note of their own."""

from collections.abc import Iterable, Mapping
from typing import Final

from tetrasback.lang.i18n import _, ngettext
from tetrasback.lang.told import told
from tetrasback.lang.words import ALERT_LEVELS, ALERTS, about, say
from tetrasback.notifier import endings, words
from tetrasback.notifier.note import AS_THE_SERVER_LIKES, Note, Urgency
from tetrasback.wire import Alert, DiskView

KEY: Final = ""
BLANK_KEY: Final = "blank"
MAX_LINES: Final = 5

_BLANK: Final = "unknown-disk"
_OF_PRESENCE: Final = frozenset({_BLANK, "rejected", "held", "safe-to-unplug"})
_OF_ENDS: Final = frozenset({"failed", "interrupted", "warning", "cancelled"})


def belongs_to_a_disk(alert: Alert) -> bool:
    """Whether what ALERT says is told by another note: its disk is plugged in."""
    return alert.code in _OF_PRESENCE


def is_about_an_end(alert: Alert) -> bool:
    """Whether it is about how a disk's last backup ended."""
    return alert.code in _OF_ENDS and bool(alert.uuid)


def occasion(alert: Alert) -> str:
    """What it is known by, over the end of a session too."""
    if is_about_an_end(alert):
        return endings.occasion(alert.uuid, alert.since)
    return f"{alert.code}:{alert.uuid}:{alert.since}"


def blank_disks(alerts: Iterable[Alert]) -> Note | None:
    """One note for disks without any file system, which only alerts tell of."""
    told_of = [_line(alert, None) for alert in alerts if alert.code == _BLANK and not alert.uuid]
    if not told_of:
        return None
    known = tuple(f"{_BLANK}::{line}" for line in words.lines(*told_of))
    return Note(
        BLANK_KEY,
        " ".join(known),
        ngettext("New disk", "New disks", len(told_of)),
        words.lines(*told_of[:MAX_LINES]),
        Urgency.LOW,
        AS_THE_SERVER_LIKES,
        category="device.added",
        lasting=known,
    )


def note(alerts: Iterable[Alert], disks: Mapping[str, DiskView]) -> Note | None:
    """One note for ALERTS, worst first; None where there are none."""
    news = list(alerts)
    if not news:
        return None
    shown = [_line(alert, disks.get(alert.uuid)) for alert in news[:MAX_LINES]]
    left = len(news) - len(shown)
    more = ngettext("And {n} more.", "And {n} more.", left).format(n=left) if left else ""
    bad = any(ALERT_LEVELS.get(alert.code) == "error" for alert in news)
    known = tuple(map(occasion, news))
    return Note(
        KEY,
        "alerts",
        _("Backups need attention"),
        words.lines(*shown, more, _("More: {command}").format(command="tetras-backctl status")),
        Urgency.CRITICAL if bad else Urgency.NORMAL,
        icon="dialog-error" if bad else "dialog-warning",
        category="device.error",
        lasting=known,
    )


def _line(alert: Alert, disk: DiskView | None) -> str:
    if not alert.message and disk is not None:
        return about(words.disk_name(disk), say(ALERTS, alert.code))
    return words.sentence(told(alert.message, say(ALERTS, alert.code)))
