"""Disks that lose data, fill up, or are pulled out: nothing of it goes unnoticed."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness import LoopDisk, run
from tests.system.remote import RemoteDisks, identify
from tetrasback.ports import Fault


@pytest.fixture
def disks(workspace: Path) -> Iterator[RemoteDisks]:
    with RemoteDisks(workspace / "run", release=1.0, unmount=0.5) as running:
        yield running


@pytest.fixture
def dying(workspace: Path) -> Iterator[Callable[[str], LoopDisk]]:
    """A disk whose sectors beyond what it holds at first, and 4 MiB more, cannot be written."""
    shelf = workspace / "shelf"
    shelf.mkdir()
    run(["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", shelf])
    made: list[LoopDisk] = []

    def make(fs: str) -> LoopDisk:
        disk = LoopDisk(shelf, fs, 400)
        made.append(disk)
        disk.attach()
        used = run(["du", "--block-size=1M", "--summarize", shelf]).stdout.split()[0]
        run(["mount", "-o", f"remount,size={int(used) + 4}m", shelf])
        return disk

    yield make
    for disk in made:
        disk.detach()
    run(["umount", shelf])


@pytest.mark.parametrize("fs", ["ext4", "xfs", "btrfs"])
def test_lost_writes_are_told_by_sync_and_ever_after(
    fs: str, disks: RemoteDisks, dying: Callable[[str], LoopDisk]
) -> None:
    device = identify(dying(fs).device)
    disks.open(device)
    disks.shell('head -c 30000000 /dev/urandom >"$1"/file', disks.mount_point())
    with pytest.raises(Fault) as caught:
        disks.sync()
    assert caught.value.code == "disk-error"
    assert "\n" not in caught.value.message
    with pytest.raises(Fault) as again:
        disks.sync()
    assert again.value.code == "disk-error"
    _close_somehow(disks)
    assert disks.released(device) == ""


@pytest.mark.parametrize("fs", ["ext4", "xfs", "btrfs"])
def test_a_loss_met_by_probe_fails_the_sync_too(
    fs: str, disks: RemoteDisks, dying: Callable[[str], LoopDisk]
) -> None:
    device = identify(dying(fs).device)
    disks.open(device)
    disks.shell('head -c 30000000 /dev/urandom >"$1"/file', disks.mount_point())
    for step in (disks.probe, disks.sync):
        with pytest.raises(Fault) as caught:
            step()
        assert caught.value.code == "disk-error"
    _close_somehow(disks)


def test_a_loss_while_a_script_has_the_device_is_told(
    disks: RemoteDisks, dying: Callable[[str], LoopDisk], workspace: Path
) -> None:
    device = identify(dying("ext4").device)
    disks.open(device, "device")
    place = workspace / "backup"
    place.mkdir()
    disks.shell(
        'mount "$1" "$2"; head -c 30000000 /dev/zero | tr "\\0" x >"$2"/f', device.node, place
    )
    errors = []
    for step in (disks.sync, disks.close):
        try:
            step()
        except Fault as fault:
            errors.append(fault.code)
    assert "disk-error" in errors
    assert disks.released(device) == ""


def test_a_full_disk_is_told_apart_from_a_failing_one(
    disks: RemoteDisks, loop_disk: Callable[..., LoopDisk]
) -> None:
    device = identify(loop_disk("ext4", 32).attach())
    disks.open(device)
    disks.probe()
    disks.shell('cat /dev/zero >"$1"/file || true', disks.mount_point())
    with pytest.raises(Fault) as caught:
        disks.probe()
    assert caught.value.code == "disk-full"
    disks.sync()
    assert disks.close() is True


def test_an_ext4_that_turns_read_only_is_a_disk_error(
    disks: RemoteDisks, loop_disk: Callable[..., LoopDisk]
) -> None:
    device = identify(loop_disk().attach())
    disks.open(device)
    trigger = Path("/sys/fs/ext4", Path(device.node).name, "trigger_fs_error")
    trigger.write_text("the test wants it\n")
    for step in (disks.probe, disks.sync):
        with pytest.raises(Fault) as caught:
            step()
        assert caught.value.code == "disk-error"
    _close_somehow(disks)
    with pytest.raises(Fault) as caught:
        disks.open(device)
    assert caught.value.code == "damaged"
    assert f"fsck.ext4 -f {device.node}" in caught.value.message
    run(["fsck.ext4", "-fy", device.node], check=False)
    disks.open(device)
    assert disks.close() is True


def test_a_disk_with_a_truncated_image_is_a_disk_error(
    disks: RemoteDisks, loop_disk: Callable[..., LoopDisk]
) -> None:
    disk = loop_disk()
    device = identify(disk.attach())
    disks.open(device)
    with disk.image.open("rb+") as image:
        image.truncate(1 << 20)
    disks.shell('head -c 20000000 /dev/urandom >"$1"/file || true', disks.mount_point())
    with pytest.raises(Fault) as caught:
        disks.sync()
    assert caught.value.code == "disk-error"
    _close_somehow(disks)


@pytest.mark.parametrize("fs", ["ext4", "xfs", "btrfs"])
def test_a_disk_pulled_out_while_it_was_written_mounts_again(
    fs: str, disks: RemoteDisks, loop_disk: Callable[..., LoopDisk], workspace: Path
) -> None:
    disk = loop_disk(fs)
    device = identify(disk.attach())
    disks.open(device)
    disks.shell('for n in $(seq 300); do echo $n >"$1"/$n; done; sync -f "$1"', disks.mount_point())
    disks.shell('rm "$1"/1*; echo new >"$1"/new', disks.mount_point())
    pulled = workspace / "pulled.img"
    shutil.copyfile(disk.image, pulled)
    assert disks.close() is True
    disk.detach()
    pulled.replace(disk.image)
    again = identify(disk.attach())
    disks.open(again)
    assert disks.shell('cat "$1"/200', disks.mount_point()) == "200\n"
    disks.sync()
    assert disks.close() is True


def test_letting_go_of_a_disk_that_left_needs_nobody_to_end(
    disks: RemoteDisks, loop_disk: Callable[..., LoopDisk]
) -> None:
    disk = loop_disk()
    device = identify(disk.attach())
    disks.open(device)
    disks.shell('cd "$1"; sleep 600 >/dev/null 2>&1 & echo $!', disks.mount_point())
    assert disks.close(gone=True) is False
    assert disks.mount_point() == ""
    assert disks.shell("findmnt -n -o SOURCE || true").count(device.node) == 0
    assert disks.released(device) == "in-use"


def _close_somehow(disks: RemoteDisks) -> None:
    """After an error closing may tell of it once more; nothing stays mounted in any case."""
    with contextlib.suppress(Fault):
        disks.close()
    assert "/run/mnt/" not in disks.shell("findmnt -n -l -o TARGET")
