"""Lines kept once and read by each at its own pace."""

import json
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from tetrasback.relay import lines
from tetrasback.relay.ring import ATOMIC, Cursor, Line, Ring


class Facts:
    """Says as many things as it has names."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)

    def keys(self) -> Iterable[str]:
        return list(self.names)

    def line(self, key: str) -> Line | None:
        return lines.encode("State", {"name": key}, 1) if key in self.names else None


def event(number: int, padding: int = 0) -> Line:
    return lines.encode("Event", {"number": number, "padding": "x" * padding}, 1)


def read(cursor: Cursor) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    while data := cursor.take():
        assert len(data) <= ATOMIC
        assert data.endswith(b"\n")
        found += [json.loads(line) for line in data.splitlines()]
    return found


def begin(ring: Ring, facts: Facts) -> Cursor:
    return Cursor(ring, facts, lambda count: lines.lost(count, 1))


def test_facts_come_first_then_what_happens_from_then_on() -> None:
    ring = Ring()
    ring.append(event(1))
    cursor = begin(ring, Facts("bleu", "rouge"))
    ring.append(event(2))
    told = read(cursor)
    assert [(one["seq"], one.get("name", one.get("number"))) for one in told] == [
        (1, "bleu"),
        (2, "rouge"),
        (3, 2),
    ]
    assert read(cursor) == []


def test_who_falls_behind_is_told_how_many_and_how_everything_stands() -> None:
    facts = Facts("bleu")
    ring = Ring(lines=3)
    cursor = begin(ring, facts)
    read(cursor)
    for number in range(5):
        ring.append(event(number))
    facts.names = ["rouge"]
    told = read(cursor)
    assert [one["event"] for one in told] == ["Lost", "State"]
    assert (told[0]["count"], told[0]["seq"], told[1]["seq"]) == (5, 6, 7)
    assert told[1]["name"] == "rouge"
    ring.append(event(9))
    assert [one["number"] for one in read(cursor)] == [9]


def test_facts_that_have_gone_meanwhile_are_passed_over() -> None:
    facts = Facts("bleu", "rouge")
    cursor = begin(Ring(), facts)
    facts.names.remove("bleu")
    assert [(one["seq"], one["name"]) for one in read(cursor)] == [(1, "rouge")]


def test_ring_is_bounded_in_lines_and_in_bytes() -> None:
    ring = Ring(lines=100, size=10_000)
    for number in range(1000):
        ring.append(event(number, padding=1000))
    assert ring.end == 1000
    assert ring.end - ring.begin <= 10


@given(
    steps=st.lists(st.one_of(st.integers(1, 30), st.just("read")), max_size=40),
    size=st.integers(1, 20),
    padding=st.integers(0, 3000),
)
def test_every_line_is_read_in_order_or_counted(
    steps: list[int | str], size: int, padding: int
) -> None:
    ring = Ring(lines=size)
    cursor = begin(ring, Facts())
    told: list[dict[str, object]] = []
    made = 0
    for step in [*steps, "read"]:
        if isinstance(step, int):
            for _ in range(step):
                ring.append(event(made, padding))
                made += 1
        else:
            told += read(cursor)
    expected = 0
    for line in told:
        if line["event"] == "Lost":
            count = line["count"]
            assert isinstance(count, int)
            expected += count
        else:
            assert line["number"] == expected
            expected += 1
        assert line["seq"] == expected
    assert expected == made
