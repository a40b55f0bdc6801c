"""Devices as a real udevd tells of them."""

import asyncio
import os
import sys
import time
import uuid as uuids
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.harness import LoopDisk, TagRule, UdevDaemon, run, settle
from tests.harness.process import OWN_MOUNTS, PROJECT
from tests.harness.udevd import BlindRule
from tests.system.remote import exchange
from tetrasback.adapters import sysfs
from tetrasback.adapters.description import describe
from tetrasback.adapters.udev import UdevDevices
from tetrasback.core.devices import BlockDevice
from tetrasback.errors import NoSuchDevice, NotAFilesystem

ONE, TWO = str(uuids.uuid4()), str(uuids.uuid4())


class Told:
    """What the adapter has told, in order: ("seen", UUID) and ("gone", syspath's last part).

    Only of our own disks: other programs may plug tagged ones on this machine meanwhile.
    """

    def __init__(self) -> None:
        self.events: list[tuple[str, str]] = []
        self.devices: list[BlockDevice] = []
        self._ours: set[str] = set()

    def follow(self, device: str) -> str:
        """Count a device as ours before it has been told; its name."""
        name = Path(device).name
        self._ours.add(name)
        return name

    def seen(self, device: BlockDevice) -> None:
        if device.uuid in (ONE, TWO):
            self.follow(device.node)
            self.events.append(("seen", device.uuid))
            self.devices.append(device)

    def gone(self, syspath: str) -> None:
        name = Path(syspath).name
        if name in self._ours:
            self._ours.remove(name)
            self.events.append(("gone", name))

    async def wait(self, *expected: tuple[str, str]) -> None:
        """Until exactly these have been told, repetitions left out; then forget them."""
        end = time.monotonic() + 15
        while self._distinct() != list(expected):
            assert time.monotonic() < end, f"told {self.events}, expected {expected}"
            await asyncio.sleep(0.02)
        self.events.clear()

    async def wait_for(self, *expected: tuple[str, str]) -> None:
        """Until all of these have been told, in any order and among others."""
        end = time.monotonic() + 15
        while not set(expected) <= set(self.events):
            assert time.monotonic() < end, f"told {self.events}, expected {expected}"
            await asyncio.sleep(0.02)

    def _distinct(self) -> list[tuple[str, str]]:
        before = [("", ""), *self.events]
        return [event for last, event in zip(before, self.events, strict=False) if event != last]


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def devices() -> AsyncIterator[UdevDevices]:
    adapter = UdevDevices()
    yield adapter
    await adapter.close()


async def quietly(action: Callable[[], object]) -> None:
    """Do something outside and wait until udevd has handled it, with the loop running on."""
    await asyncio.to_thread(action)
    await asyncio.to_thread(settle)


async def test_a_candidate_is_enumerated_described_and_told_gone(
    tag_rule: TagRule, devices: UdevDevices, told: Told, loop_disk: Callable[..., LoopDisk]
) -> None:
    disk = loop_disk(uuid=ONE, label="My déjà vu")
    await quietly(disk.attach)
    name = told.follow(disk.device)
    here = [device for device in await devices.start(told.seen, told.gone) if device.uuid == ONE]
    assert here == [
        BlockDevice(
            syspath=f"/sys/devices/virtual/block/{name}",
            node=disk.device,
            uuid=ONE,
            fstype="ext4",
            label="My déjà vu",
            size=64 << 20,
            whole=disk.device,
            diskseq=sysfs.number(Path("/sys/block", name), "diskseq"),
        )
    ]
    assert await devices.lookup(disk.device) == here[0]
    await quietly(disk.detach)
    await told.wait(("gone", name))


async def test_a_plugged_disk_is_told_and_another_in_its_place_is_another(
    tag_rule: TagRule, devices: UdevDevices, told: Told, loop_disk: Callable[..., LoopDisk]
) -> None:
    one, two = loop_disk(name="one", uuid=ONE), loop_disk(name="two", uuid=TWO)
    await devices.start(told.seen, told.gone)
    await quietly(one.attach)
    await told.wait(("seen", ONE))
    name = Path(one.device).name
    # Both changes at once: when the events are read, sysfs knows only the second disk.
    exchange(one, two)
    await told.wait(("gone", name), ("seen", TWO))
    assert told.devices[-1].diskseq > told.devices[0].diskseq
    run(["mkfs.ext4", "-q", "-F", "-U", ONE, two.device])
    await told.wait(("gone", name), ("seen", ONE))
    run(["wipefs", "--quiet", "--all", two.device])
    await told.wait(("gone", name))


async def test_a_read_only_disk_is_told_as_such(
    tag_rule: TagRule, devices: UdevDevices, told: Told, loop_disk: Callable[..., LoopDisk]
) -> None:
    await devices.start(told.seen, told.gone)
    await quietly(lambda: loop_disk(uuid=ONE).attach("--read-only"))
    await told.wait(("seen", ONE))
    assert told.devices[-1].read_only


async def test_partitions_come_and_go(
    tag_rule: TagRule, devices: UdevDevices, told: Told, loop_disk: Callable[..., LoopDisk]
) -> None:
    disk = loop_disk("", 200)
    disk.partitions("label: gpt\nsize=90M\nsize=90M\n")
    disk.attach()
    await devices.start(told.seen, told.gone)
    parts = disk.read_partitions()
    try:
        await asyncio.to_thread(settle)  # from then on udevd watches them for being formatted
        for part, uuid in zip(parts, (ONE, TWO), strict=True):
            run(["mkfs.ext4", "-q", "-F", "-U", uuid, part])
        await told.wait_for(("seen", ONE), ("seen", TWO))
        by_uuid = {device.uuid: device for device in told.devices}
        assert by_uuid[ONE].node == parts[0]
        assert by_uuid[ONE].whole == by_uuid[TWO].whole == disk.device
        assert by_uuid[ONE].diskseq == by_uuid[TWO].diskseq > 0
        assert by_uuid[ONE].size == 90 << 20
        with pytest.raises(NotAFilesystem, match=f"{parts[0]}, {parts[1]}"):
            await devices.lookup(disk.device)
    finally:
        await asyncio.to_thread(settle)  # udevd has looked at them, and holds them no more
        await asyncio.to_thread(disk.forget_partitions)
    await told.wait_for(*(("gone", Path(part).name) for part in parts))


async def test_a_disk_whose_file_system_udev_overlooks_is_not_gone(
    tag_rule: TagRule, devices: UdevDevices, told: Told, loop_disk: Callable[..., LoopDisk]
) -> None:
    disk = loop_disk(uuid=ONE)
    await quietly(disk.attach)
    await devices.start(told.seen, told.gone)
    name = told.follow(disk.device)
    change = ["udevadm", "trigger", "--settle", f"--sysname-match={name}", "--action=change"]
    with BlindRule(disk.device):
        for _ in range(3):
            await quietly(lambda: run(change))
    await quietly(lambda: run(change))
    await told.wait(("seen", ONE))  # and nothing before it
    with BlindRule(disk.device):
        run(["wipefs", "--quiet", "--all", "--force", disk.device])
        await told.wait(("gone", name))


async def test_a_partition_whose_file_system_udev_overlooks_is_not_gone(
    tag_rule: TagRule, devices: UdevDevices, told: Told, loop_disk: Callable[..., LoopDisk]
) -> None:
    """Of a partition, too, udev tells which kind of table its disk has."""
    disk = loop_disk("", 200)
    disk.partitions("label: gpt\nsize=90M\n")
    await quietly(disk.attach)
    (part,) = disk.read_partitions()
    try:
        await quietly(lambda: run(["mkfs.ext4", "-q", "-F", "-U", ONE, part]))
        await devices.start(told.seen, told.gone)
        name = told.follow(part)
        change = ["udevadm", "trigger", "--settle", f"--sysname-match={name}", "--action=change"]
        with BlindRule(part):
            await quietly(lambda: run(change))
            known = run(["udevadm", "info", "--query=property", f"--name={part}"]).stdout
            assert "ID_PART_TABLE_TYPE=gpt" in known
            assert "ID_FS_UUID=" not in known
        await quietly(lambda: run(change))
        await told.wait(("seen", ONE))  # and nothing before it
    finally:
        await asyncio.to_thread(settle)
        await asyncio.to_thread(disk.forget_partitions)


@pytest.mark.parametrize("label", ["gpt", "dos"])
async def test_a_disk_that_was_partitioned_is_not_taken_for_overlooked(
    tag_rule: TagRule,
    devices: UdevDevices,
    told: Told,
    loop_disk: Callable[..., LoopDisk],
    label: str,
) -> None:
    """The superblock of a Btrfs on the whole disk outlives a table written without wiping."""
    disk = loop_disk("btrfs", 200, uuid=ONE)
    await quietly(disk.attach)
    await devices.start(told.seen, told.gone)
    name = told.follow(disk.device)
    write = ["sfdisk", "--quiet", "--wipe=never", "--no-reread", "--no-tell-kernel", disk.device]
    with BlindRule(disk.device):
        run(write, text_input=f"label: {label}\nsize=90M\n")
        assert "btrfs" in run(["wipefs", disk.device]).stdout
        await told.wait(("gone", name))


async def test_a_remove_of_a_disk_in_use_is_told(
    tag_rule: TagRule,
    devices: UdevDevices,
    told: Told,
    loop_disk: Callable[..., LoopDisk],
    workspace: Path,
) -> None:
    disk = loop_disk(uuid=ONE)
    await quietly(disk.attach)
    await devices.start(told.seen, told.gone)
    name = told.follow(disk.device)
    trigger = ["udevadm", "trigger", "--settle", f"--sysname-match={name}", "--action"]
    place = workspace / "place"
    place.mkdir()
    run(["mount", disk.device, place])
    try:
        await quietly(lambda: run([*trigger, "change"]))
        await told.wait(("seen", ONE))
        await quietly(lambda: run([*trigger, "remove"]))
        await told.wait(("gone", name))
        await quietly(lambda: run([*trigger, "add"]))
        await told.wait(("seen", ONE))
    finally:
        run(["umount", place])


async def test_events_that_the_kernel_had_to_drop_are_made_up_for(
    tag_rule: TagRule, told: Told, loop_disk: Callable[..., LoopDisk]
) -> None:
    devices = UdevDevices(buffer=4096)
    stays, leaves, comes = (
        loop_disk(name="stays"),
        loop_disk(name="leaves"),
        loop_disk(name="comes", uuid=ONE),
    )
    stays.attach()
    leaves.attach()
    name = told.follow(leaves.device)
    settle()
    await devices.start(told.seen, told.gone)
    for _ in range(20):  # the loop does not run meanwhile: the buffer overflows
        for disk in (stays, leaves):
            run(["udevadm", "trigger", f"--sysname-match={Path(disk.device).name}"])
    settle()
    leaves.detach()
    comes.attach()
    settle()
    await told.wait_for(("gone", name), ("seen", ONE))
    assert told.events.count(("gone", name)) == 1
    await quietly(comes.detach)
    await devices.close()


async def test_a_device_without_the_tag_is_told_gone_after_it_was_looked_up(
    devices: UdevDevices, told: Told, loop_disk: Callable[..., LoopDisk], udevd: UdevDaemon
) -> None:
    disk, other = loop_disk(uuid=ONE), loop_disk(name="other", uuid=TWO)
    await devices.start(told.seen, told.gone)
    await quietly(disk.attach)
    device = await devices.lookup(f"/dev/disk/by-uuid/{ONE}")
    assert (device.uuid, device.node, device.fstype) == (ONE, disk.device, "ext4")
    await quietly(other.attach)
    await quietly(other.detach)
    name = told.follow(device.node)
    await quietly(lambda: run(["udevadm", "trigger", "--settle", f"--sysname-match={name}"]))
    assert told.events == []
    await quietly(disk.detach)
    await told.wait(("gone", name))


async def test_a_looked_up_device_that_is_formatted_anew_is_told_gone(
    devices: UdevDevices, told: Told, loop_disk: Callable[..., LoopDisk], udevd: UdevDaemon
) -> None:
    await devices.start(told.seen, told.gone)
    disk = loop_disk(uuid=ONE)
    await quietly(disk.attach)
    device = await devices.lookup(disk.device)
    name = told.follow(device.node)
    await quietly(lambda: run(["mkfs.ext4", "-q", "-F", "-U", TWO, device.node]))
    await told.wait(("gone", name))
    assert (await devices.lookup(device.node)).uuid == TWO


async def test_a_looked_up_device_is_found_and_followed_without_udevd(
    told: Told, loop_disk: Callable[..., LoopDisk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tetrasback.adapters.uevents._UDEVD", Path("/nonexistent"))
    devices = UdevDevices()
    disk = loop_disk(uuid=ONE)
    await devices.start(told.seen, told.gone)
    disk.attach()
    name = told.follow(disk.device)
    assert (await devices.lookup(disk.device)).uuid == ONE
    await asyncio.to_thread(disk.detach)
    await told.wait(("gone", name))
    await devices.close()


@pytest.mark.parametrize(
    "path",
    ["/dev/no-such", "/etc/passwd", "/dev/null", "/dev", "/dev/../etc/passwd", "", "loop0", "x\0y"],
)
async def test_what_is_no_block_device_is_not_found(path: str, devices: UdevDevices) -> None:
    with pytest.raises(NoSuchDevice) as caught:
        await devices.lookup(path)
    assert "\n" not in str(caught.value)


async def test_a_link_that_leads_out_of_dev_is_not_followed(
    devices: UdevDevices, workspace: Path, loop_disk: Callable[..., LoopDisk]
) -> None:
    device = loop_disk().attach()
    link = workspace / "link"
    link.symlink_to(device)
    node = workspace / "node"
    run(["cp", "--archive", device, node])
    for path in (link, node, Path("/dev/fd/../..", str(node)[1:])):
        with pytest.raises(NoSuchDevice):
            await devices.lookup(str(path))


async def test_a_blank_disk_has_no_file_system(
    devices: UdevDevices, loop_disk: Callable[..., LoopDisk]
) -> None:
    device = loop_disk("").attach()
    with pytest.raises(NotAFilesystem, match="tetras-backctl prepare"):
        await devices.lookup(device)


def test_the_disk_of_a_system_file_system_or_swap_is_told_as_such(
    loop_disk: Callable[..., LoopDisk],
) -> None:
    root = sysfs.of_rdev(Path("/").stat().st_dev)
    assert root is not None
    assert describe(root, {}).system
    device = loop_disk("ext4").attach()
    name = Path(device).name
    assert name not in sysfs.system_disks()
    shown = f"from tetrasback.adapters import sysfs; print({name!r} in sysfs.system_disks())"
    for place in ("/srv", "/mnt"):
        script = 'mount "$1" "$2" && exec "$3" -c "$4"'
        argv = [*OWN_MOUNTS, "sh", "-c", script, "sh", device, place, sys.executable]
        told = run([*argv, shown], env={**os.environ, "PYTHONPATH": str(PROJECT)}).stdout
        assert told == f"{place == '/srv'}\n"


async def test_a_hostile_label_is_one_harmless_line(
    devices: UdevDevices, loop_disk: Callable[..., LoopDisk]
) -> None:
    disk = loop_disk()
    with disk.image.open("rb+") as image:  # s_volume_name of ext4
        image.seek(1024 + 0x78)
        image.write("a\n\x1b[2J\u202eb".encode() + b"\xff\x80")
    label = (await devices.lookup(disk.attach())).label
    assert label.isprintable()
    assert label.startswith("a")
