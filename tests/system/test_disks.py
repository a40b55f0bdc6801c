"""A disk from opening to letting go, on real file systems."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness import LoopDisk, run
from tests.system.remote import RemoteDisks, identify


@pytest.fixture
def disks(workspace: Path) -> Iterator[RemoteDisks]:
    with RemoteDisks(workspace / "run", release=1.0, unmount=0.5) as running:
        yield running


@pytest.mark.parametrize("fs", ["ext4", "xfs", "btrfs"])
def test_mounted_written_synced_and_released(
    fs: str, disks: RemoteDisks, loop_disk: Callable[..., LoopDisk]
) -> None:
    disk = loop_disk(fs)
    device = identify(disk.attach())
    room = disks.open(device)
    assert 0 < room.free < room.size
    point = Path(disks.mount_point())
    assert disks.shell('stat -c "%a %U" "$1"/..', point) == "700 root\n"
    options = disks.shell('findmnt -n -o OPTIONS,FSTYPE "$1"', point)
    for word in ("nosuid", "nodev", "noexec", "nosymfollow", fs):
        assert word in options
    disks.shell('head -c 1000000 /dev/urandom >"$1"/file', point)
    disks.probe()
    assert disks.sync().free < room.free
    assert disks.released(device) == "mounted-elsewhere"
    assert disks.close() is True
    assert disks.released(device) == ""
    assert disks.mount_point() == ""
    assert disks.threads() == 1
    assert run(["findmnt", "-n", point], check=False).stdout == ""
    disks.open(device, backup=2)
    assert disks.shell('wc -c <"$1"/file', disks.mount_point(2)) == "1000000\n"
    assert disks.close(backup=2) is True
