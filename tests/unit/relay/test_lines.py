"""The lines of JSON: their form, their length, and the schema that describes them."""

import json
import time
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.harness.process import PROJECT
from tetrasback.client.events import SIGNALS, Signal
from tetrasback.relay import lines
from tetrasback.relay.ring import ATOMIC, Line
from tetrasback.wire import Alert, DiskView

SCHEMA = json.loads((PROJECT / "docs/tetras-back-events.schema.json").read_text())
UUID = "0b5a9f3e-77aa-4c1d-9e2f-0123456789ab"
AT = 1_795_298_280_000_000
VALUES: dict[str, Any] = {
    "uuid": UUID,
    "backup": "/org/tetraslibre/Back/backups/7",
    "job": "/org/tetraslibre/Back/jobs/8",
    "kind": "restore",
    "fraction": 0.25,
    "verdict": "success",
}


def parsed(line: Line, seq: int = 1) -> dict[str, Any]:
    data = line.numbered(seq)
    assert data.endswith(b"}\n")
    assert b"\n" not in data[:-1]
    found: dict[str, Any] = json.loads(data)
    return found


def every_line() -> dict[str, Line]:
    """One of each kind, by its event."""
    told = {
        name: lines.signal(
            Signal(name, {argument: VALUES.get(argument, "x") for argument in arguments}), AT
        )
        for name, (_, arguments) in SIGNALS.items()
    }
    return {
        **told,
        "State": lines.state(DiskView(uuid=UUID, last_seen=AT), AT),
        "Alert": lines.alert(Alert("stale", UUID, AT, "no backup for 20 days"), True, AT),
        "Lost": lines.lost(3, AT),
        "DaemonGone": lines.daemon_gone(AT),
        "DaemonBack": lines.daemon_back(AT),
    }


def test_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", every_line())
def test_every_event_is_described_by_the_schema(name: str) -> None:
    found = parsed(every_line()[name])
    jsonschema.validate(found, SCHEMA, format_checker=jsonschema.FormatChecker())
    described = SCHEMA["$defs"][name]
    assert list(found) == ["event", "time", "seq", *described["properties"]]
    assert described["required"] == list(described["properties"])
    assert {"$ref": f"#/$defs/{name}"} in [rule["then"] for rule in SCHEMA["allOf"]]


def test_schema_describes_no_event_that_is_never_told() -> None:
    assert {rule["then"]["$ref"].rpartition("/")[2] for rule in SCHEMA["allOf"]} == set(
        every_line()
    )


@pytest.mark.parametrize("name", every_line())
def test_schema_refuses_a_line_that_lacks_something(name: str) -> None:
    whole = parsed(every_line()[name])
    for member in whole:
        broken = {key: value for key, value in whole.items() if key != member}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, SCHEMA)


def test_time_is_local_with_its_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    try:
        assert parsed(lines.daemon_back(AT))["time"] == "2026-11-21T22:58:00+01:00"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_long_texts_are_cut_and_it_is_said() -> None:
    found = parsed(lines.alert(Alert("failed", UUID, AT, "é" * 5000), True, AT), 10**12)
    assert found["truncated"] is True
    assert (found["code"], found["uuid"]) == ("failed", UUID)
    assert found["message"].startswith("é" * 1500)
    assert found["message"].endswith("…")
    assert "truncated" not in parsed(lines.state(DiskView(uuid=UUID), AT))


@given(
    st.dictionaries(
        st.sampled_from(["uuid", "name", "message", "step", "device"]),
        st.one_of(st.text(max_size=6000), st.integers(), st.booleans(), st.none(), st.floats(0, 1)),
    ),
    st.integers(1, 10**18),
)
def test_whatever_is_said_fits_into_one_atomic_write(members: dict[str, Any], seq: int) -> None:
    line = lines.encode("Anything", members, AT)
    assert len(line.numbered(seq)) <= ATOMIC
    found = parsed(line, seq)
    assert found["seq"] == seq
    if "truncated" not in found:
        assert {key: found[key] for key in members} == members
