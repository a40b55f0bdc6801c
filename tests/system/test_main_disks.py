"""Disks of every kind: which may be used, which may be taken away, and what is said otherwise."""

from pathlib import Path
from uuid import uuid4

import pytest

from tests.harness import run, settle, wait_until
from tests.harness.process import OWN_MOUNTS
from tests.system.scene import COPY, CallFailed, Scene


@pytest.mark.parametrize("fs", ["xfs", "btrfs"])
def test_other_file_systems_do_as_well(scene: Scene, fs: str) -> None:
    disk = scene.disk(fs)
    scene.script(COPY)
    scene.configure({"bleu": disk})
    scene.start()
    device = scene.plug(disk)
    assert scene.verdict(disk) == "success"
    scene.ears.wait("SafeToUnplug")
    assert scene.free(device)


def test_two_partitions_of_one_disk_are_safe_once_after_the_last(scene: Scene) -> None:
    whole = scene.disk("", 40, name="whole")
    whole.partitions("label: gpt\nsize=16MiB\nsize=16MiB\n")
    gate = scene.gate()
    scene.script(gate.shell + COPY)
    whole.attach()
    try:
        parts = whole.read_partitions()
        uuids = [str(uuid4()) for _ in parts]
        scene.configure(dict(zip(("un", "deux"), uuids, strict=True)))
        scene.start()
        for part, uuid in zip(parts, uuids, strict=True):
            run(["mkfs.ext4", "-q", "-U", uuid, part])
            run(["udevadm", "trigger", "--action=change", f"/sys/class/block/{Path(part).name}"])
        settle()
        gate.reached()
        gate.open()
        gate.reached(2)
        first = scene.ears.wait("BackupFinished")[1]
        scene.becomes(first, "held other-partition")
        assert scene.ears.all("SafeToUnplug") == []
        gate.open()
        scene.ears.wait("BackupFinished", count=2)
        scene.ears.wait("SafeToUnplug", count=2)
        assert {verdict for _, _, verdict, _ in scene.ears.all("BackupFinished")} == {"success"}
        assert scene.ears.names(*uuids)[-3:] == ["BackupFinished", "SafeToUnplug", "SafeToUnplug"]
        assert scene.free(whole.device)
    finally:
        whole.forget_partitions()
        settle()
    for uuid in uuids:
        scene.becomes(uuid, "absent")


def test_disk_is_not_safe_while_somebody_uses_its_other_partition(scene: Scene) -> None:
    whole = scene.disk("", 40, name="whole")
    whole.partitions("label: gpt\nsize=16MiB\nsize=16MiB\n")
    scene.script(COPY)
    place = scene.workspace / "other-use"
    place.mkdir()
    whole.attach()
    try:
        ours, other = whole.read_partitions()
        uuid = str(uuid4())
        run(["mkfs.ext4", "-q", other])
        run(["mount", other, place])
        scene.configure({"un": uuid})
        scene.start()
        run(["mkfs.ext4", "-q", "-U", uuid, ours])
        run(["udevadm", "trigger", "--action=change", f"/sys/class/block/{Path(ours).name}"])
        assert scene.ears.wait("BackupFinished", uuid)[2] == "success"
        scene.becomes(uuid, "held mounted-elsewhere")
        run(["umount", place])
        scene.call("Unplug", "s", whole.device)
        scene.becomes(uuid, "safe-to-unplug")
    finally:
        run(["umount", place], check=False)
        wait_until(lambda: scene.free(whole.device), "the disk to be free")
        whole.forget_partitions()


def test_two_devices_with_one_uuid_are_both_rejected(scene: Scene) -> None:
    one = scene.disk(name="one")
    two = scene.disk(name="two", uuid=one.uuid)
    gate = scene.gate()
    scene.script(gate.shell + COPY)
    scene.configure({"bleu": one})
    one.attach()
    two.attach()
    settle()
    scene.start()
    scene.becomes(one, "rejected duplicate-uuid")
    assert scene.ears.all("DiskRejected", one.uuid)[0][2] == "duplicate-uuid"
    assert gate.passages() == 0
    two.detach()
    gate.reached()  # alone again, it is served
    two.attach()
    settle()
    scene.ears.wait("DiskRejected", one.uuid, count=3)  # the newcomer alone
    gate.open()
    assert scene.verdict(one, 2) == "success"
    assert scene.ears.wait("SafeToUnplug", one.uuid) == (one.uuid, one.device)


def test_disks_that_cannot_be_used_are_rejected_with_the_reason(scene: Scene) -> None:
    fat = scene.disk("vfat", 4, name="fat")
    locked = scene.disk(name="locked")
    luks = scene.disk("", 20, name="luks")
    luks.uuid = str(uuid4())
    with luks.image.open("rb+") as image:  # LUKS1: magic, version, and the UUID at byte 168
        image.write(b"LUKS\xba\xbe\x00\x01")
        image.seek(168)
        image.write(luks.uuid.encode())
    scene.script(COPY)
    scene.configure({"fat": fat, "luks": luks, "locked": locked})
    scene.start()
    scene.plug(fat)
    scene.plug(luks)
    scene.plug(locked, "--read-only")
    for disk, reason in ((fat, "unsupported-filesystem"), (luks, "encrypted"),
                         (locked, "read-only")):  # fmt: skip
        scene.becomes(disk, f"rejected {reason}")
        assert scene.ears.wait("DiskRejected", disk.uuid) == (disk.uuid, disk.device, reason)
        with pytest.raises(CallFailed):
            scene.call("RunBackup", "s", disk.uuid)
    with pytest.raises(CallFailed, match="ext4"):
        scene.call("Plug", "s", fat.device)
    assert scene.history() == []


def test_damaged_disk_is_not_written_to(scene: Scene) -> None:
    disk = scene.disk()
    run(["debugfs", "-w", "-R", "set_super_value state 2", disk.image])
    before = disk.image.read_bytes()
    scene.script(COPY)
    scene.configure({"bleu": disk})
    scene.start()
    scene.plug(disk)
    scene.becomes(disk, "rejected damaged", seconds=20)  # it has 10 s to turn out to be gone
    assert scene.verdict(disk) == "failed"
    assert "fsck" in scene.history()[0]["Message"]
    disk.detach()
    assert disk.image.read_bytes() == before


def test_disk_mounted_elsewhere_is_left_alone(scene: Scene) -> None:
    disk = scene.disk()
    scene.script(COPY)
    scene.configure({"bleu": disk})
    elsewhere = scene.workspace / "elsewhere"
    elsewhere.mkdir()
    scene.plug(disk)
    run(["mount", disk.device, elsewhere])
    try:
        scene.start()
        scene.becomes(disk, "rejected mounted-elsewhere")
        assert scene.verdict(disk) == "failed"
        assert scene.ears.all("SafeToUnplug", disk.uuid) == []
    finally:
        run(["umount", elsewhere])
    scene.call("Plug", "s", disk.device)
    assert scene.verdict(disk, 2) == "success"


def test_held_disk_becomes_safe_when_it_is_let_go(scene: Scene) -> None:
    disk = scene.disk()
    gate, holding = scene.gate(), scene.gate("holding")
    scene.script(gate.shell + COPY)
    scene.configure({"bleu": disk})
    scene.start()
    device = scene.plug(disk)
    gate.reached()
    there = scene.workspace / "there"
    there.mkdir()
    holder = scene.background(
        [*OWN_MOUNTS, "bash", "-c",
         f'mount "{device}" "{there}"; cd "{there}"; {holding.shell}']
    )  # fmt: skip
    holding.reached()
    gate.open()
    assert scene.verdict(disk) == "success"  # it all reached the disk
    scene.becomes(disk, "held in-use", seconds=15)
    assert scene.ears.all("SafeToUnplug") == []
    with pytest.raises(CallFailed, match="do not unplug"):
        scene.call("Unplug", "s", device)
    holding.open()
    wait_until(lambda: not holder.running, "the holder to end")
    scene.call("Unplug", "s", device)
    scene.becomes(disk, "safe-to-unplug")
    assert len(scene.ears.all("SafeToUnplug")) == 1
