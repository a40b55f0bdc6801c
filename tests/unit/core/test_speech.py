"""What a script says, and text from strangers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tetrasback.core.speech import (
    BAD_MAX,
    LINE_MAX,
    LOGGED_MAX,
    U64_MAX,
    Listener,
    cleaned,
    heard,
)
from tetrasback.core.state import Progress


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (b"progress 0.42 home", Progress(fraction=0.42, step="home")),
        (b"progress 1", Progress(fraction=1.0)),
        (b"progress .5 two words", Progress(fraction=0.5, step="two words")),
        (b"progress 0 " + b"x" * 100, Progress(fraction=0.0, step="x" * 64)),
        (b"progress 0.1 a\x1b[31mb", Progress(fraction=0.1, step="a\\x1b[31mb")),
        (b"bytes 7", Progress(bytes_done=7)),
        (b"bytes 7 9\r", Progress(bytes_done=7, bytes_total=9)),
        (b"bytes 99999999999999999999", Progress(bytes_done=U64_MAX)),
        (b"files 3", Progress(files_done=3)),
        (b"snapshot 2026 x", Progress(snapshot="2026 x")),
        (b"snapshot " + b"y" * 300, Progress(snapshot="y" * 255)),
        (b"warning what", Progress(warnings=1, warned=("what",))),
        (
            b"warning source-shrunk: half",
            Progress(warnings=1, code="source-shrunk", warned=("half",)),
        ),
        (b"warning nonsense: half", Progress(warnings=1, warned=("nonsense: half",))),
        (b"warning", Progress(warnings=1)),
        (b"note hello", Progress(notes=1)),
        (b"note pruned: 2026 x", Progress(notes=1, pruned=("2026 x",))),
    ],
)
def test_heard_line_changes_progress(line: bytes, wanted: Progress) -> None:
    assert heard(Progress(), line)[0] == wanted


@pytest.mark.parametrize(
    "line",
    [
        b"progress",
        b"progress .",
        b"progress nan",
        b"progress inf x",
        b"progress -0.1",
        b"progress 1.01",
        b"progress 1e-3",
        b"bytes",
        b"bytes -1",
        b"bytes 1 x",
        b"bytes 1_000",
        b"bytes " + "٣".encode(),
        b"files x",
        b"snapshot",
        b"hello",
        b"PROGRESS 0.1",
        b"note " + b"x" * LINE_MAX,
    ],
)
def test_heard_refuses_what_is_not_in_the_contract(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"^it "):
        heard(Progress(), line)


def test_heard_keeps_the_total_where_none_is_given() -> None:
    assert heard(Progress(bytes_total=9), b"bytes 1")[0].bytes_total == 9


@given(st.binary(max_size=200))
def test_heard_any_bytes_give_a_sound_progress_or_a_value_error(line: bytes) -> None:
    try:
        progress, text = heard(Progress(), line)
    except ValueError:
        return
    assert progress.fraction == -1 or 0 <= progress.fraction <= 1
    assert "\n" not in text + progress.step + progress.snapshot


@given(st.lists(st.binary(max_size=30), max_size=20), st.integers(1, 7))
def test_listener_hears_the_same_in_any_pieces(lines: list[bytes], size: int) -> None:
    data = b"\n".join(lines)
    whole, pieces = Listener(), Listener()
    told = whole.feed(data) + whole.end()
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    assert [line for part in parts for line in pieces.feed(part)] + pieces.end() == told
    assert pieces.progress == whole.progress


def test_listener_counts_every_warning_and_logs_the_first() -> None:
    listener = Listener()
    told = listener.feed(b"warning x\n" * (LOGGED_MAX + 50))
    assert listener.progress.warnings == LOGGED_MAX + 50
    assert len(told) == LOGGED_MAX + 1
    assert told[-1].endswith("are counted only")


def test_listener_tells_a_few_bad_lines_and_goes_on() -> None:
    listener = Listener()
    told = listener.feed(b"rubbish\n" * 100 + b"x" * 10_000 + b"\nfiles 4\n")
    assert len(told) == BAD_MAX
    assert listener.progress.files_done == 4


def test_listener_an_endless_line_is_not_kept() -> None:
    listener = Listener()
    for _ in range(100):
        listener.feed(b"note " + b"x" * 10_000)
    assert listener.end() == ["a progress line was ignored, it is too long: note " + "x" * 75 + "…"]


@given(st.one_of(st.binary(), st.text()))
def test_cleaned_is_one_line_that_can_be_encoded(line: bytes | str) -> None:
    text = cleaned(line.encode("utf-8", "surrogatepass") if isinstance(line, str) else line)
    text.encode("utf-8")
    assert all(char == "\t" or char.isprintable() or char.isspace() for char in text)
    assert not set(text) & set("\n\r\0\x1b\u2028\u202e")


def test_cleaned_tells_that_it_cut() -> None:
    assert cleaned(b"x" * 11, 10) == "x" * 10 + "…"
    assert cleaned("é".encode() * 6, 11) == "é" * 5 + "…"
