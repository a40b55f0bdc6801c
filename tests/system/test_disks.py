"""A disk from opening to letting go, on real file systems."""

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.harness import LoopDisk, run, wait_until
from tests.harness.process import OWN_MOUNTS
from tests.system.remote import RemoteDisks, exchange, identify
from tetrasback.core.events import GONE
from tetrasback.ports import Fault


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
    for word in ("nosuid", "nodev", "noexec", "nosymfollow", "noatime", fs):
        assert word in options
    disks.shell('head -c 1000000 /dev/urandom >"$1"/file', point)
    disks.probe()
    assert disks.sync().free < room.free
    assert disks.released(device) == "mounted-elsewhere"
    assert disks.close() is True
    assert disks.released(device) == ""
    assert disks.mount_point() == ""
    wait_until(lambda: disks.threads() == 1, "the last step's thread to end")
    assert run(["findmnt", "-n", point], check=False).stdout == ""
    disks.open(device, backup=2)
    assert disks.shell('wc -c <"$1"/file', disks.mount_point(2)) == "1000000\n"
    assert disks.close(backup=2) is True


def test_a_disk_held_in_another_namespace_is_in_use_until_it_is_let_go(
    disks: RemoteDisks, loop_disk: Callable[..., LoopDisk], workspace: Path
) -> None:
    device = identify(loop_disk().attach())
    place = workspace / "there"
    place.mkdir()
    script = 'mount "$1" "$2" && echo mounted && exec sleep 600'
    holder = subprocess.Popen(
        [*OWN_MOUNTS, "sh", "-c", script, "sh", device.node, place],
        stdout=subprocess.PIPE,
    )
    with holder, contextlib.ExitStack() as stack:
        stack.callback(holder.kill)
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"mounted\n"
        with pytest.raises(Fault) as caught:
            disks.open(device)
        assert caught.value.code == "in-use"
        assert disks.released(device) == "in-use"
    assert disks.released(device) == ""
    disks.open(device)
    assert disks.close() is True


def test_a_disk_mounted_by_the_host_is_told_with_the_place_and_not_held_by_us(
    workspace: Path, loop_disk: Callable[..., LoopDisk]
) -> None:
    device = identify(loop_disk().attach())
    place = workspace / "a b"
    place.mkdir()
    run(["mount", device.node, place])
    with RemoteDisks(workspace / "run", release=1.0) as disks:  # its namespace is a copy
        with pytest.raises(Fault) as caught:
            disks.open(device)
        assert caught.value.code == "mounted-elsewhere"
        assert str(place) in caught.value.message
        run(["umount", place])
        # A daemon that another test has just started may hold a copy of that mount for a while.
        wait_until(lambda: disks.released(device) == "", "the disk to be free", 60)
        disks.open(device)
        assert disks.close() is True


def test_one_partition_in_use_keeps_the_whole_disk_from_being_released(
    disks: RemoteDisks, loop_disk: Callable[..., LoopDisk]
) -> None:
    disk = loop_disk("", 200)
    disk.partitions("label: gpt\nsize=90M\nsize=90M\n")
    disk.attach()
    parts = disk.read_partitions()
    try:
        for part in parts:
            run(["mkfs.ext4", "-q", "-F", part])
        first, second = (identify(part) for part in parts)
        assert first.whole == disk.device
        disks.open(first, backup=1)
        disks.open(second, backup=2)
        assert disks.close(backup=1) is True
        assert disks.released(first) == "mounted-elsewhere"
        assert disks.close(backup=2) is True
        assert disks.released(first) == ""
    finally:
        disk.forget_partitions()


def test_a_program_that_stays_on_the_disk_is_named_and_waited_for(
    disks: RemoteDisks, loop_disk: Callable[..., LoopDisk]
) -> None:
    device = identify(loop_disk().attach())
    disks.open(device)
    pid = disks.shell('cd "$1"; sleep 600 >/dev/null 2>&1 & echo $!', disks.mount_point()).strip()
    with pytest.raises(Fault) as caught:
        disks.close()
    assert caught.value.code == "unmount-failed"
    assert f"sleep ({pid})" in caught.value.message
    assert disks.released(device) == "mounted-elsewhere"
    disks.shell('kill "$1"', pid)
    assert disks.released(device) == ""
    disks.open(device, backup=2)
    assert disks.close(backup=2) is True


def test_what_was_mounted_on_the_disk_is_unmounted_with_it(
    disks: RemoteDisks, loop_disk: Callable[..., LoopDisk]
) -> None:
    device = identify(loop_disk().attach())
    disks.open(device)
    disks.shell('mkdir "$1"/x; mount -t tmpfs none "$1"/x', disks.mount_point())
    disks.shell('mkdir "$1"/x/y; mount -t tmpfs none "$1"/x/y', disks.mount_point())
    assert disks.close() is True
    assert disks.released(device) == ""


def test_a_script_that_takes_the_device_may_leave_it_mounted(
    disks: RemoteDisks, loop_disk: Callable[..., LoopDisk], workspace: Path
) -> None:
    device = identify(loop_disk().attach())
    room = disks.open(device, "device")
    assert (room.size, room.free) == (device.size, 0)
    assert disks.mount_point() == ""
    place = workspace / "backup"
    place.mkdir()
    disks.shell('mount "$1" "$2"; echo saved >"$2"/file', device.node, place)
    disks.probe()
    disks.sync()
    assert disks.close() is True
    assert disks.released(device) == ""
    disks.open(device)
    assert disks.shell('cat "$1"/file', disks.mount_point()) == "saved\n"
    assert disks.close() is True


def test_spinning_down_what_cannot_is_no_error(
    disks: RemoteDisks, loop_disk: Callable[..., LoopDisk]
) -> None:
    device = identify(loop_disk().attach())
    disks.spin_down(device)
    disks.spin_down(replace(device, whole="/dev/no-such-disk"))


def test_a_disk_that_has_left_is_gone_not_released(
    disks: RemoteDisks, loop_disk: Callable[..., LoopDisk]
) -> None:
    disk = loop_disk()
    device = identify(disk.attach())
    disk.detach()
    assert disks.released(device) == GONE
    with pytest.raises(Fault):
        disks.open(device)


def test_a_disk_is_gone_also_where_the_one_in_its_place_is_in_use(
    disks: RemoteDisks, loop_disk: Callable[..., LoopDisk], workspace: Path
) -> None:
    old, new = loop_disk(), loop_disk(name="other")
    device = identify(old.attach())
    exchange(old, new)
    place = workspace / "there"
    place.mkdir()
    run(["mount", new.device, place])
    try:
        assert disks.released(device) == GONE
    finally:
        run(["umount", place])
