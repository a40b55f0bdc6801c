"""The rule that keeps desktop automounters away, read by a real udevd."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness import LoopDisk, UdevDaemon, run, settle
from tetrasback.adapters.automounters import UdisksRule

UUID = "5b5a9f3e-7c1d-4e8f-9a2b-3c4d5e6f7a8b"
OTHER = "6b5a9f3e-7c1d-4e8f-9a2b-3c4d5e6f7a8b"
RULES = Path("/run/udev/rules.d")


@pytest.fixture
def rules(udevd: UdevDaemon) -> Iterator[Path]:
    """udev's directory of run-time rules, without ours at the end."""
    yield RULES
    (RULES / "61-tetras-back-saved.rules").unlink(missing_ok=True)
    run(["udevadm", "control", "--reload"])


def properties(device: str) -> list[str]:
    settle()
    return run(["udevadm", "info", "--query=property", device]).stdout.splitlines()


async def test_udev_marks_saved_disks_and_no_others(
    rules: Path, loop_disk: Callable[..., LoopDisk]
) -> None:
    rule = UdisksRule()
    saved, other = loop_disk(name="saved", uuid=UUID), loop_disk(name="other", uuid=OTHER)
    await rule.keep_from([UUID])
    assert "UDISKS_AUTO=0" in properties(saved.attach())
    assert "UDISKS_AUTO=0" not in properties(other.attach())
    await rule.keep_from([])
    assert not (rules / "61-tetras-back-saved.rules").exists()
    run(["udevadm", "trigger", "--settle", f"--sysname-match={Path(saved.device).name}"])
    assert "UDISKS_AUTO=0" not in properties(saved.device)


async def test_only_uuids_get_into_the_rule(workspace: Path) -> None:
    rule = UdisksRule(workspace, workspace / "no-control")
    await rule.keep_from(['x", RUN+="/bin/sh', UUID.upper(), "ABCD-1234", UUID])
    lines = (workspace / "61-tetras-back-saved.rules").read_text().splitlines()
    assert [line.split('"')[3] for line in lines[1:]] == [UUID, "ABCD-1234"]


async def test_an_unchanged_rule_is_not_written_again(workspace: Path) -> None:
    path = workspace / "61-tetras-back-saved.rules"
    rule = UdisksRule(workspace, workspace / "no-control")
    await rule.keep_from([])
    assert not path.exists()
    await rule.keep_from([UUID, OTHER])
    before = path.stat().st_ino
    await rule.keep_from([OTHER, UUID])
    assert path.stat().st_ino == before
    path.write_bytes(b"\xff")
    await rule.keep_from([OTHER, UUID])
    assert path.read_text().count("UDISKS_AUTO") == 2
    assert os.listdir(workspace) == [path.name]
