"""The three ways out: plain, rich at 80 columns, JSON; and strangers' text on each of them."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tetrasback.ctl.output import Column, Output, Table, plain_table
from tetrasback.ctl.sentences import disks_table, history_table, scripts_table, unknown_disk
from tetrasback.lang.text import is_safe
from tetrasback.wire import DiskView, HistoryEntry, ScriptView

UUID = "0b5a9f3e-95f2-4d2f-a5a4-6ab9a5a4c4de"
LONG = "x" * 300
TABLES = {
    "disks": disks_table(
        [
            DiskView(uuid=UUID, name=LONG, state="safe-to-unplug", device="/dev/sdb1", size=2**42),
            DiskView(uuid=UUID[::-1], name="日本", saved=True),
        ],
        full=False,
    ),
    "history": history_table(
        [HistoryEntry(id=99999, name=LONG, verdict="interrupted", message=LONG, started_at=1)]
    ),
    "scripts": scripts_table([ScriptView("backup_nocloud.sh", True, LONG)]),
}


def make(*, terminal: bool = False, as_json: bool = False) -> tuple[Output, io.StringIO]:
    stream = io.StringIO()
    return Output(stream, io.StringIO(), terminal=terminal, json=as_json, width=80), stream


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_rich_table_fits_80_columns(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    out, stream = make(terminal=True)
    out.table(table)
    lines = stream.getvalue().splitlines()
    assert len(lines) == len(table.rows) + 1
    assert all(len(line) <= 80 for line in lines)
    assert "\x1b" not in stream.getvalue()


def test_disks_show_state_and_uuid_at_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out, stream = make(terminal=True)
    out.table(TABLES["disks"])
    assert UUID[:8] in stream.getvalue()
    assert "safe to unplug" in stream.getvalue()


def test_plain_table_is_aligned_and_keeps_everything() -> None:
    table = Table([Column("A"), Column("B", right=True)], [("日本", "1"), ("x", ("22", "red"))])
    assert plain_table(table) == ["A      B", "日本   1", "x     22"]


@given(st.text())
@pytest.mark.parametrize("terminal", [True, False])
def test_no_text_commands_the_terminal(terminal: bool, text: str) -> None:
    out, stream = make(terminal=terminal)
    if terminal:
        out.console.no_color = True
    out.line(text)
    out.table(Table([Column("A")], [(text,)]))
    out.note(text)
    shown = stream.getvalue().replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert all(is_safe(char) or char == "\n" for char in shown)


def test_markup_is_text() -> None:
    out, stream = make(terminal=True)
    out.line("[bold]x[/bold] :smile:")
    assert stream.getvalue() == "[bold]x[/bold] :smile:\n"


@given(st.dictionaries(st.text(), st.text()))
def test_json_is_ascii_and_comes_back(value: dict[str, str]) -> None:
    out, stream = make(as_json=True)
    out.line("nothing of this")
    out.table(TABLES["scripts"])
    out.data(value)
    assert stream.getvalue().isascii()
    assert "\x1b" not in stream.getvalue()
    assert json.loads(stream.getvalue()) == value


def test_unknown_disk_says_what_to_do() -> None:
    ext4 = DiskView(uuid=UUID, device="/dev/sdb1", filesystem_type="ext4", state="unknown")
    assert f"tetras-backctl save {UUID}=NAME" in unknown_disk(ext4)
    for fstype, word in (("vfat", "ext4"), ("ntfs", "ext4"), ("crypto_LUKS", "encrypted")):
        text = unknown_disk(DiskView(uuid=UUID, filesystem_type=fstype, state="unknown"))
        assert word in text
        assert "save " + UUID not in text
