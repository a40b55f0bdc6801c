"""Devices named by a caller who has laid links for root to follow."""

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness import LoopDisk, User, run
from tetrasback.adapters.udev import UdevDevices
from tetrasback.errors import NoSuchDevice


@pytest.fixture
def trap(user: User) -> Iterator[Path]:
    """A directory of the user's in /dev/shm."""
    place = Path("/dev/shm", f"tetras-back-{secrets.token_hex(4)}")
    place.mkdir(0o755)
    os.chown(place, user.uid, user.gid)
    yield place
    run(["rm", "-rf", place])


async def told(path: Path) -> str:
    devices = UdevDevices()
    try:
        with pytest.raises(NoSuchDevice) as caught:
            await devices.lookup(str(path))
    finally:
        await devices.close()
    return str(caught.value).replace(str(path), "")


async def test_a_strangers_link_tells_nothing_of_where_it_leads(
    trap: Path, user: User, loop_disk: Callable[..., LoopDisk], workspace: Path
) -> None:
    """The answer told whether a file in root's own directories exists."""
    (workspace / "secret").touch()
    answers = set()
    for name, target in {
        "there": workspace / "secret",
        "not-there": workspace / "other",
        "device": loop_disk().attach(),
        "loop": trap / "loop",
    }.items():
        link = trap / name
        link.symlink_to(target)
        os.lchown(link, user.uid, user.gid)
        answers.add(await told(link))
    (trap / "inner").symlink_to(workspace)
    answers |= {await told(trap / "inner/secret"), await told(trap / "inner/other")}
    assert len(answers) == 1
