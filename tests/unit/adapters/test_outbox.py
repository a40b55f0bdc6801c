"""Mails that wait on the server's disk: whole, in order, once, bounded."""

import os
from pathlib import Path

import pytest

from tetrasback.adapters.outbox import LARGEST, Outbox, key_of


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "state/outbox"


def test_mails_come_back_oldest_first_and_only_root_may_read_them(directory: Path) -> None:
    outbox = Outbox(directory)
    assert outbox.names() == []
    outbox.add("backup-2", b"second", 2_000)
    outbox.add("backup-1", b"first", 1_000)
    again = Outbox(directory)
    assert [key_of(name) for name in again.names()] == ["backup-1", "backup-2"]
    assert [again.read(name) for name in again.names()] == [b"first", b"second"]
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}


def test_what_is_removed_is_gone_and_may_be_so_already(directory: Path) -> None:
    outbox = Outbox(directory)
    name, _ = outbox.add("a", b"x", 1)
    outbox.remove(name)
    outbox.remove(name)
    assert Outbox(directory).names() == []


def test_the_same_news_are_kept_once(directory: Path) -> None:
    outbox = Outbox(directory)
    first, _ = outbox.add("backup-1", b"first", 1)
    assert Outbox(directory).add("backup-1", b"again", 2) == (first, 0)
    assert outbox.read(first) == b"first"
    assert len(outbox.names()) == 1


def test_the_oldest_make_room_by_number_and_by_size(directory: Path) -> None:
    outbox = Outbox(directory, most=3)
    assert [outbox.add(f"k{number}", b"x", number)[1] for number in range(5)] == [0, 0, 0, 1, 1]
    assert [key_of(name) for name in outbox.names()] == ["k2", "k3", "k4"]
    small = Outbox(directory, most_bytes=100)
    assert small.add("big", b"x" * 99, 9)[1] == 2
    assert [key_of(name) for name in small.names()] == ["k4", "big"]


def test_the_newest_stays_even_where_the_clock_was_set_back(directory: Path) -> None:
    outbox = Outbox(directory, most=2)
    for number in (50, 60, 1):
        outbox.add(f"k{number}", b"x", number)
    assert [key_of(name) for name in outbox.names()] == ["k1", "k60"]


def test_what_is_none_of_ours_is_left_alone(directory: Path, tmp_path: Path) -> None:
    outbox = Outbox(directory, most=1)
    outbox.add("a", b"x", 1)
    secret = tmp_path / "secret"
    secret.write_text("s")
    (directory / "note").write_text("x")
    (directory / f"{7:020}-link.mail").symlink_to(secret)
    (directory / f"{8:020}-dir.mail").mkdir()
    (directory / f"{9:020}-huge.mail").write_bytes(b"x" * (LARGEST + 1))
    os.mkfifo(directory / f"{9:020}-fifo.mail")
    assert [key_of(name) for name in outbox.names()] == ["a"]
    outbox.add("b", b"x", 2)
    assert (directory / "note").exists()
    assert secret.exists()
    with pytest.raises(OSError, match="symbolic links"):
        outbox.read(f"{7:020}-link.mail")


def test_a_half_written_mail_is_no_mail(directory: Path) -> None:
    outbox = Outbox(directory)
    outbox.add("a", b"x", 1)
    (directory / f".{2:020}-b.mail.new").write_bytes(b"hal")
    assert [key_of(name) for name in outbox.names()] == ["a"]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("no directory")
    with pytest.raises(OSError):  # noqa: PT011 - which one is the kernel's choice
        Outbox(tmp_path / "outbox").add("a", b"x", 1)
