"""Sizes, times and durations for people, and times for programs."""

import re
import time
from datetime import UTC, datetime

from tetrasback.lang.i18n import N_, _, ngettext, pgettext

_SIZES = (N_("kB"), N_("MB"), N_("GB"), N_("TB"), N_("PB"), N_("EB"))
_BINARY = (N_("KiB"), N_("MiB"), N_("GiB"), N_("TiB"), N_("PiB"), N_("EiB"))
_WRITTEN = re.compile(rf"([0-9.]{{1,20}}) ?({'|'.join((*_SIZES, *_BINARY, 'B'))})")


def size(count: int) -> str:
    """COUNT bytes in the units that are printed on disks: powers of 1000."""
    if count < 1000:
        return _("{number} {unit}").format(number=count, unit=_("B"))
    value = float(count)
    for unit in _SIZES:
        value /= 1000
        if value < 999.5 or unit == _SIZES[-1]:
            break
    return _("{number} {unit}").format(
        number=_decimal(value) if value < 99.95 else f"{value:.0f}", unit=_(unit)
    )


def size_of(text: str) -> str:
    """A size that a script wrote, such as ``1.2GiB``, in the reader's way; other text as it is."""
    found = _WRITTEN.fullmatch(text)
    if not found:
        return text
    number = found[1].replace(".", pgettext("decimal point", "."))
    return _("{number} {unit}").format(number=number, unit=_(found[2]))


def _decimal(value: float) -> str:
    return f"{value:.1f}".replace(".", pgettext("decimal point", "."))


def speed(count: float) -> str:
    """COUNT bytes a second."""
    return _("{size}/s").format(size=size(int(count)))


def percent(fraction: float) -> str:
    """FRACTION, 0 to 1, in whole percents."""
    return _("{number}%").format(number=f"{fraction * 100:.0f}")


def _datetime(micros: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(micros / 1_000_000, UTC).astimezone() if micros else None
    except (OverflowError, ValueError, OSError):
        return None  # no calendar goes that far


def moment(micros: int) -> str:
    """µs since the epoch as local date and time; 'never' for 0."""
    when = _datetime(micros)
    # xgettext:no-python-format
    return when.strftime(pgettext("date and time", "%Y-%m-%d %H:%M")) if when else _("never")


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
        return _("{days} d {hours} h").format(days=days, hours=hours)
    if hours:
        return _("{hours} h {minutes} min").format(hours=hours, minutes=f"{minutes:02}")
    if minutes:
        return _("{minutes} min {seconds} s").format(minutes=minutes, seconds=f"{rest:02}")
    return _("{seconds} s").format(seconds=rest)


def ago(micros: int, at: int) -> str:
    """How long before AT (both µs since the epoch) something was; 'never' for 0."""
    if not micros:
        return _("never")
    minutes = (at - micros) // 60_000_000
    hours, days = minutes // 60, minutes // 1440
    if days > 0:
        return ngettext("{n} day ago", "{n} days ago", days).format(n=days)
    if hours > 0:
        return ngettext("{n} hour ago", "{n} hours ago", hours).format(n=hours)
    if minutes > 0:
        return ngettext("{n} minute ago", "{n} minutes ago", minutes).format(n=minutes)
    return _("just now")
