"""The arithmetic of what is kept."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tetrasback.snapshot.retention import PERIODS, BadRule, Policy, read_policy, read_within

DATES = st.sets(st.datetimes(datetime(2015, 1, 1), datetime(2030, 1, 1)), max_size=40)
COUNTS = st.dictionaries(st.sampled_from(["last", *PERIODS]), st.integers(0, 12))
WITHIN = st.none() | st.builds(
    lambda y, m, d, h: read_within(f"{y}y{m}m{d}d{h}h"),
    *(st.integers(0, limit) for limit in (3, 30, 400, 100)),
)
POLICIES = st.builds(Policy, COUNTS, WITHIN)


@given(DATES, POLICIES)
def test_nothing_is_invented_and_the_newest_stays(dates: set[datetime], policy: Policy) -> None:
    kept = policy.kept(dates)
    assert kept <= dates
    assert not dates or max(dates) in kept


@given(DATES, POLICIES)
def test_what_was_kept_is_kept_again(dates: set[datetime], policy: Policy) -> None:
    kept = policy.kept(dates)
    assert policy.kept(kept) == kept


@given(DATES, POLICIES, st.sampled_from(["last", *PERIODS]), st.integers(1, 5))
def test_more_in_a_rule_never_keeps_less(
    dates: set[datetime], policy: Policy, word: str, more: int
) -> None:
    if not (any(policy.counts.values()) or policy.within):
        return  # without a rule all are kept
    larger = Policy({**policy.counts, word: policy.counts.get(word, 0) + more}, policy.within)
    assert policy.kept(dates) <= larger.kept(dates)


@given(DATES, st.sampled_from(list(PERIODS)), st.integers(1, 12))
def test_a_rule_keeps_the_newest_of_each_of_so_many_periods(
    dates: set[datetime], word: str, count: int
) -> None:
    period = PERIODS[word]
    wanted = {}
    for date in sorted(dates):
        wanted[period(date)] = date
    newest = sorted(wanted.values(), reverse=True)[:count]
    assert Policy({word: count}).kept(dates) == set(newest)


@given(DATES)
def test_without_a_rule_everything_stays(dates: set[datetime]) -> None:
    assert Policy().kept(dates) == read_policy("").kept(dates) == dates


def days(*ages: float) -> set[datetime]:
    return {datetime(2026, 11, 25, 12) - timedelta(days=age) for age in ages}


@pytest.mark.parametrize(
    ("text", "ages"),
    [
        ("last=2", (0, 1)),
        ("within=7d", (0, 1, 2, 3, 7)),
        ("within=1m", (0, 1, 2, 3, 7, 30)),
        ("daily=3", (0, 1, 2)),
        ("weekly=2", (0, 3)),
        ("monthly=2 last=1", (0, 30)),
        ("yearly=2", (0, 400)),
        ("within=1y daily=2", (0, 1, 2, 3, 7, 30, 90)),
        ("daily=0 last=0", (0, 1, 2, 3, 7, 30, 90, 400)),
    ],
)
def test_examples(text: str, ages: tuple[float, ...]) -> None:
    assert read_policy(text).kept(days(0, 1, 2, 3, 7, 30, 90, 400)) == days(*ages)


@pytest.mark.parametrize(("text", "day"), [("1m", 28), ("1y", 29)])
def test_a_month_before_its_end_is_the_end_of_the_one_before(text: str, day: int) -> None:
    end = datetime(2026, 3, 31) if text == "1m" else datetime(2025, 1, 29)
    assert read_within(text).before(end).day == day


@pytest.mark.parametrize(
    "text", ["hourly=3", "daily", "daily=-1", "daily=x", "within=", "within=d"]
)
def test_what_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises(BadRule):
        read_policy(text)
