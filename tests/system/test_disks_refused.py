"""Disks that must not be used: each is refused with its word, and nothing is left behind."""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.harness import LoopDisk, run
from tests.system.remote import RemoteDisks, exchange, identify
from tetrasback.core.devices import BlockDevice
from tetrasback.ports import Fault

UUID = "0b5a9f3e-7c1d-4e8f-9a2b-3c4d5e6f7a8b"


@pytest.fixture
def disks(workspace: Path) -> Iterator[RemoteDisks]:
    with RemoteDisks(workspace / "run", release=1.0, unmount=0.5) as running:
        yield running


def refused(disks: RemoteDisks, device: BlockDevice, mode: str = "mount") -> Fault:
    """The fault of opening DEVICE; also sees to it that nothing of it is mounted or held."""
    with pytest.raises(Fault) as caught:
        disks.open(device, mode)
    assert "\n" not in caught.value.message
    assert disks.mount_point() == ""
    assert device.node not in disks.shell("findmnt -n -l -o SOURCE").split()
    # Descriptors of its own come and go meanwhile.
    held = disks.shell('ls -l /proc/"$1"/fd 2>/dev/null || true', str(disks.pid))
    assert device.node not in held.split()
    return caught.value


@pytest.mark.parametrize("mode", ["mount", "device"])
def test_another_disk_in_the_same_place_is_not_touched(
    mode: str, disks: RemoteDisks, loop_disk: Callable[..., LoopDisk]
) -> None:
    first = loop_disk(name="first", uuid=UUID)
    second = loop_disk(name="second", uuid=UUID)
    seen = identify(first.attach())
    exchange(first, second)
    assert refused(disks, seen, mode).code == "identity"


@pytest.mark.parametrize("fs", ["ext4", "xfs", "btrfs"])
def test_another_file_system_on_the_same_disk_is_not_touched(
    fs: str, disks: RemoteDisks, loop_disk: Callable[..., LoopDisk]
) -> None:
    device = identify(loop_disk(fs).attach())
    assert refused(disks, replace(device, uuid=UUID)).code == "identity"
    others = {"ext4", "xfs", "btrfs"} - {fs}
    for other in others:
        assert refused(disks, replace(device, fstype=other)).code == "identity"


def test_another_device_than_the_one_in_sysfs_is_not_touched(
    disks: RemoteDisks, loop_disk: Callable[..., LoopDisk]
) -> None:
    first = identify(loop_disk(name="first").attach())
    second = identify(loop_disk(name="second").attach())
    assert refused(disks, replace(first, node=second.node)).code == "identity"


def test_a_read_only_disk_is_refused(
    disks: RemoteDisks, loop_disk: Callable[..., LoopDisk]
) -> None:
    device = identify(loop_disk().attach("--read-only"))
    assert device.read_only
    assert refused(disks, device).code == "read-only"
    # its switch was moved after it had been seen
    assert refused(disks, replace(device, read_only=False)).code == "read-only"


def test_a_fat_disk_is_refused_with_the_way_out(
    disks: RemoteDisks, loop_disk: Callable[..., LoopDisk]
) -> None:
    device = identify(loop_disk("vfat").attach())
    fault = refused(disks, device)
    assert fault.code == "unsupported-filesystem"
    assert "ext4" in fault.message


def test_an_encrypted_disk_is_refused(
    disks: RemoteDisks, loop_disk: Callable[..., LoopDisk]
) -> None:
    disk = loop_disk("")
    with disk.image.open("rb+") as image:  # LUKS1: magic, version, and the UUID at byte 168
        image.write(b"LUKS\xba\xbe\x00\x01")
        image.seek(168)
        image.write(UUID.encode())
    device = identify(disk.attach())
    assert device.uuid == UUID
    assert refused(disks, device).code == "encrypted"


def test_a_btrfs_on_two_devices_is_refused(
    disks: RemoteDisks, loop_disk: Callable[..., LoopDisk]
) -> None:
    one = loop_disk("", 128, name="one")
    two = loop_disk("", 128, name="two")
    run(["mkfs.btrfs", "-q", "-f", "-U", UUID, one.attach(), two.attach()])
    fault = refused(disks, identify(one.device))
    assert fault.code == "unsupported-filesystem"
    assert "2 devices" in fault.message
    run(["btrfs", "device", "scan", "--forget"], check=False)


@pytest.mark.parametrize("fs", ["ext4", "xfs", "btrfs"])
def test_a_damaged_file_system_is_refused_with_the_repair(
    fs: str, disks: RemoteDisks, loop_disk: Callable[..., LoopDisk]
) -> None:
    disk = loop_disk(fs)
    with disk.image.open("rb+") as image:  # all but the page that holds the superblock's names
        for start, end in {
            "ext4": [(4096, 8 << 20)],
            "xfs": [(512, 1 << 20), (100 << 20, 260 << 20)],
            "btrfs": [(0x11000, 127 << 20)],
        }[fs]:
            image.seek(start)
            image.write(b"\xa5" * (end - start))
    device = identify(disk.attach())
    fault = refused(disks, device)
    assert fault.code == "damaged"
    assert device.node in fault.message
    assert "repair it with" in fault.message


def test_an_ext4_with_noted_errors_is_refused(
    disks: RemoteDisks, loop_disk: Callable[..., LoopDisk]
) -> None:
    disk = loop_disk()
    run(["debugfs", "-w", "-R", "set_super_value state 2", disk.image])
    assert refused(disks, identify(disk.attach())).code == "damaged"


def test_a_copy_of_a_mounted_xfs_is_refused(
    disks: RemoteDisks, loop_disk: Callable[..., LoopDisk], workspace: Path
) -> None:
    one = loop_disk("xfs", name="one", uuid=UUID)
    two = loop_disk("xfs", name="two", uuid=UUID)
    disks.open(identify(one.attach()), backup=7)
    fault = refused(disks, identify(two.attach()))
    assert fault.code in ("damaged", "disk-error", "in-use")
    assert "same UUID" in fault.message
    assert disks.close(backup=7) is True


@pytest.mark.parametrize("fs", ["ext4", "btrfs"])
def test_a_copy_of_a_mounted_disk_never_takes_its_place(
    fs: str, disks: RemoteDisks, loop_disk: Callable[..., LoopDisk], workspace: Path
) -> None:
    one = loop_disk(fs, name="one", uuid=UUID)
    one.image.with_name("copy.img").write_bytes(one.image.read_bytes())
    copy = run(["losetup", "--find", "--show", one.image.with_name("copy.img")]).stdout.strip()
    place = workspace / "host"
    place.mkdir()
    run(["mount", copy, place])
    try:
        device = identify(one.attach())
        with contextlib.suppress(Fault):  # btrfs may refuse two devices of one UUID
            disks.open(device)
            disks.shell('echo mine >"$1"/file', disks.mount_point())
            disks.sync()
            disks.close()
        assert not (place / "file").exists()
    finally:
        run(["umount", place])
        run(["losetup", "--detach", copy])


@pytest.mark.parametrize("level", ["mnt", f"mnt/{UUID.replace('-', '_2d')}"])
def test_a_symbolic_link_in_the_mount_directory_is_not_followed(
    level: str, disks: RemoteDisks, loop_disk: Callable[..., LoopDisk], workspace: Path
) -> None:
    elsewhere = workspace / "elsewhere"
    elsewhere.mkdir()
    link = workspace / "run" / level
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(elsewhere)
    fault = refused(disks, identify(loop_disk(uuid=UUID).attach()))
    assert fault.code == "disk-error"
    assert list(elsewhere.iterdir()) == []


def test_a_node_that_is_no_block_device_is_refused(
    disks: RemoteDisks, loop_disk: Callable[..., LoopDisk], workspace: Path
) -> None:
    device = identify(loop_disk().attach())
    link = workspace / "node"
    link.symlink_to(device.node)
    plain = workspace / "plain"
    plain.write_bytes(bytes(8192))
    for node in (link, plain, Path("/dev/zero")):
        assert refused(disks, replace(device, node=str(node))).code == "disk-error"


def test_a_file_that_is_not_root_s_is_no_disk(
    disks: RemoteDisks, loop_disk: Callable[..., LoopDisk]
) -> None:
    disk = loop_disk()
    device = identify(disk.attach())
    os.chown(disk.image, 1234, 1234)
    fault = refused(disks, device)
    assert fault.code == "foreign-file"
    assert str(disk.image) not in fault.message
    os.chown(disk.image, 0, 0)
    disk.image.unlink()
    assert refused(disks, device).code == "foreign-file"


def test_a_disk_of_the_system_is_refused(
    disks: RemoteDisks, loop_disk: Callable[..., LoopDisk]
) -> None:
    device = identify(loop_disk().attach())
    assert refused(disks, replace(device, system=True)).code == "system-disk"
