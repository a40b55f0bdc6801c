"""Every word of the daemon has a sentence, every error a line and an exit code."""

import re
from collections.abc import Mapping
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harness.process import PROJECT
from tetrasback import errors
from tetrasback.client.events import SIGNALS
from tetrasback.client.explain import error_from_wire, explain, verdict_exit_code
from tetrasback.core import signals
from tetrasback.core.alerts import ORDER
from tetrasback.core.devices import SUPPORTED_FILESYSTEMS, Reason
from tetrasback.core.state import Code, DiskState, Phase, Trigger, Verdict
from tetrasback.lang import words
from tetrasback.lang.text import clean, clean_lines, is_safe


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        (words.DISK_STATES, DiskState),
        (words.REASONS, Reason),
        (words.PHASES, Phase),
        (words.TRIGGERS, Trigger),
        (words.VERDICTS, Verdict),
        (words.CODES, Code),
    ],
)
def test_every_word_of_the_core_has_a_sentence(
    table: Mapping[str, str], kind: type[StrEnum]
) -> None:
    assert {str(word) for word in kind} <= set(table)


def test_the_lists_that_client_and_core_share_agree() -> None:
    assert set(ORDER) == set(words.ALERTS) == set(words.ALERT_LEVELS)
    assert words.SUPPORTED_FILESYSTEMS == SUPPORTED_FILESYSTEMS
    assert set(SIGNALS) == {kind.__name__ for kind in signals.Signal.__args__}


def test_the_description_of_the_interface_names_every_word() -> None:
    words_there = set(
        re.findall(r"[a-z][a-z-]+", (PROJECT / "dbus/org.tetraslibre.Back.xml").read_text())
    )
    assert {*map(str, Reason), *filter(None, map(str, Code)), *ORDER} <= words_there


def test_a_word_of_a_newer_daemon_is_shown_as_it_is() -> None:
    assert words.say(words.REASONS, "too-\x1bcold") == "too-\N{REPLACEMENT CHARACTER}cold"


def test_every_error_comes_back_as_its_class() -> None:
    for name, kind in errors.BY_NAME.items():
        error = error_from_wire(name, "")
        assert isinstance(error, kind)
        assert "\n" not in explain(error)
        assert explain(error)


def test_verdicts_have_the_contracts_exit_codes() -> None:
    codes = [verdict_exit_code(word) for word in (*Verdict, "other")]
    assert codes == [0, 7, 6, 9, 9, 1]


@given(st.text(), st.integers(1, 50))
def test_clean_is_one_printable_line_of_bounded_length(text: str, limit: int) -> None:
    shown = clean(text, limit)
    assert all(is_safe(char) for char in shown)
    assert len(shown) <= limit
    assert clean(shown, limit) == shown


@given(st.text())
def test_clean_lines_keeps_lines_and_tabs_alone(text: str) -> None:
    shown = clean_lines(text)
    assert all(is_safe(char) or char in "\n\t" for char in shown)
    assert len(shown) == len(text)
