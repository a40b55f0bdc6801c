"""The manual page of the events names what the schema describes."""

import json
import re

import pytest

from tests.harness.process import PROJECT

SCHEMA = json.loads((PROJECT / "docs/tetras-back-events.schema.json").read_text())
PAGE = (PROJECT / "man/tetras-back-events.5").read_text()
EVENTS = [rule["then"]["$ref"].rpartition("/")[2] for rule in SCHEMA["allOf"]]


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_and_its_members_are_in_the_manual(event: str) -> None:
    text = PAGE.split(f".It Cm {event}\n")[1].split("\n.It ")[0].split("\n.El")[0]
    named = re.findall(r"\w+", " ".join(re.findall(r"^\.Sy (.*)$", text, re.M)))
    assert set(SCHEMA["$defs"][event]["properties"]) <= set(named)


def test_members_of_all_events_are_in_the_manual() -> None:
    assert re.findall(r"^\.It Sy (\w+)$", PAGE, re.M) == list(SCHEMA["properties"])
