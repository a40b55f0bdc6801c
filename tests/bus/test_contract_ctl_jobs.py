"""`tetras-backctl` and the backups on real disks, in front of the real daemon."""

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bus.contract import PlainBus
from tests.bus.test_contract_snapshots import BARE, NEW, OLD, Scene
from tests.harness import LoopDisk, PrivateBus, User, run, run_as, wait_until

MakeDisk = Callable[..., LoopDisk]
HANGS = {"hang": True, "say": ["progress 0.5 home", "bytes 5 10"]}


@pytest.fixture
def plain_bus(workspace: Path) -> Iterator[PrivateBus]:
    with PlainBus(workspace) as running:
        yield running


@pytest.fixture
def daemon(plain_bus: PrivateBus, workspace: Path) -> Iterator[Scene]:
    with Scene(plain_bus, workspace, '[backup]\nscripts = ["ok.sh"]\n') as running:
        yield running


class Ctl:
    """Runs tetras-backctl as root, or as USER, and sees that its exit code is as told."""

    def __init__(self, daemon: Scene) -> None:
        self.daemon = daemon

    def __call__(
        self, code: int, *words: str, user: User | None = None
    ) -> subprocess.CompletedProcess[str]:
        argv, environment = self.daemon.ctl(*words), self.daemon.client_environment
        if user is None:
            done = run(argv, env=environment, check=False)
        else:
            done = run_as(user, argv, env=environment)
        assert done.returncode == code, (words, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    def start(self, *words: str) -> subprocess.Popen[str]:
        """It is running; its output is a pipe."""
        return subprocess.Popen(
            self.daemon.ctl(*words),
            env=self.daemon.client_environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def ctl(daemon: Scene) -> Ctl:
    return Ctl(daemon)


@pytest.fixture
def disk(ctl: Ctl, loop_disk: MakeDisk, workspace: Path) -> LoopDisk:
    """A saved disk, `bleu`, with three backups, plugged in."""
    made = loop_disk("ext4", 16)
    device, place = made.attach(), workspace / "fill"
    place.mkdir()
    run(["mount", device, place])
    for name in (OLD, NEW, BARE):
        (place / name / "Donnees").mkdir(parents=True)
    run(["umount", place])
    ctl(0, "plug", device)
    ctl(0, "save", f"{made.uuid}=bleu")
    return made


def listed(ctl: Ctl) -> list[str]:
    rows = json.loads(ctl(0, "snapshots", "bleu", "--json").stdout)["snapshots"]
    return [row["snapshot"] for row in rows]


def pinned(ctl: Ctl) -> list[str]:
    rows = json.loads(ctl(0, "snapshots", "--json").stdout)["snapshots"]
    return [row["snapshot"] for row in rows if row["pinned"]]


def test_backups_are_listed_and_pinned_also_by_a_beginning(ctl: Ctl, disk: LoopDisk) -> None:
    assert listed(ctl) == [NEW, OLD, BARE]
    assert NEW in ctl(0, "snapshots").stdout
    ctl(0, "pin", "bleu", "2024")
    assert pinned(ctl) == [OLD]
    assert "pinned" in ctl(0, "snapshots", "bleu").stdout
    ctl(0, "unpin", "bleu", OLD)
    ctl(0, "pin", "bleu", "latest")
    assert pinned(ctl) == [NEW]
    assert ctl(0, "__complete", "snapshots", "bleu").stdout.splitlines() == [
        *("latest", NEW, OLD, BARE)
    ]
    ctl(1, "pin", "bleu", "2001-01-01_00-00-00_Sauvegarde_serveur")
    ctl(2, "pin", "bleu", "20")
    ctl(1, "pin", "bleu", "1999")
    ctl(4, "pin", "vert", NEW)


def test_a_disk_that_has_gone_is_remembered(ctl: Ctl, disk: LoopDisk, loop_disk: MakeDisk) -> None:
    listed(ctl)
    disk.detach()
    wait_until(lambda: "not plugged in" in ctl(0, "disks").stdout, "the disk to be gone")
    assert listed(ctl) == [NEW, OLD, BARE]
    ctl(5, "pin", "bleu", NEW)
    ctl(5, "verify", "bleu")
    other = loop_disk("ext4", 16, name="vert")
    ctl(0, "save", f"{other.uuid}=vert")
    ctl(5, "snapshots", "vert")
    assert NEW in ctl(5, "snapshots").stdout


@pytest.mark.parametrize(
    ("how", "code", "verdict"),
    [
        ({}, 0, "success"),
        ({"exit": 3, "say": ["warning damaged: /secret/x"]}, 7, "warning"),
        ({"exit": 1}, 6, "failed"),
    ],
)
def test_a_verification_is_followed_to_its_verdict(
    ctl: Ctl, disk: LoopDisk, how: dict[str, object], code: int, verdict: str
) -> None:
    ctl.daemon.behave(**how)
    said = ctl(code, "verify", "bleu", "--sample", "10%").stdout
    assert "verification of bleu: " in said
    assert said.endswith("bleu is safe to unplug\n")
    (row,) = json.loads(ctl(0, "jobs", "bleu", "--json").stdout)["jobs"]
    assert (row["kind"], row["snapshot"], row["verdict"]) == ("verify", NEW, verdict)
    assert "--sample=10" in ctl.daemon.asked()[0]
    assert str(row["id"]) in ctl(0, "jobs").stdout
    log = ctl(0, "log", str(row["id"])).stdout
    assert ("/secret/x" in log) == (verdict == "warning")
    assert ctl(0, "log", "--job").stdout == log
    assert json.loads(ctl(0, "history", "--json").stdout)["history"] == []


def test_what_is_restored_and_where_to(ctl: Ctl, disk: LoopDisk, workspace: Path) -> None:
    target = workspace / "back"
    answer = ctl(0, "restore", "bleu", "2024", "/home/a b", "--to", str(target), "--json").stdout
    job = json.loads(answer)["job"]
    assert (job["kind"], job["snapshot"], job["verdict"]) == ("restore", OLD, "success")
    assert json.loads(answer)["safe_to_unplug"] is True
    ctl(0, "restore", "bleu", "latest", "--database", "mysql", "--yes", "shop")
    ctl(2, "restore", "bleu", "latest", "/home/a b", "--in-place")
    ctl(0, "restore", "bleu", "latest", "/home/a b", "--in-place", "--yes")
    to, database, in_place = ctl.daemon.asked()
    assert f"--to={target}" in to
    assert to[-1] == "/home/a b"
    assert (database[0], database[-1]) == ("restore-database", "shop")
    assert "--in-place" in in_place
    ctl(6, "restore", "bleu", "2001-01-01_00-00-00_Sauvegarde_serveur", "--to", str(target))


def test_ctrl_c_cancels_and_waits(ctl: Ctl, disk: LoopDisk, workspace: Path) -> None:
    ctl.daemon.behave(**HANGS)
    with ctl.start("restore", "bleu", NEW, "--to", str(workspace / "back")) as following:
        wait_until(lambda: "home, 50%" in ctl(0, "status").stdout, "the restore to run")
        for words in (("verify", "bleu"), ("pin", "bleu", NEW), ("forget", "bleu")):
            ctl(1, *words)
        following.send_signal(signal.SIGINT)
        said = following.communicate(timeout=30)[0]
        assert following.returncode == 9
    assert "restore from bleu: cancelled" in said
    assert said.endswith("bleu is safe to unplug\n")


def test_a_job_goes_on_without_us_and_is_cancelled_later(
    ctl: Ctl, disk: LoopDisk, workspace: Path
) -> None:
    ctl(1, "cancel", "--job")
    ctl.daemon.behave(**HANGS)
    said = ctl(0, "restore", "bleu", NEW, "--to", str(workspace / "back"), "--no-wait").stdout
    assert "tetras-backctl cancel --job" in said
    number = json.loads(ctl(0, "status", "--json").stdout)["jobs"][0]["id"]
    ctl(0, "cancel", f"--job={number}")

    def verdict() -> str:
        return str(json.loads(ctl(0, "jobs", "--json").stdout)["jobs"][0]["verdict"])

    wait_until(lambda: verdict() == "cancelled", "the job to have ended")
    ctl(1, "cancel", f"--job={number}")
    ctl(1, "cancel", "--job=99")


def test_strangers_are_refused(ctl: Ctl, disk: LoopDisk, user: User) -> None:
    for words in (
        ("snapshots", "bleu"),
        ("pin", "bleu", NEW),
        ("verify", "bleu"),
        ("restore", "bleu", NEW, "--to", "/srv/x"),
        ("log", "--job", "1"),
        ("cancel", "--job=1"),
    ):
        assert len(ctl(3, *words, user=user).stderr.splitlines()) == 1
    assert json.loads(ctl(0, "jobs", "--json", user=user).stdout)["jobs"] == []
