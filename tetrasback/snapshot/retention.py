"""Which backups a policy keeps: arithmetic on their dates alone, in the terms of restic and borg.

A rule such as ``daily=7`` keeps the newest backup of each of the last 7 days *that have one*;
``last=3`` the newest three; ``within=2y6m14d`` all that are no further than that before the newest.
A backup is kept if any rule keeps it; each rule counts for itself. Without a rule all are kept.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

Period = Callable[[datetime], tuple[int, ...]]

PERIODS: Final[Mapping[str, Period]] = {
    "daily": lambda at: (at.year, at.month, at.day),
    "weekly": lambda at: tuple(at.isocalendar()[:2]),
    "monthly": lambda at: (at.year, at.month),
    "yearly": lambda at: (at.year,),
}
COUNT_MAX: Final = 100_000
_WITHIN: Final = re.compile(
    r"(?:(\d{1,4})y)?(?:(\d{1,4})m)?(?:(\d{1,4})w)?(?:(\d{1,5})d)?(?:(\d{1,6})h)?"
)


class BadRule(ValueError):
    """It is no rule; one line."""


@dataclass(frozen=True, slots=True)
class Within:
    """A length of time, with months and years as the calendar has them."""

    years: int = 0
    months: int = 0
    weeks: int = 0
    days: int = 0
    hours: int = 0

    def before(self, moment: datetime) -> datetime:
        """So long before MOMENT; the earliest date there is where the calendar ends."""
        months = moment.year * 12 + moment.month - 1 - self.years * 12 - self.months
        year, month = divmod(months, 12)
        if year < 1:
            return datetime.min
        day = min(moment.day, _days(year, month + 1))
        try:
            return moment.replace(year=year, month=month + 1, day=day) - timedelta(
                weeks=self.weeks, days=self.days, hours=self.hours
            )
        except OverflowError:
            return datetime.min


def _days(year: int, month: int) -> int:
    first = datetime(year, month, 1)
    following = (
        datetime(year + month // 12, month % 12 + 1, 1) if year < 9999 or month < 12 else None
    )
    return (following - first).days if following else 31


def read_within(text: str) -> Within:
    """A length such as ``30d`` or ``1y6m``. Raises BadRule."""
    found = _WITHIN.fullmatch(text)
    if not text or found is None:
        raise BadRule(f'{text[:40]!r} is no length of time; write it like "30d" or "1y6m"')
    return Within(*(int(part or 0) for part in found.groups()))


@dataclass(frozen=True, slots=True)
class Policy:
    """What is kept. ``counts``: ``last`` and the words of PERIODS."""

    counts: Mapping[str, int] = field(default_factory=dict)
    within: Within | None = None

    def kept(self, dates: Iterable[datetime]) -> set[datetime]:
        """Those of DATES that are kept; the newest always is."""
        newest_first = sorted(set(dates), reverse=True)
        if not newest_first or not (any(self.counts.values()) or self.within):
            return set(newest_first)
        kept = {newest_first[0], *newest_first[: self.counts.get("last", 0)]}
        if self.within is not None:
            start = self.within.before(newest_first[0])
            kept.update(date for date in newest_first if date >= start)
        for word, period in PERIODS.items():
            kept.update(_newest_of_each(newest_first, period, self.counts.get(word, 0)))
        return kept


def _newest_of_each(newest_first: list[datetime], period: Period, count: int) -> set[datetime]:
    found: dict[tuple[int, ...], datetime] = {}
    for date in newest_first:
        key = period(date)
        if key not in found:
            if len(found) == count:
                break
            found[key] = date
    return set(found.values())


def read_policy(text: str) -> Policy:
    """A policy such as ``last=3 daily=7 within=30d``; '' keeps all. Raises BadRule."""
    counts: dict[str, int] = {}
    within = None
    for word in text.split():
        name, _, value = word.partition("=")
        if name == "within":
            within = read_within(value)
        elif name in ("last", *PERIODS) and value.isascii() and value.isdecimal():
            counts[name] = min(int(value), COUNT_MAX)
        else:
            raise BadRule(f"{word[:40]!r} is no rule; write it like daily=7")
    return Policy(counts, within)
