"""The history on a real SQLite file, also damaged, newer, in use or on a full disk."""

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.harness import run
from tests.harness.process import PROJECT
from tetrasback.adapters.history import UNTOLD_MAX, History
from tetrasback.adapters.history_tables import VERSION
from tetrasback.core.state import Backup, Disk, DiskState, Plug, Progress, Trigger
from tetrasback.errors import HistoryError

U1 = "0b5a9f3e-0000-4000-8000-000000000001"
U2 = "0b5a9f3e-0000-4000-8000-000000000002"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


@pytest.fixture
def opened(path: Path) -> Iterator[Callable[..., History]]:
    made: list[History] = []

    def make(**options: int) -> History:
        for history in made:
            history.close()
        made.append(History(path, **options))
        return made[-1]

    yield make
    for history in made:
        history.close()


def backup(number: int, uuid: str = U1, verdict: str = "success") -> Backup:
    return Backup(
        id=number,
        uuid=uuid,
        name="bleu",
        trigger=Trigger.PLUG,
        queued_at=5,
        started_at=10 * number,
        finished_at=10 * number + 5 if verdict else 0,
        earlier=Progress(bytes_done=100, files_done=2, warnings=1, snapshot="first"),
        current=Progress(bytes_done=11, files_done=3, warnings=4),
        verdict=verdict,
        code="",
        message="complete" if verdict else "",
    )


async def test_rows_come_back_newest_first_in_pages(opened: Callable[..., History]) -> None:
    history = opened()
    for number in range(1, 8):
        await history.record_backup(backup(number, U1 if number % 2 else U2))
    assert [row.id for row in await history.list("", 0, 3)] == [7, 6, 5]
    assert [row.id for row in await history.list("", 5, 3)] == [4, 3, 2]
    assert [row.id for row in await history.list(U2, 0, 10)] == [6, 4, 2]
    assert [row.id for row in await history.list(U2, 4, 10)] == [2]
    assert await history.list("none", 0, 10) == []
    assert [row.id for row in await history.list("", 2**64 - 1, 1)] == [7]
    row = (await history.list(U1, 0, 1))[0]
    assert (row.bytes, row.files, row.warnings, row.snapshot) == (111, 5, 5, "first")
    assert (row.trigger, row.verdict, row.started_at, row.finished_at) == (
        *("plug", "success"),
        *(70, 75),
    )
    assert await history.exists(7)
    assert not await history.exists(8)


KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from tests.system.test_history import backup
from tetrasback.adapters.history import History
history = History(Path(sys.argv[1]))
async def main():
    await history.record_backup(backup(1))
    await history.record_backup(backup(2, verdict=""))
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


def _program(text: str, path: Path) -> subprocess.CompletedProcess[str]:
    return run([sys.executable, "-c", text, path], check=False, env={"PYTHONPATH": str(PROJECT)})


async def test_what_was_written_is_there_after_a_kill(path: Path) -> None:
    assert _program(KILLED, path).returncode == -9
    history = History(path)
    try:
        assert [row.verdict for row in await history.list("", 0, 9)] == ["", "success"]
        (unfinished,) = history.unfinished()
        assert (unfinished.id, unfinished.uuid, unfinished.trigger) == (2, U1, "plug")
        assert unfinished.started_at == 20
        await history.record_backup(backup(2, verdict="interrupted"))
        assert history.unfinished() == []
        assert history.problem == ""
    finally:
        history.close()


async def test_disks_and_plugs_are_remembered(opened: Callable[..., History]) -> None:
    history = opened()
    disk = Disk(
        uuid=U1,
        name="bleu",
        label="l",
        model="m",
        serial="s",
        fstype="ext4",
        size=2**64 - 1,
        free=7,
        last_seen=8,
        last_success=9,
        last_verdict="failed",
    )
    await history.record_disk(replace(disk, saved=True, state=DiskState.SAFE, name="old"))
    await history.record_disk(disk)
    await history.record_disk(Disk(uuid=U2))
    await history.record_plug(U1, Plug("boot", 3))
    await history.record_plug(U1, Plug("boot", 4, served=True, attempts=2))
    await history.record_plug("stranger", Plug("boot", 5))
    first, second = opened().remembered()
    assert first.disk == replace(disk, size=2**63 - 1)
    assert first.plug == Plug("boot", 4, served=True, attempts=2)
    assert second.disk == Disk(uuid=U2)
    assert second.plug is None


async def test_ids_are_never_given_twice(opened: Callable[..., History], path: Path) -> None:
    history = opened()
    assert history.next_id() == 1
    await history.record_backup(backup(41))
    assert history.next_id() == 42
    assert opened().next_id() == 42
    opened().close()
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM backups")
    database.close()
    assert opened().next_id() == 42
    assert opened(least_id=99).next_id() == 100


async def test_hostile_text_is_kept_as_text(opened: Callable[..., History]) -> None:
    odd = "'); DROP TABLE backups; --\0\n\udcff\u202e" + "x" * 100_000
    history = opened()
    await history.record_backup(replace(backup(1), name=odd, message=odd, uuid=odd))
    (row,) = await history.list("", 0, 10)
    assert row.name == odd.replace("\udcff", "?")
    assert [found.id for found in await history.list(odd, 0, 1)] == [1]


def _damage(path: Path, damage: str) -> None:
    if damage == "tables":
        with sqlite3.connect(path) as database:
            database.execute("ALTER TABLE disks DROP COLUMN serial")
        database.close()
    elif damage == "half":
        os.truncate(path, path.stat().st_size // 2)
    else:
        with path.open("r+b") as file:
            file.seek(0 if damage == "rubbish" else 4096)
            file.write((b"rubbish " if damage == "rubbish" else bytes(8)) * 1024)


@pytest.mark.parametrize("damage", ["rubbish", "zeros", "half", "tables"])
async def test_a_damaged_file_is_moved_aside(
    opened: Callable[..., History], path: Path, damage: str
) -> None:
    history = opened()
    for number in range(1, 200):
        await history.record_backup(backup(number))
    history.close()
    _damage(path, damage)
    history = opened(least_id=199)
    (aside,) = path.parent.glob("history.sqlite.corrupt-*")
    assert str(aside) in history.problem
    assert "\n" not in history.problem
    assert await history.list("", 0, 10) == []
    assert history.next_id() == 200
    await history.record_backup(backup(200))
    assert opened().problem == ""


def _overwrite(path: Path) -> None:
    """All but the first page."""
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (path.stat().st_size - 4096))


async def test_damage_found_later_loses_no_verdict(
    opened: Callable[..., History], path: Path
) -> None:
    history = opened()
    for number in range(1, 200):  # more than fits into its memory
        await history.record_backup(replace(backup(number), message="x" * 30_000))
    history.close()
    history = opened()
    assert history.problem == ""
    _overwrite(path)
    await history.list("", 0, 1000)
    assert "damaged" in history.problem
    assert history.next_id() == 200
    await history.record_backup(backup(200))
    assert [row.id for row in await history.list("", 0, 1000)] == [200]


def test_a_newer_file_is_refused_and_left_as_it_is(
    opened: Callable[..., History], path: Path
) -> None:
    opened().close()
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA user_version = {VERSION + 1}")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    before = path.read_bytes()
    with pytest.raises(HistoryError, match="made by a newer version") as caught:
        History(path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before


async def test_holds_are_kept_until_they_are_taken_back(opened: Callable[..., History]) -> None:
    history = opened()
    await history.record_hold("", 5)
    await history.record_hold(U1, 6)
    await history.record_hold(U1, 7)
    assert sorted(opened().holds()) == [("", 5), (U1, 7)]
    await opened().record_hold("", 0)
    assert opened().holds() == [(U1, 7)]


FIRST_VERSION = """
CREATE TABLE backups (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL, name TEXT NOT NULL, "trigger" TEXT NOT NULL, verdict TEXT NOT NULL,
    code TEXT NOT NULL, started_at INTEGER NOT NULL, finished_at INTEGER NOT NULL,
    bytes INTEGER NOT NULL, files INTEGER NOT NULL, warnings INTEGER NOT NULL,
    message TEXT NOT NULL, snapshot TEXT NOT NULL
);
CREATE INDEX backups_of_disk ON backups (uuid, id);
CREATE INDEX backups_unfinished ON backups (id) WHERE verdict = '';
CREATE TABLE disks (
    uuid TEXT PRIMARY KEY, name TEXT NOT NULL, label TEXT NOT NULL, model TEXT NOT NULL,
    serial TEXT NOT NULL, fstype TEXT NOT NULL, size INTEGER NOT NULL, free INTEGER NOT NULL,
    last_seen INTEGER NOT NULL, last_success INTEGER NOT NULL, last_verdict TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE plugs (
    uuid TEXT PRIMARY KEY, boot_id TEXT NOT NULL, diskseq INTEGER NOT NULL,
    served INTEGER NOT NULL, attempts INTEGER NOT NULL
) WITHOUT ROWID;
PRAGMA user_version = 1;
"""


async def test_a_file_of_the_first_version_is_kept_and_its_backups_count_as_told(
    path: Path, opened: Callable[..., History]
) -> None:
    with sqlite3.connect(path) as database:
        database.executescript(FIRST_VERSION)
        database.execute(
            "INSERT INTO backups VALUES (7,?,'bleu','plug','failed','',1,2,3,4,0,'m','s')", (U1,)
        )
        database.execute("INSERT INTO disks VALUES (?,'bleu','','','','ext4',9,8,7,6,'x')", (U1,))
    database.close()
    history = opened()
    assert history.problem == ""
    assert [row.id for row in await history.list("", 0, 10)] == [7]
    assert history.untold() == []
    (known,) = history.remembered()
    assert (known.disk.last_success, known.disk.saved_at, known.disk.refused) == (6, 0, "")
    await history.record_backup(backup(8))
    assert [row.id for row in history.untold()] == [8]


def test_a_damaged_file_of_the_first_version_is_moved_aside(
    path: Path, opened: Callable[..., History]
) -> None:
    with sqlite3.connect(path) as database:
        database.executescript(FIRST_VERSION + "DROP TABLE disks;")
    database.close()
    assert "damaged" in opened().problem


async def test_what_was_not_told_is_known_until_it_is(opened: Callable[..., History]) -> None:
    history = opened()
    for number in range(1, UNTOLD_MAX + 5):
        await history.record_backup(backup(number))
    await history.record_backup(replace(backup(200), mailed=True))
    await history.record_backup(backup(201, verdict=""))
    history = opened()
    assert [row.id for row in history.untold()] == list(range(5, UNTOLD_MAX + 5))
    assert history.untold()[0].verdict == "success"
    for number in range(5, UNTOLD_MAX + 5):
        await history.record_mailed(number)
    assert [row.id for row in history.untold()] == [1, 2, 3, 4]


async def test_what_was_told_of_a_disk_is_remembered(opened: Callable[..., History]) -> None:
    disk = Disk(U1, "bleu", saved=True, saved_at=5, refused="encrypted boot 7", stale_told=9)
    await opened().record_disk(disk)
    (known,) = opened().remembered()
    found = (known.disk.saved_at, known.disk.refused, known.disk.stale_told)
    assert found == (5, "encrypted boot 7", 9)


def test_a_second_daemon_is_refused(opened: Callable[..., History], path: Path) -> None:
    opened()
    program = (
        "import sys; from pathlib import Path\n"
        "from tetrasback.adapters.history import History\n"
        "History(Path(sys.argv[1]))"
    )
    done = _program(program, path)
    assert done.returncode == 1
    assert f"another tetras-backd uses {path.parent}" in done.stderr.splitlines()[-1]


def test_a_lock_does_not_outlive_its_owner(opened: Callable[..., History]) -> None:
    opened().close()
    opened()


@pytest.mark.parametrize("what", ["directory", "missing"])
def test_a_file_that_cannot_be_opened_is_told(path: Path, what: str) -> None:
    if what == "directory":
        path.mkdir()
    else:
        path.symlink_to("/no/such/directory/file")
    with pytest.raises(HistoryError, match="cannot be opened"):
        History(path)


def _fill(path: Path) -> None:
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


async def _write_much(history: History) -> None:
    for number in range(2, 200):
        await history.record_backup(replace(backup(number), message="x" * 4000))


async def test_a_full_disk_raises_and_heals(tmp_path: Path) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", mount])
    try:
        history = History(mount / "history.sqlite")
        try:
            await history.record_backup(backup(1))
            filler = mount / "filler"
            _fill(filler)
            with pytest.raises(HistoryError, match=r"full|I/O"):
                await _write_much(history)
            filler.unlink()
            await history.record_backup(backup(300))
            assert (await history.list("", 0, 1))[0].id == 300
            assert history.problem == ""
        finally:
            history.close()
    finally:
        run(["umount", mount])


async def test_a_caller_that_gives_up_takes_nothing_back(opened: Callable[..., History]) -> None:
    history = opened()
    task = asyncio.ensure_future(history.record_backup(backup(1)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [row.id for row in await history.list("", 0, 9)] == [1]


async def test_after_close_every_call_is_refused(opened: Callable[..., History]) -> None:
    history = opened()
    history.close()
    with pytest.raises(HistoryError, match="closed"):
        await history.record_backup(backup(1))


async def test_a_hundred_thousand_rows_are_read_by_their_index(
    opened: Callable[..., History], path: Path
) -> None:
    opened().close()
    with sqlite3.connect(path) as database:
        database.executemany(
            "INSERT INTO backups VALUES (?,?,'n','plug','success','',1,2,3,4,0,'m','s',1)",
            ((number, U1 if number % 1000 else U2) for number in range(1, 100_001)),
        )
    plans = [
        database.execute(f"EXPLAIN QUERY PLAN SELECT * FROM backups WHERE {where}").fetchone()[3]
        for where in (
            f"id < 9 AND uuid = '{U2}' ORDER BY id DESC LIMIT 1",
            "id < 9 ORDER BY id DESC LIMIT 1",
            "verdict = '' ORDER BY id",
        )
    ]
    database.close()
    assert "backups_of_disk (uuid=? AND" in plans[0]
    assert "INTEGER PRIMARY KEY" in plans[1]
    assert "backups_unfinished" in plans[2]
    history = opened()
    assert [row.id for row in await history.list(U2, 0, 2)] == [100_000, 99_000]
    assert history.next_id() == 100_001


def test_the_file_is_for_root_alone(opened: Callable[..., History], path: Path) -> None:
    opened()
    found = [os.stat(part).st_mode & 0o777 for part in path.parent.glob("history.sqlite*")]
    assert found
    assert set(found) == {0o600}
