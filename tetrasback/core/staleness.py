"""How long a disk has waited for a good backup, and when that is news.

The clock of a disk starts with its last good backup, or, before it has any, when it was saved.
``[alerts] stale_days`` also watches over the server: there is news when no disk at all has had a
good backup for that long, whatever the disks' own ``stale_days`` say.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from tetrasback.config.model import Config
from tetrasback.core.news import DisksStale
from tetrasback.core.state import Disk

DAY: Final = 86_400_000_000
"""µs."""

REPEAT_DAYS: Final = 7
"""How often the same is told again."""


def waits_since(disk: Disk) -> int:
    """When the wait for the next good backup of DISK began, µs since the epoch; 0 = not known."""
    return disk.last_success or disk.saved_at


def days_allowed(disk: Disk, config: Config) -> float:
    """Days that DISK may go without a good backup; 0 = any number."""
    own = config.disks.get(disk.uuid)
    if own is not None and own.stale_days is not None:
        return own.stale_days
    return config.alerts.stale_days


def is_stale(disk: Disk, config: Config, now: int) -> bool:
    """Whether DISK has gone without a good backup for longer than it may."""
    return disk.saved and _passed(waits_since(disk), days_allowed(disk, config), now)


def none_since(disks: Iterable[Disk], config: Config, now: int) -> int:
    """When the last good backup on any disk was, if that is longer ago than the server may go
    without one; else 0. Before there is any, the clock starts when the first disk was saved.
    """
    saved = [disk for disk in disks if disk.saved]
    newest = max((disk.last_success for disk in saved), default=0)
    since = newest or min((disk.saved_at for disk in saved), default=0)
    return since if _passed(since, config.alerts.stale_days, now) else 0


def days_passed(since: int, now: int) -> int:
    """Whole days from SINCE to NOW."""
    return (now - since) // DAY


def _passed(since: int, days: float, now: int) -> bool:
    return bool(since and days) and now - since > days * DAY


def news(disks: Iterable[Disk], config: Config, now: int, quiet_hours: int) -> DisksStale | None:
    """What is to be told of DISKS, if any of it was not told within `REPEAT_DAYS`.

    QUIET_HOURS: hours for which nothing was told, on a clock that nobody sets.
    """
    saved = [disk for disk in disks if disk.saved]
    none = none_since(saved, config, now)
    stale = [disk for disk in saved if is_stale(disk, config, now)]
    told = [disk.stale_told for disk in stale]
    if none:  # that a disk was saved meanwhile is no reason to say so again
        told.append(max(disk.stale_told for disk in saved))
    if not any(_is_due(then, now, quiet_hours) for then in told):
        return None
    return DisksStale(tuple(_longest_first(saved if none else stale)), none, now)


def _is_due(told: int, now: int, quiet_hours: int) -> bool:
    if told > now:  # the clock was wrong then, or is wrong now: no hurry
        return quiet_hours >= REPEAT_DAYS * 24
    return told == 0 or now - told >= REPEAT_DAYS * DAY


def _longest_first(disks: Sequence[Disk]) -> Sequence[Disk]:
    return sorted(disks, key=lambda disk: (waits_since(disk), disk.name))
