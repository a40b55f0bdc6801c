"""A line and a beep, on a real terminal."""

import asyncio
import os
import pty
import select
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.letters.samples import ended
from tetrasback.adapters.console import Console
from tetrasback.core.news import DiskSafe


@pytest.fixture
def terminal() -> Iterator[tuple[int, Path]]:
    """Our end of a terminal, and the path of the other one."""
    ours, theirs = pty.openpty()
    yield ours, Path(os.ttyname(theirs))
    os.close(ours)
    os.close(theirs)


def heard(ours: int) -> str:
    text = b""
    while b"\a" not in text:
        assert select.select([ours], [], [], 10)[0], "nothing is said"
        text += os.read(ours, 4096)
    return text.decode()


async def test_a_line_and_a_beep(terminal: tuple[int, Path]) -> None:
    ours, path = terminal
    await Console(path).call_out(DiskSafe("uuid", "bleu"), "en")
    assert heard(ours).strip() == "Tetras-back: disk bleu is safe to unplug\a"


async def test_failure_says_why(terminal: tuple[int, Path]) -> None:
    ours, path = terminal
    await Console(path).call_out(ended("failed", "disk-full"), "en")
    assert "the backup on disk bleu FAILED: the disk is full" in heard(ours)


async def test_a_name_steers_no_terminal(terminal: tuple[int, Path]) -> None:
    ours, path = terminal
    await Console(path).call_out(DiskSafe("uuid", "a\x1b[31m\a\n\x9bb"), "en")
    line = heard(ours).strip()
    assert line.endswith("safe to unplug\a")
    assert not set("\x1b\x9b\n") & set(line)


async def test_a_stopped_or_missing_terminal_holds_nothing_up(terminal: tuple[int, Path]) -> None:
    _, path = terminal
    began = time.monotonic()
    console = Console(path)
    for _ in range(2000):  # nobody reads; more than a terminal takes
        await console.call_out(DiskSafe("uuid", "bleu" * 16), "en")
    await Console(Path("/nowhere/tty1")).call_out(DiskSafe("uuid", "bleu"), "en")
    await Console(Path("/etc/hostname")).call_out(DiskSafe("uuid", "bleu"), "en")
    assert time.monotonic() - began < 10
    await asyncio.sleep(0)


async def test_a_file_in_the_terminals_place_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "tty1"
    path.write_text("precious")
    console = Console(path)
    console._write(b"line")
    assert path.read_text() == "precious"
