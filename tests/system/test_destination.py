"""What a restore may write to although the unit keeps it read-only, and until when."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import run
from tests.system.jobs_support import Bench
from tetrasback.adapters import destination
from tetrasback.core.state import Code, Progress
from tetrasback.ports import JobResult


@pytest.fixture
def place(workspace: Path) -> Iterator[Path]:
    """A directory that is read-only as ProtectSystem makes it so: as a mount, not on its disk."""
    point = workspace / "etc"
    point.mkdir()
    run(["mount", "--bind", point, point])
    run(["mount", "-o", "remount,bind,ro", point])
    yield point
    run(["umount", point])


def is_writable(place: Path) -> bool:
    try:
        (place / "probe").touch()
    except OSError:
        return False
    return True


def test_it_is_writable_for_as_long_as_it_takes(place: Path) -> None:
    assert not is_writable(place)
    with destination.writable([str(place)]):
        assert is_writable(place)
    assert not is_writable(place)
    assert destination.protect() == ""


async def test_no_script_runs_while_a_restore_that_hangs_still_writes(
    place: Path, workspace: Path
) -> None:
    bench = Bench(workspace)
    with destination.writable([str(place)]):
        hanging = (place / "half").open("w")
    try:
        result = await bench.run("echo ran")
        assert result.code == Code.SCRIPT_REFUSED
        assert result.message.startswith(f"{place} is open for a restore that hangs")
    finally:
        hanging.close()
    assert await bench.run("echo ran") == JobResult(0, Progress())
    assert not is_writable(place)
