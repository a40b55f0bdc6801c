"""Exit codes of `tetras-backctl` in front of the real daemon, and nothing but one line of error."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bus.contract import LoneDaemon, PlainBus
from tests.harness import LoopDisk, PrivateBus, User, run, run_as, wait_until

Ctl = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def plain_bus(workspace: Path) -> Iterator[PrivateBus]:
    with PlainBus(workspace) as running:
        yield running


@pytest.fixture
def daemon(plain_bus: PrivateBus, workspace: Path) -> Iterator[LoneDaemon]:
    with LoneDaemon(plain_bus, workspace, '[backup]\nscripts = ["ok.sh"]\n') as running:
        yield running


@pytest.fixture
def ctl(daemon: LoneDaemon) -> Ctl:
    """Run it with these words, as root or as USER, and see that its status is as told."""

    def made(
        status: int, *words: str, user: User | None = None
    ) -> subprocess.CompletedProcess[str]:
        argv, environment = daemon.ctl(*words), daemon.client_environment
        if user is None:
            done = run(argv, env=environment, check=False)
        else:
            done = run_as(user, argv, env=environment)
        assert done.returncode == status, (words, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        assert status in (0, 2, 6, 7, 9) or len(done.stderr.strip().splitlines()) == 1
        return done

    return made


def test_codes_of_a_disks_life(
    ctl: Ctl, daemon: LoneDaemon, loop_disk: Callable[..., LoopDisk]
) -> None:
    disk = loop_disk("ext4", 16)
    ctl(4, "backup", disk.uuid)
    device = disk.attach()
    ctl(0, "plug", device)
    assert disk.uuid in ctl(0, "disks").stdout  # so that nobody needs blkid
    ctl(4, "backup", disk.uuid)
    ctl(0, "save", f"{disk.uuid}=bleu")
    ctl(0, "backup", "bleu")
    ctl(0, "backup", "bl")
    ctl(0, "backup", disk.uuid[:8])
    ctl(0, "enable", "warn.sh")
    ctl(7, "backup", "bleu")
    ctl(0, "enable", "fail.sh")
    ctl(6, "backup", "bleu")
    ctl(0, "disable", "fail.sh")
    history = json.loads(ctl(0, "history", "bleu", "--json").stdout)["history"]
    assert [row["verdict"] for row in history] == ["failed", "warning", *["success"] * 3]
    ctl(0, "unplug", "bleu")
    disk.detach()
    wait_until(lambda: "not plugged in" in ctl(0, "disks").stdout, "the disk to be gone")
    ctl(5, "backup", "bleu")
    ctl(5, "unplug", "bleu")
    ctl(0, "forget", "bleu")
    ctl(4, "forget", "bleu")


def test_disk_that_cannot_be_used_is_saved_with_the_way_out(
    ctl: Ctl, loop_disk: Callable[..., LoopDisk]
) -> None:
    disk = loop_disk("vfat", 16)
    device = disk.attach()
    ctl(0, "plug", device)
    assert "ext4" in ctl(0, "disks").stdout
    said = ctl(0, "save", "--device", device, "stick").stdout
    assert "cannot be used" in said
    assert "ext4" in said
    for words in (["backup", "stick"], ["plug", device]):
        assert "ext4" in ctl(1, *words).stderr
    ctl(0, "unplug", "stick")


def test_exit_status_three_is_a_warning_only_with_one(
    ctl: Ctl, daemon: LoneDaemon, loop_disk: Callable[..., LoopDisk]
) -> None:
    disk = loop_disk("ext4", 16)
    ctl(0, "plug", disk.attach())
    ctl(0, "save", f"{disk.uuid}=bleu")
    ctl(0, "enable", "three.sh")
    ctl(6, "backup", "bleu")
    daemon.script("three.sh", 'echo "warning odd" >&"$TETRAS_BACK_PROGRESS_FD"\nexit 3\n')
    ctl(7, "backup", "bleu")
    ctl(0, "disable", "three.sh")
    ctl(0, "disable", "ok.sh")
    ctl(6, "backup", "bleu")  # nothing is enabled: nothing was backed up


def test_cancelled_is_nine(
    ctl: Ctl, daemon: LoneDaemon, loop_disk: Callable[..., LoopDisk], workspace: Path
) -> None:
    disk = loop_disk("ext4", 16)
    ctl(0, "plug", disk.attach())
    ctl(0, "save", f"{disk.uuid}=bleu")
    ctl(0, "enable", "hang.sh")
    with subprocess.Popen(
        daemon.ctl("backup", "bleu"),
        env=daemon.client_environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as following:
        assert following.stdout is not None
        wait_until(lambda: "half" in ctl(0, "status").stdout, "the backup to run")
        ctl(1, "backup", "bleu")
        ctl(1, "forget", "bleu")
        ctl(0, "cancel", "bleu")
        assert "cancelled" in following.communicate(timeout=30)[0]
        assert following.returncode == 9
    ctl(1, "cancel", "bleu")


def test_a_held_disk_waits_until_it_is_released(
    ctl: Ctl, daemon: LoneDaemon, loop_disk: Callable[..., LoopDisk]
) -> None:
    disk = loop_disk("ext4", 16)
    device = disk.attach()
    ctl(0, "save", f"{disk.uuid}=bleu")
    ctl(4, "hold", "vert")
    assert "plugging in bleu starts no backup" in ctl(0, "hold", "bleu", "--minutes", "30").stdout
    assert "tetras-backctl release bleu" in ctl(0, "status").stdout
    ctl(0, "plug", device)
    assert json.loads(ctl(0, "history", "--json").stdout)["history"] == []
    ctl(0, "hold")
    ctl(1, "release", "bleu")  # all are held, not this one alone
    ctl(0, "release")
    assert json.loads(ctl(0, "status", "--json").stdout)["holds"] == []
    wait_until(lambda: "safe to unplug" in ctl(0, "disks").stdout, "the backup that waited")


def test_codes_of_errors(ctl: Ctl, daemon: LoneDaemon, user: User) -> None:
    for words in (["nonsense"], ["save"], ["save", "x"], ["enable", "a/b"], ["backup"]):
        ctl(2, *words)
    for words in (["forget", "x"], ["cancel", "x"], ["log", "x"], ["plug", "x"]):
        ctl(4, *words)
    for words in (
        ["log", "99"],
        ["plug", "/dev/null"],
        ["unplug", "/dev/no-such-device"],
        ["enable", "missing.sh"],
    ):
        ctl(1, *words)
    for words in (["reload"], ["plug", "/dev/null"], ["enable", "ok.sh"], ["log", "99"], ["hold"]):
        ctl(3, *words, user=user)
    for words in (["status"], ["disks"], ["history"], ["scripts"], ["version"]):
        ctl(0, *words, user=user)
    daemon.config.write_text("[half")
    ctl(1, "reload")
    assert "error" in ctl(0, "status").stdout
    daemon.stop()
    error = json.loads(ctl(8, "status", "--json").stdout)["error"]
    assert error["exit_code"] == 8
    daemon.bus.stop()
    ctl(8, "status")
