"""Text made safe for a bus, a terminal and a log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tetrasback.service.text import safe_lines, safe_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain, grün, 日本", "plain, grün, 日本"),
        ("two\nlines\tand\ra\0nul", "two lines and a?nul"),
        ("odd \udcff byte", "odd ? byte"),
        ("\x1b[31mred\x9b", "?[31mred?"),
        ("turned \u202eround", "turned ?round"),
    ],
)
def test_safe_text_in_one_line(text: str, expected: str) -> None:
    assert safe_text(text) == expected


@given(st.text(st.characters(codec=None)), st.integers(8, 50))
def test_safe_text_is_bounded_and_carried_by_utf_8(text: str, limit: int) -> None:
    clean = safe_text(text, limit)
    assert len(clean.encode()) <= limit
    assert "\0" not in clean
    assert "\n" not in clean


def test_safe_text_shows_a_cut() -> None:
    assert safe_text("ü" * 10, 12) == "üüüü…"


def test_safe_lines_keeps_the_end() -> None:
    assert safe_lines("first\nsecond\tthird\0\n", 14) == "second\tthird?\n"
    assert safe_lines("üüü", 3) == "ü"
