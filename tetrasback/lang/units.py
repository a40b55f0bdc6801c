"""Sizes, times and durations for people, and times for programs."""

import time
from datetime import UTC, datetime

_SIZES = ("kB", "MB", "GB", "TB", "PB", "EB")


def size(count: int) -> str:
    """COUNT bytes in the units that are printed on disks: powers of 1000."""
    if count < 1000:
        return f"{count} B"
    value = float(count)
    for unit in _SIZES:
        value /= 1000
        if value < 999.5 or unit == _SIZES[-1]:
            break
    return f"{value:.1f} {unit}" if value < 99.95 else f"{value:.0f} {unit}"


def _datetime(micros: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(micros / 1_000_000, UTC).astimezone() if micros else None
    except (OverflowError, ValueError, OSError):
        return None  # no calendar goes that far


def moment(micros: int) -> str:
    """µs since the epoch as local date and time; 'never' for 0."""
    when = _datetime(micros)
    return f"{when:%Y-%m-%d %H:%M}" if when else "never"


def iso(micros: int) -> str | None:
    """µs since the epoch as RFC 3339 local time with its offset; None for 0."""
    when = _datetime(micros)
    return when.isoformat(timespec="seconds") if when else None


def now() -> int:
    """The time, in µs since the epoch."""
    return time.time_ns() // 1000


def duration(seconds: float) -> str:
    """A length of time with its two greatest units."""
    left = max(0, round(seconds))
    days, left = divmod(left, 86_400)
    hours, left = divmod(left, 3600)
    minutes, rest = divmod(left, 60)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes:02} min"
    if minutes:
        return f"{minutes} min {rest:02} s"
    return f"{rest} s"


def ago(micros: int, at: int) -> str:
    """How long before AT (both µs since the epoch) something was; 'never' for 0."""
    if not micros:
        return "never"
    seconds = (at - micros) / 1_000_000
    if seconds < 60:
        return "just now"
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        count = int(seconds // length)
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
