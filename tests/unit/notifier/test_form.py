"""What a server is asked for, within what it can do."""

import pytest

from tetrasback.notifier.form import form
from tetrasback.notifier.note import BackUp, Button, Note, Urgency

BUTTON = Button("backup", "Back up now", BackUp("u"))
NOTE = Note(
    "u",
    "o",
    "Saved as <b>&",
    ("<i>line</i> & one", "two"),
    progress=42,
    buttons=(BUTTON,),
    beside_buttons="Press it.",
    instead_of_buttons="Type it.",
)
ALL = frozenset({"actions", "body", "body-markup"})


def test_markup_is_escaped_where_it_is_read() -> None:
    asked = form(NOTE, ALL)
    assert asked.body == "&lt;i&gt;line&lt;/i&gt; &amp; one\ntwo\nPress it."
    assert asked.summary == "Saved as <b>&"  # a summary has no markup, the specification says


def test_markup_is_text_where_it_is_not_read() -> None:
    assert form(NOTE, ALL - {"body-markup"}).body.startswith("<i>line</i> & one\n")


def test_buttons_become_a_command_where_there_are_none() -> None:
    assert form(NOTE, ALL).actions == (("backup", "Back up now"),)
    without = form(NOTE, ALL - {"actions"})
    assert without.actions == ()
    assert without.body.endswith("\nType it.")


def test_a_server_without_bodies_gets_everything_in_the_summary() -> None:
    asked = form(NOTE, frozenset())
    assert (asked.summary, asked.body) == ("Saved as <b>&: <i>line</i> & one two Type it.", "")


@pytest.mark.parametrize(
    ("urgency", "update", "sent"),
    [
        (Urgency.NORMAL, False, 1),
        (Urgency.NORMAL, True, 0),
        (Urgency.CRITICAL, True, 2),
        (Urgency.LOW, False, 0),
    ],
)
def test_progress_that_goes_on_does_not_disturb(urgency: Urgency, update: bool, sent: int) -> None:
    hints = form(Note("u", "o", "t", urgency=urgency, progress=1), ALL, update=update).hints
    assert hints["urgency"] == ("y", sent)
    assert hints["value"] == ("i", 1)


def test_an_update_without_progress_is_as_loud_as_the_first() -> None:
    hints = form(Note("u", "o", "t"), ALL, update=True).hints
    assert hints["urgency"] == ("y", 1)
    assert "value" not in hints
