"""`tetras-backctl prepare` in front of the daemon with simulated disks."""

import json
import subprocess
from collections.abc import Callable

import pytest

from tests.bus import terminal
from tests.harness import Daemon, run

BLANK = "/dev/sim3"
STICK = "/dev/sim1"
"""FAT, labelled "USB STICK", of 32 GiB."""


@pytest.fixture
def daemon(daemon_factory: Callable[..., Daemon]) -> Daemon:
    return daemon_factory(sim=True)


def ctl(daemon: Daemon, *words: str) -> subprocess.CompletedProcess[str]:
    return run(daemon.ctl(*words), env=daemon.client_environment, check=False)


def names(daemon: Daemon) -> list[str]:
    disks = json.loads(ctl(daemon, "disks", "--json").stdout)["disks"]
    return [disk["name"] for disk in disks if disk["saved"]]


def converse(daemon: Daemon, words: list[str], typed: str) -> tuple[int, str]:
    """Run it on a terminal, and type when the disk is to be named; its exit code, what is shown."""
    return terminal.converse(daemon.ctl(*words), daemon.client_environment, typed)


def test_disks_shows_what_could_be_prepared_and_names_the_command(daemon: Daemon) -> None:
    shown = ctl(daemon, "disks").stdout
    row = next(line for line in shown.splitlines() if BLANK in line)
    assert "blank" in row
    assert f"tetras-backctl prepare {BLANK} --name NAME" in shown
    assert f"tetras-backctl prepare {STICK} --name NAME --erase" in shown
    status = ctl(daemon, "status").stdout
    assert f"tetras-backctl prepare {BLANK} --name NAME" in status
    assert f"tetras-backctl prepare {STICK} --name NAME --erase" in status
    whole = next(
        item
        for item in json.loads(ctl(daemon, "disks", "--json").stdout)["preparable"]
        if item["device"] == STICK
    )
    assert whole["contents"][0]["label"] == "USB STICK"
    assert ctl(daemon, "__complete", "preparable").stdout.splitlines() == [
        *(BLANK, "/dev/sim0", STICK, "/dev/sim2")
    ]


def test_a_blank_disk_is_prepared_at_once_and_told_step_by_step(daemon: Daemon) -> None:
    done = ctl(daemon, "prepare", BLANK, "--name", "l'été", "--fs", "xfs")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.startswith(BLANK) for line in lines] == [True] * (len(lines) - 1) + [False]
    assert len(lines) >= 4
    assert "tetras-backctl backup 'l'\"'\"'été'" in lines[-1]
    disk = next(d for d in json.loads(ctl(daemon, "disks", "--json").stdout)["disks"] if d["saved"])
    assert (disk["name"], disk["filesystem_type"], disk["state"]) == ("l'été", "xfs", "plugged")
    assert BLANK not in ctl(daemon, "__complete", "preparable").stdout


def test_json_is_the_disk_alone(daemon: Daemon) -> None:
    done = ctl(daemon, "prepare", BLANK, "--name", "vert", "--json")
    assert json.loads(done.stdout)["disk"]["name"] == "vert"


def test_what_is_on_a_disk_is_told_and_stays_without_erase(daemon: Daemon) -> None:
    done = ctl(daemon, "prepare", STICK, "--name", "vert")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "USB STICK" in done.stderr
    assert f"tetras-backctl prepare {STICK} --name vert --erase" in done.stderr
    assert names(daemon) == []


@pytest.mark.parametrize("words", [("--erase",), ("--erase", "--json"), ("--erase=",)])
def test_a_script_must_say_which_disk(daemon: Daemon, words: tuple[str, ...]) -> None:
    done = ctl(daemon, "prepare", STICK, "--name", "vert", *words)
    assert done.returncode == 2
    assert "--erase='Simulated disk'" in done.stderr
    assert names(daemon) == []


@pytest.mark.parametrize("given", ["wrong", "Simulated", "34 MB", "3.4", "500"])
def test_another_disk_than_the_one_that_was_meant(daemon: Daemon, given: str) -> None:
    for device in (STICK, BLANK):
        done = ctl(daemon, "prepare", device, "--name", "vert", f"--erase={given}")
        assert done.returncode == 1
        assert "nothing was changed" in done.stderr
    assert names(daemon) == []


@pytest.mark.parametrize("given", ["simulated disk", "34.4 GB", "34.4gb", str(32 << 30)])
def test_model_or_size_will_do(daemon: Daemon, given: str) -> None:
    done = ctl(daemon, "prepare", STICK, "--name", "vert", f"--erase={given}")
    assert done.returncode == 0, done.stderr
    assert names(daemon) == ["vert"]


def test_on_a_terminal_it_is_shown_and_asked_for(daemon: Daemon) -> None:
    words = ["prepare", STICK, "--erase", "--name", "vert"]
    code, shown = converse(daemon, words, "yes\n")
    assert (code, names(daemon)) == (1, [])
    assert "“USB STICK”" in shown
    assert "SIM0001" in shown
    code, _ = converse(daemon, words, "\x04")
    assert (code, names(daemon)) == (1, [])
    code, shown = converse(daemon, words, "\x03")
    assert (code, names(daemon)) == (1, [])
    code, shown = converse(daemon, ["prepare", "--name", "vert", "--erase", STICK], "34.4 GB\n")
    assert (code, names(daemon)) == (0, ["vert"])
    assert "tetras-backctl backup vert" in shown


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (2, ("prepare", "--name", "x")),
        (2, ("prepare", BLANK)),
        (2, ("prepare", BLANK, "--name", "-x")),
        (2, ("prepare", BLANK, "--name", "x", "--fs", "exfat")),
        (2, ("prepare", "/etc/passwd", "--name", "x")),
        (1, ("prepare", "/dev/nope", "--name", "x")),
    ],
)
def test_wrong_words(daemon: Daemon, code: int, words: tuple[str, ...]) -> None:
    done = ctl(daemon, *words)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert names(daemon) == []
