"""The units for systemd: how exposed they are, and that their sandbox is explained."""

import re
from pathlib import Path

import pytest

from tests.harness import run
from tests.harness.process import PROJECT

UNITS = PROJECT / "systemd"
EXPLAINED = (UNITS / "SANDBOX.md").read_text()
DAEMON = (UNITS / "tetras-back.service").read_text()


def judged(name: str, threshold: int, directory: Path) -> tuple[bool, str]:
    """Whether the exposure of a unit is at most THRESHOLD tenths, and what the judge says."""
    unit = directory / name
    # Its program is not installed here; the rest is judged alike with any that exists.
    unit.write_text(
        re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", (UNITS / name).read_text(), flags=re.M)
    )
    words = ["systemd-analyze", "security", "--offline=true", f"--threshold={threshold}"]
    done = run([*words, "--no-pager", unit], check=False)
    return done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("name", "threshold"), [("tetras-back.service", 45), ("tetras-back-relay.service", 10)]
)
def test_exposure_is_low(name: str, threshold: int, tmp_path: Path) -> None:
    low, said = judged(name, threshold, tmp_path)
    assert low, said.splitlines()[-1]


def test_judge_would_tell(tmp_path: Path) -> None:
    low, _ = judged("tetras-back.service", 10, tmp_path)
    assert not low


def hardening() -> list[tuple[str, str]]:
    """The settings below the heading in the daemon's unit, as pairs."""
    _, _, below = DAEMON.partition("# Hardening.")
    lines, _, _ = below.partition("[Install]")
    return re.findall(r"^(\w+)=(.*)$", lines, re.M)


def test_every_line_of_the_sandbox_is_explained() -> None:
    on, _, _ = EXPLAINED.partition("### What is left out on purpose")
    table = "\n".join(line.split("|")[1] for line in on.splitlines() if line.startswith("| `"))
    settings = hardening()
    assert len(settings) > 20
    for key, value in settings:
        assert f"`{key}=" in table, key
        if key in ("DeviceAllow", "ReadWritePaths"):
            assert value.split()[0] in table, value


def test_what_is_left_out_is_not_there() -> None:
    _, _, left_out = EXPLAINED.partition("### What is left out on purpose")
    table, _, _ = left_out.partition("## The relay")
    names = re.findall(
        r"`(\w+=\w*)",
        "\n".join(line.split("|")[1] for line in table.splitlines() if line.startswith("| `")),
    )
    assert "NoNewPrivileges=" in names
    for name in names:
        assert not re.search(rf"^{re.escape(name)}", DAEMON, re.M), name


def test_units_restart_for_the_status_that_the_daemon_makes_way_with() -> None:
    source = (PROJECT / "tetrasback/daemon.py").read_text()
    (status,) = re.findall(r"^EXIT_MADE_WAY = (\d+)$", source, re.M)
    for key in ("SuccessExitStatus", "RestartForceExitStatus"):
        assert re.findall(rf"^{key}=(.*)$", DAEMON, re.M) == [status]
