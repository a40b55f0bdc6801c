"""Registrations kept over a restart."""

import json
from pathlib import Path

import pytest

from tetrasback.errors import Failed
from tetrasback.relay.fifo import Registration
from tetrasback.relay.store import Store

ALL = [
    Registration("/home/alice/f", "events", 1000, 1000),
    Registration("/run/l’été", "original", 0, None),
]


def test_what_is_saved_is_loaded_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "state")
    assert store.load() == []
    store.save(ALL)
    assert Store(tmp_path / "state").load() == ALL
    [file] = (tmp_path / "state").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    store.save([])
    assert store.load() == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"clients": 3}',
        '{"clients": [3]}',
        '{"clients": [{"path": "f", "format": "events", "uid": 0, "owner": 0}]}',
        '{"clients": [{"path": "/f", "format": "x", "uid": 0, "owner": 0}]}',
        '{"clients": [{"path": "/f", "format": "events", "uid": "0", "owner": 0}]}',
        '{"clients": [{"path": "/f", "format": "events", "uid": true, "owner": 0}]}',
        '{"clients": [{"path": ["/f"], "format": "events", "uid": 0, "owner": 0}]}',
    ],
)
def test_file_without_sense_is_put_aside(
    tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "clients.json").write_text(text)
    store = Store(tmp_path)
    assert store.load() == []
    assert (tmp_path / "clients.broken").read_text() == text
    assert "makes no sense" in caplog.text
    store.save(ALL)
    assert store.load() == ALL


def test_what_cannot_be_written_is_told_and_the_old_stays(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.save(ALL)
    (tmp_path / ".clients.json.new").mkdir()
    with pytest.raises(Failed, match="cannot be written"):
        store.save([])
    assert store.load() == ALL
    assert json.loads((tmp_path / "clients.json").read_text())["clients"]
