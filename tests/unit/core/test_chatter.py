"""Bounded output: head and tail stay, a flood in the middle goes."""

from hypothesis import given
from hypothesis import strategies as st

from tetrasback.core.chatter import BURST, LINE_COST, RATE, TAIL, TAIL_LINES, Chatter
from tetrasback.core.speech import LINE_MAX


def test_feed_passes_lines_on() -> None:
    chatter = Chatter(0)
    assert chatter.feed(b"one\ntwo\nthr", 0) == ["one", "two"]
    assert chatter.feed(b"ee\n", 0) == ["three"]
    assert chatter.end() == []


def test_end_gives_a_last_line_without_its_end() -> None:
    chatter = Chatter(0)
    assert chatter.feed(b"end", 0) == []
    assert chatter.end() == ["end"]


def test_feed_shows_what_a_terminal_would_after_carriage_returns() -> None:
    assert Chatter(0).feed(b"10%\r20%\r100%\r\n", 0) == ["100%"]


def test_feed_cuts_a_long_line() -> None:
    chatter = Chatter(0)
    for _ in range(1000):
        assert chatter.feed(b"x" * 10_000, 0) == []
    assert chatter.feed(b"\nnext\n", 0) == ["x" * LINE_MAX + "…", "next"]


def test_flood_leaves_head_and_tail() -> None:
    chatter = Chatter(0)
    lines = [f"line {number}" for number in range(500_000)]
    data = "\n".join(lines).encode() + b"\n"
    told = []
    for at in range(0, len(data), 65536):
        told += chatter.feed(data[at : at + 65536], 0)
    told += chatter.end()
    assert told[0] == "line 0"
    assert told[-1] == "line 499999"
    (note,) = (line for line in told if line.startswith("…"))
    left_out = int(note.split()[1])
    kept = sum(len(line) + 1 for line in told if line != note)
    assert left_out + kept == len(data)
    assert len(told) <= BURST // LINE_COST + TAIL_LINES + 2


def test_flood_ends_when_there_is_room_again() -> None:
    chatter = Chatter(0)
    chatter.feed(b"x\n" * BURST, 0)
    assert chatter.feed(b"y\n", 0) == []
    told = chatter.feed(b"z\n", BURST / RATE)
    assert told[-2:] == ["y", "z"]


@given(st.lists(st.binary(max_size=3000), max_size=60))
def test_any_bytes_never_grow_without_bound(parts: list[bytes]) -> None:
    chatter = Chatter(0)
    told = [line for part in parts for line in chatter.feed(part * 50, 0)]
    told += chatter.end()
    assert sum(map(len, told)) <= BURST + 2 * TAIL + 2 * LINE_MAX + 100
