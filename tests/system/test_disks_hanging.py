"""A disk that answers no more: its image lies on a file system that is frozen for a while."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import LoopDisk, wait_until
from tests.system.remote import RemoteDisks, identify
from tests.system.shelves import FrozenShelf
from tetrasback.core.devices import BlockDevice
from tetrasback.ports import Fault


@pytest.fixture
def shelf(workspace: Path) -> Iterator[FrozenShelf]:
    made = FrozenShelf(workspace)
    yield made
    made.close()


@pytest.fixture
def device(shelf: FrozenShelf) -> Iterator[BlockDevice]:
    disk = LoopDisk(shelf.path, "ext4", 64)
    yield identify(disk.attach())
    disk.detach()


@pytest.fixture
def disks(device: BlockDevice, shelf: FrozenShelf, workspace: Path) -> Iterator[RemoteDisks]:
    with RemoteDisks(workspace / "run", patience=1.0, release=0.5, unmount=0.3) as running:
        yield running
        shelf.thaw()


@pytest.mark.parametrize("first", ["probe", "sync"])
def test_a_hanging_sync_is_given_up_and_never_becomes_a_success(
    first: str, shelf: FrozenShelf, device: BlockDevice, disks: RemoteDisks
) -> None:
    disks.open(device)
    disks.shell('head -c 5000000 /dev/urandom >"$1"/file', disks.mount_point())
    shelf.freeze()
    begun = time.monotonic()
    with pytest.raises(Fault) as caught:
        getattr(disks, first)()
    assert caught.value.code == "disk-error"
    assert "hangs" in caught.value.message
    assert time.monotonic() - begun < 20
    with pytest.raises(Fault):
        disks.close()
    assert disks.released(device) == "mounted-elsewhere"
    shelf.thaw()
    wait_until(lambda: disks.released(device) == "", "the disk to be let go")
    wait_until(lambda: disks.threads() == 1, "the steps that hung to end")


def test_a_sync_after_a_hanging_probe_fails_though_the_disk_is_back(
    shelf: FrozenShelf, device: BlockDevice, disks: RemoteDisks
) -> None:
    disks.open(device)
    disks.shell('head -c 5000000 /dev/urandom >"$1"/file', disks.mount_point())
    shelf.freeze()
    with pytest.raises(Fault):
        disks.probe()
    shelf.thaw()
    with pytest.raises(Fault) as caught:
        disks.sync()
    assert caught.value.code == "disk-error"
    wait_until(lambda: disks.threads() == 1, "the step that hung to end")
    assert disks.close() is True
    assert disks.released(device) == ""


def test_letting_go_of_a_hanging_disk_does_not_hang(
    shelf: FrozenShelf, device: BlockDevice, disks: RemoteDisks
) -> None:
    disks.open(device)
    disks.shell('head -c 5000000 /dev/urandom >"$1"/file', disks.mount_point())
    shelf.freeze()
    assert disks.close(gone=True) is False
    assert disks.mount_point() == ""
    shelf.thaw()
    wait_until(lambda: disks.released(device) == "", "the disk to be let go")


def test_a_mount_that_hangs_is_undone_when_it_ends_at_last(
    shelf: FrozenShelf, device: BlockDevice, disks: RemoteDisks
) -> None:
    shelf.freeze()
    with pytest.raises(Fault) as caught:
        disks.open(device)
    assert caught.value.code == "disk-error"
    shelf.thaw()
    wait_until(lambda: disks.released(device) == "", "the disk to be let go")
    disks.open(device)
    assert disks.close() is True
