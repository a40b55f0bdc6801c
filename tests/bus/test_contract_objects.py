"""Objects, properties and signals through the life of a disk, on a bus without our policy.

The daemon hears of no udevd: disks are named by Plug, and pulled out under it.
"""

import time
import xml.etree.ElementTree as ElementTree
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.bus.contract import Caller, LoneDaemon, Mirror, PlainBus, caller
from tests.harness import LoopDisk, PrivateBus, run
from tests.harness.process import PROJECT
from tetrasback import names

MakeDisk = Callable[..., LoopDisk]
XML = PROJECT / "dbus/org.tetraslibre.Back.xml"


@pytest.fixture
def plain_bus(workspace: Path) -> Iterator[PrivateBus]:
    with PlainBus(workspace) as running:
        yield running


@pytest.fixture
def daemon(plain_bus: PrivateBus, workspace: Path) -> Iterator[LoneDaemon]:
    with LoneDaemon(plain_bus, workspace, '[backup]\nscripts = ["ok.sh"]\n') as running:
        yield running


@pytest.fixture
async def root(daemon: LoneDaemon) -> AsyncIterator[Caller]:
    async with caller(daemon.bus) as connected:
        yield connected


def described(text: str) -> dict[str, Any]:
    """Our interfaces in an introspection: name → everything in it, comments and order aside."""
    found = {}
    for interface in ElementTree.fromstring(text).iter("interface"):
        if interface.attrib["name"].startswith(names.MANAGER_INTERFACE):
            found[interface.attrib["name"]] = sorted(
                (
                    member.tag,
                    sorted(member.attrib.items()),
                    [sorted(part.attrib.items()) for part in member],
                )
                for member in interface
            )
    return found


async def agree(mirror: Mirror, root: Caller) -> None:
    """What signals told is what is shown. A mail that waits may be told between the two."""
    end = time.monotonic() + 60
    while True:
        shown = await root.everything()
        told = mirror.follow(root.heard).objects
        root.forget()
        if told == shown:
            return
        assert time.monotonic() < end, (told, shown)


async def test_life_of_a_disk(root: Caller, loop_disk: MakeDisk) -> None:
    mirror = Mirror(await root.everything())
    assert mirror.objects.keys() == {names.ROOT_PATH}
    disk = loop_disk("ext4", 16, label="bleue")
    device, path = disk.attach(), names.disk_path(disk.uuid)

    assert await root.call("Plug", "s", device) == path
    await root.hear("DiskPlugged")
    seen = await root.disk(disk.uuid)
    assert (seen["State"], seen["Saved"], seen["Device"]) == ("unknown", False, device)
    assert (seen["Label"], seen["Size"], seen["Free"]) == ("bleue", 16 << 20, 0)

    assert await root.call("SaveDisk", "ss", disk.uuid.upper(), "bleu") == path
    await root.hear("DiskSaved")
    assert (await root.disk(disk.uuid))["State"] == "plugged"  # saving starts nothing
    assert await root.objects() == {path: {names.DISK_INTERFACE: await root.disk(disk.uuid)}}

    assert await root.call("RunBackup", "s", disk.uuid) == names.backup_path(1)
    await root.hear("SafeToUnplug")
    assert await root.call("Plug", "s", device) == path
    await root.hear("SafeToUnplug", 2)

    await root.call("Unplug", "s", device)
    await root.hear("SafeToUnplug", 3)
    await root.call("ForgetDisk", "s", disk.uuid)
    await root.hear("DiskForgotten")
    assert (await root.disk(disk.uuid))["State"] == "unknown"
    disk.detach()
    await root.hear("DiskUnplugged")

    first, second = names.backup_path(1), names.backup_path(2)
    assert root.signals() == [
        ("DiskPlugged", disk.uuid, device),
        ("DiskSaved", disk.uuid, "bleu"),
        ("BackupStarted", first, disk.uuid, "bleu"),
        ("BackupFinished", first, disk.uuid, "success", "complete"),
        ("SafeToUnplug", disk.uuid, device),
        ("BackupStarted", second, disk.uuid, "bleu"),
        ("BackupFinished", second, disk.uuid, "success", "complete"),
        ("SafeToUnplug", disk.uuid, device),
        ("SafeToUnplug", disk.uuid, device),
        ("DiskForgotten", disk.uuid),
        ("DiskUnplugged", disk.uuid, device),
    ]
    assert await root.objects() == {}
    await agree(mirror, root)


async def test_properties_have_their_types_and_no_secrets(
    root: Caller, daemon: LoneDaemon, loop_disk: MakeDisk
) -> None:
    disk = loop_disk("ext4", 16)
    await root.call("Plug", "s", disk.attach())
    await root.call("SaveDisk", "ss", disk.uuid, "bleu")
    await root.call("SetScriptEnabled", "sb", "warn.sh", True)
    await root.call("RunBackup", "s", disk.uuid)
    verdict = await root.hear("BackupFinished")
    await root.hear("SafeToUnplug")
    backup = await root.backup(1)
    assert verdict[2] == backup["Verdict"] == "warning"
    assert (backup["Warnings"], backup["Fraction"], backup["State"]) == (1, 1.0, "done")
    assert "/secret/file" in await root.call("GetLog", "t", 1)
    assert not any("/secret" in str(message.body) for message in root.heard)
    history = await root.call("GetHistory", "stu", disk.uuid, 0, 10)
    assert [(row["Id"], row["Verdict"], row["Name"]) for row in history] == [(1, "warning", "bleu")]
    assert "/secret" not in str((await root.objects(), history))

    wanted = {
        (interface.attrib["name"], item.attrib["name"]): item.attrib["type"]
        for interface in ElementTree.parse(XML).iter("interface")
        for item in interface.iter("property")
    }
    shown: dict[tuple[str, str], str] = {}
    job = await root.call("Verify", "ssu", disk.uuid, "", 100)
    await root.hear("JobFinished")
    for path in (names.ROOT_PATH, names.disk_path(disk.uuid), names.backup_path(1), job):
        answer = run(
            [
                *("busctl", f"--address={daemon.bus.address}", "introspect"),
                *("--xml-interface", names.BUS_NAME, path),
            ]
        )
        live = described(answer.stdout)
        for name, members in live.items():
            assert members == described(XML.read_text())[name]
            values = run(
                [
                    *("busctl", f"--address={daemon.bus.address}", "call", names.BUS_NAME, path),
                    *(names.PROPERTIES_INTERFACE, "GetAll", "s", name),
                ]
            ).stdout
            for (interface, item), signature in wanted.items():
                if interface == name:
                    assert f'"{item}" {signature} ' in values
                    shown[interface, item] = signature
    assert shown == wanted


async def test_cancelled_backup_is_never_shown_as_whole(root: Caller, loop_disk: MakeDisk) -> None:
    disk = loop_disk("ext4", 16)
    device = disk.attach()
    await root.call("Plug", "s", device)
    await root.call("SaveDisk", "ss", disk.uuid, "bleu")
    await root.call("SetScriptEnabled", "sb", "hang.sh", True)
    mirror = Mirror(await root.everything())
    root.forget()
    await root.call("RunBackup", "s", disk.uuid)
    assert (await root.hear("BackupProgress"))[1:] == (0.75, "half")
    running = await root.disk(disk.uuid), await root.backup(1)
    assert [item["State"] for item in running] == ["running", "running"]
    assert await root.property("Busy") is True
    assert await root.error("RunBackup", "s", disk.uuid) == "Busy"
    assert await root.error("ForgetDisk", "s", disk.uuid) == "Busy"
    assert await root.call("Plug", "s", device) == names.disk_path(disk.uuid)
    await root.call("CancelBackup", "s", disk.uuid)
    await root.hear("SafeToUnplug")
    assert (await root.hear("BackupFinished"))[2] == "cancelled"
    backup = await root.backup(1)
    assert (backup["Verdict"], backup["Code"], backup["Fraction"]) == ("cancelled", "cancelled", -1)
    assert await root.error("CancelBackup", "s", disk.uuid) == "NotRunning"

    await root.call("RunBackup", "s", disk.uuid)
    await root.hear("BackupProgress", 2)
    await root.call("Unplug", "s", device)  # back when it may be pulled out
    assert (await root.disk(disk.uuid))["State"] == "safe-to-unplug"
    assert (await root.backup(2))["Code"] == "unplug-requested"
    await agree(mirror, root)
    assert await root.property("Busy") is False


async def test_script_that_takes_the_device_tells_nothing_of_free_space(
    root: Caller, daemon: LoneDaemon, loop_disk: MakeDisk
) -> None:
    disk = loop_disk("ext4", 16)
    await root.call("Plug", "s", disk.attach())
    await root.call("SaveDisk", "ss", disk.uuid, "bleu")
    await root.call("RunBackup", "s", disk.uuid)
    await root.hear("SafeToUnplug")
    before = await root.disk(disk.uuid)
    assert 0 < before["Free"] < before["Size"] == 16 << 20
    daemon.script("device.sh", '[ -b "$1" ]\n')
    text = '[backup]\nscripts = ["device.sh"]\n[scripts."device.sh"]\ntakes = "device"\n'
    daemon.config.write_text(f'{text}[disks."{disk.uuid}"]\nname = "bleu"\n')
    await root.call("Reload")
    await root.call("RunBackup", "s", disk.uuid)
    await root.hear("SafeToUnplug", 2)
    after = await root.disk(disk.uuid)
    assert (after["LastVerdict"], after["Size"], after["Free"]) == (
        "success",
        before["Size"],
        before["Free"],
    )


async def test_devices_that_cannot_be_backed_up_onto(
    root: Caller, loop_disk: MakeDisk, workspace: Path
) -> None:
    blank = loop_disk("", 8, name="blank").attach()
    assert await root.error("Plug", "s", blank) == "NotAFilesystem"
    with ExitStack() as stack:
        whole = loop_disk("", 24, name="whole")
        whole.partitions("label: gpt\nsize=16MiB\n")
        device = whole.attach()
        (part,) = whole.read_partitions()
        stack.callback(whole.forget_partitions)
        run(["mkfs.ext4", "-q", "-F", part])
        assert await root.error("Plug", "s", device) == "NotAFilesystem"
        path = await root.call("Plug", "s", part)
        assert path.startswith(names.DISKS_PATH)
        await root.call("Unplug", "s", device)  # of the whole disk: what is on it is let go


async def test_disk_that_is_mounted_elsewhere(
    root: Caller, loop_disk: MakeDisk, workspace: Path
) -> None:
    disk = loop_disk("ext4", 16)
    device = disk.attach()
    await root.call("SaveDisk", "ss", disk.uuid, "bleu")
    place = workspace / "elsewhere"
    place.mkdir()
    run(["mount", device, place])
    try:
        assert await root.error("Plug", "s", device) == "Rejected"
        assert await root.hear("DiskRejected") == (disk.uuid, device, "mounted-elsewhere")
        shown = await root.disk(disk.uuid)
        assert (shown["State"], shown["Reason"]) == ("rejected", "mounted-elsewhere")
        assert await root.error("Unplug", "s", device) == "Busy"
        assert not any(signal[0] == "SafeToUnplug" for signal in root.signals())
    finally:
        run(["umount", place])


async def test_each_of_two_devices_with_one_uuid_can_be_unplugged(
    root: Caller, loop_disk: MakeDisk
) -> None:
    disk = loop_disk("ext4", 16)
    double = loop_disk("", 16, name="double")
    run(["cp", "--sparse=always", disk.image, double.image])
    first, second = disk.attach(), double.attach()
    await root.call("Plug", "s", first)
    await root.call("SaveDisk", "ss", disk.uuid, "bleu")
    assert await root.error("Plug", "s", second) == "Rejected"
    reasons = [await root.hear("DiskRejected", count) for count in (1, 2)]
    assert reasons == [(disk.uuid, device, "duplicate-uuid") for device in (first, second)]
    assert await root.error("RunBackup", "s", disk.uuid) == "Rejected"
    await root.call("Unplug", "s", second)
    await root.call("Unplug", "s", first)
    double.detach()
    await root.hear("DiskUnplugged")
    shown = await root.disk(disk.uuid)
    assert (shown["State"], shown["Device"], shown["Reason"]) == ("plugged", first, "")
