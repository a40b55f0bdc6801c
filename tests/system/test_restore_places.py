"""Places that are restored to, and their ways: file systems, what they hand down, a cancel."""

import os
import re
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.harness import LoopDisk, run, wait_until
from tests.system.restore_support import PROGRAM, Backup, differences
from tests.system.scripts_support import Bench, mounted, odd_entries, small_source


@pytest.fixture
def backup(workspace: Path, loop_disk: Callable[..., LoopDisk]) -> Backup:
    source = small_source(workspace / "src")
    disk = mounted(loop_disk("ext4", 200), workspace / "mnt")
    odd_entries(disk / "odd")  # on a file system that holds all of it
    run(["cp", "-a", disk / "odd", source / "home/odd"])
    bench = Bench(disk, source)
    done = bench.run("backup_nocloud.sh", "--data", "--config")
    assert done.status == 0, done.output
    return Backup(bench, done.snapshot)


@pytest.mark.parametrize("fs", ["xfs", "btrfs"])
def test_every_file_system_takes_it(
    backup: Backup, workspace: Path, loop_disk: Callable[..., LoopDisk], fs: str
) -> None:
    to = mounted(loop_disk(fs, 300, name="to"), workspace / "to")
    told = backup.restore("--to", to / "back")
    assert told.warnings == []
    assert differences(backup.path / "Donnees", to / "back/home") == ""


def test_what_a_place_hands_down_is_not_taken(backup: Backup, workspace: Path) -> None:
    """A directory's default ACL and group would else be those of all that is made in it."""
    to = workspace / "to"
    to.mkdir()
    os.chown(to, 0, 4242)
    to.chmod(0o2775)
    run(["setfacl", "-d", "-m", "u:4242:rwx", to])
    assert backup.restore("--to", to).warnings == []
    assert differences(backup.path / "Donnees", to / "home") == ""
    assert "4242" not in run(["getfacl", "-Rnp", to / "home", to / "etc"]).stdout


def test_a_place_that_cannot_hold_it_all_gets_what_it_can(backup: Backup, workspace: Path) -> None:
    """A file system without attributes."""
    to = workspace / "to"
    to.mkdir()
    run(["mount", "-t", "ramfs", "none", to])
    told = backup.restore("--to", to / "back", status=3)
    form = r"restored in part: /home/odd/(.*): without its attributes .*Operation not supported\)"
    found = {match[1] for line in told.warnings if (match := re.fullmatch(form, line))}
    assert found == {"plain", "directory"}, told.warnings
    assert len(told.warnings) == 2
    assert (to / "back/home/odd/plain").read_bytes() == b"data"
    assert (to / "back/home/odd/setuid").stat().st_mode & 0o7777 == 0o6755


def test_who_started_it_hears_it_elsewhere(backup: Backup, workspace: Path) -> None:
    """As the daemon does: what is told goes to a descriptor, and nothing to standard output."""
    reading, writing = os.pipe()
    done = subprocess.run(
        [*PROGRAM, "restore", backup.path, "--to", workspace / "to", "/home/alice", "/home/none"],
        capture_output=True,
        env={**os.environ, "TETRAS_BACK_PROGRESS_FD": str(writing), "TETRAS_BACK_KEY": "/none"},
        pass_fds=[writing],
        check=False,
    )
    os.close(writing)
    with os.fdopen(reading) as stream:
        told = stream.read().splitlines()
    assert (done.returncode, done.stdout, done.stderr) == (3, b"", b"")
    assert "warning not in this backup: /home/none" in told
    assert any(re.fullmatch(r"progress [01]\.\d+ home", line) for line in told), told
    assert f"bytes {40_000 + 500}" in told


def test_a_cancelled_restore_leaves_nothing_half_made(backup: Backup, workspace: Path) -> None:
    """Nobody reads what it tells, so that it is still at its first file when it is cancelled."""
    to = workspace / "to"
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4096)
    os.set_blocking(writing, True)
    running = subprocess.Popen(
        [*PROGRAM, "restore", backup.path, "--to", to, "/home/alice/photo"],
        stderr=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "TETRAS_BACK_PROGRESS_FD": str(writing),
            "TETRAS_BACK_KEY": str(backup.key),
        },
        pass_fds=[writing],
    )
    try:
        try:
            wait_until(lambda: list(to.glob(".tetras-back-restoring-*/photo")), "the photo", 30)
            running.send_signal(signal.SIGTERM)
            _, error = running.communicate(timeout=30)
        finally:
            running.kill()
            running.communicate()
    finally:
        os.close(reading)
        os.close(writing)
    assert running.returncode == 128 + signal.SIGTERM
    assert error == "tetras-back-snapshot: stopped by a signal\n"
    assert [path.name for path in to.rglob("*")] == ["home", "alice"]
