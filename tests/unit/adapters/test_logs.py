"""One bounded log for each backup."""

import logging
import os
import re
from pathlib import Path

import pytest

from tetrasback.adapters.logs import SEGMENT, Logs

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d (.*)\n")


async def test_add_and_read(tmp_path: Path) -> None:
    logs = Logs(tmp_path / "logs")
    logs.add(7, "one")
    logs.add(8, "other")
    logs.add(7, "two\nlines \x1b[0m \udcff end")
    lines = (await logs.read(7)).splitlines(keepends=True)
    assert [LINE.fullmatch(line)[1] for line in lines] == [
        "one",
        "two\\nlines \\x1b[0m � end",
    ]
    assert (tmp_path / "logs").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "logs/7.log").stat().st_mode & 0o777 == 0o600
    logs.close()


async def test_read_none(tmp_path: Path) -> None:
    assert await Logs(tmp_path / "logs").read(1) == ""


async def test_read_gives_the_last_mebibyte_of_whole_lines(tmp_path: Path) -> None:
    logs = Logs(tmp_path)
    count = 3 * SEGMENT // 1000
    for number in range(count):
        logs.add(1, f"{number} " + "é" * 500)
    text = await logs.read(1)
    assert SEGMENT - 2000 < len(text.encode()) <= SEGMENT
    lines = text.splitlines(keepends=True)
    assert all(LINE.fullmatch(line) for line in lines)
    assert f" {count - 1} " in lines[-1]
    assert sum(entry.stat().st_size for entry in os.scandir(tmp_path)) <= 2 * SEGMENT
    logs.close()


async def test_read_cleans_what_was_not_written_here(tmp_path: Path) -> None:
    (tmp_path / "3.log").write_bytes(b"a\0b\x1b\xff\xe2\x80\xae\tc\n")
    assert await Logs(tmp_path).read(3) == "ab\tc\n"


async def test_a_restart_goes_on_in_the_same_log(tmp_path: Path) -> None:
    for text in ("before", "after"):
        logs = Logs(tmp_path)
        logs.add(1, text)
        logs.close()
    assert len((await logs.read(1)).splitlines()) == 2


async def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    logs = Logs(tmp_path, kept=3)
    (tmp_path / "1.log.1").write_text("older part\n")
    (tmp_path / "notes").write_text("not a log\n")
    for number in range(1, 6):
        logs.add(number, "x")
    assert set(os.listdir(tmp_path)) == {"3.log", "4.log", "5.log", "notes"}
    assert logs.newest() == 5
    logs.close()


def test_a_log_that_cannot_be_written_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "1.log").symlink_to("/dev/full")
    logs = Logs(tmp_path)
    with caplog.at_level(logging.ERROR):
        for _ in range(5):
            logs.add(1, "x")
    assert len(caplog.records) == 1


def test_a_full_disk_is_told_once_and_never_raises(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.O_NOFOLLOW", 0)  # so that /dev/full can stand for a full disk
    (tmp_path / "1.log").symlink_to("/dev/full")
    logs = Logs(tmp_path)
    with caplog.at_level(logging.ERROR):
        for _ in range(5):
            logs.add(1, "x")
    assert [record.getMessage() for record in caplog.records] == [
        "the log of backup 1 cannot be written: [Errno 28] No space left on device"
    ]
    logs.close()
