"""What was told is not told again too soon, also not by the next session."""

import json
from pathlib import Path

import pytest

from tests.unit.notifier.people import DAY
from tetrasback.notifier.memory import Memory, state_file
from tetrasback.notifier.told import MAX_TOLD, REPEAT_DAYS, Told


def test_a_week_later_it_is_told_again() -> None:
    told = Told()
    told.add(["a"], 100)
    assert told.changed
    assert told.recently("a", 100 + REPEAT_DAYS * DAY - 1)
    assert not told.recently("a", 100 + REPEAT_DAYS * DAY)
    told.add(["a"], 100 + DAY)  # it stands on the screen, that is no telling
    assert not told.recently("a", 100 + REPEAT_DAYS * DAY)


def test_a_clock_that_was_put_back_does_not_repeat_everything() -> None:
    assert Told({"a": 10 * DAY}).recently("a", 2 * DAY)


def test_the_oldest_are_forgotten_first() -> None:
    told = Told()
    told.add((str(number) for number in range(MAX_TOLD + 10)), 5)
    assert len(told.items()) == MAX_TOLD
    assert not told.recently("9", 5)
    assert told.recently("10", 5)


def test_it_is_kept_in_a_file_of_the_users_own(tmp_path: Path) -> None:
    path = state_file({"XDG_STATE_HOME": str(tmp_path)})
    assert path is not None
    memory = Memory(path)
    assert memory.load().items() == {}
    memory.save({"a": 5})
    assert Memory(path).load().items() == {"a": 5}
    assert path.stat().st_mode & 0o777 == 0o600


def test_where_the_file_is() -> None:
    default = Path("/home/u/.local/state/tetras-back/notified.json")
    assert state_file({"HOME": "/home/u"}) == default
    assert state_file({"HOME": "/home/u", "XDG_STATE_HOME": "relative"}) == default
    assert state_file({}) is None
    assert Memory(None).load().items() == {}


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff", b"[]", b"{}", b'{"told": []}', b"[" * 100_000, b'{"told": {"a": "b"}}'],
    ids=["empty", "binary", "list", "nothing", "told list", "deep", "odd time"],
)
def test_a_file_that_makes_no_sense_is_written_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notified.json"
    path.write_bytes(content)
    memory = Memory(path)
    assert memory.load().items() == {}
    memory.save({"a": 1})
    assert memory.load().items() == {"a": 1}


def test_a_file_is_never_believed_too_much(tmp_path: Path) -> None:
    path = tmp_path / "notified.json"
    path.write_text(json.dumps({"told": {"x" * 999: 1, **{str(n): n for n in range(5000)}}}))
    assert len(Memory(path).load().items()) == MAX_TOLD


def test_a_place_that_cannot_be_written_is_only_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    Memory(tmp_path / "file" / "notified.json").save({"a": 1})
    assert "cannot be written" in caplog.text
