"""Disks that are full, die or are torn away: never a success, and never a disk that stays held."""

from pathlib import Path

import pytest

from tests.harness import LoopDisk, run, wait_until
from tests.harness.udevd import BlindRule
from tests.system.remote import RemoteDisks, identify
from tests.system.scene import COPY, Scene
from tetrasback.ports import Fault


def torn_away(disk: LoopDisk) -> None:
    """What udev tells when the cable is pulled."""
    run(["udevadm", "trigger", "--action=remove", f"/sys/class/block/{Path(disk.device).name}"])


def disk_on_tmpfs(scene: Scene, room_mb: int, size_mb: int) -> LoopDisk:
    """A disk that claims SIZE_MB but dies once ROOM_MB have been written to it."""
    place = scene.workspace / "small"
    place.mkdir()
    run(["mount", "-t", "tmpfs", "-o", f"size={room_mb}m", "tmpfs", place])
    return scene.disk("ext4", size_mb, directory=place)


def test_disk_full_half_way(scene: Scene) -> None:
    disk = scene.disk()
    second = scene.gate()
    scene.script('head -c 64M /dev/zero >"$1/much" || exit 1', "much.sh")
    scene.script(second.shell)
    scene.configure({"bleu": disk}, ["much.sh", "copy.sh"])
    scene.start()
    device = scene.plug(disk)
    assert scene.verdict(disk) == "failed"
    assert scene.history()[0]["Code"] == "disk-full"
    assert second.passages() == 0  # a full disk ends them all
    scene.ears.wait("SafeToUnplug")
    assert scene.free(device)


def test_disk_that_dies_while_everything_seems_to_succeed(scene: Scene) -> None:
    disk = disk_on_tmpfs(scene, 12, 64)
    scene.script('head -c 40M /dev/urandom >"$1/much"; echo "all is well"')
    scene.configure({"bleu": disk})
    scene.start()
    scene.plug(disk)
    assert scene.verdict(disk, seconds=30) == "failed"  # 10 s to turn out to be pulled out
    row = scene.history()[0]
    assert row["Code"] == "disk-error"
    assert "all is well" in scene.log(1)
    assert scene.shown(disk)["LastSuccess"] == 0
    assert scene.alerts()["failed"]
    wait_until(lambda: scene.state(disk) != "running", "the disk to be let go")


@pytest.mark.parametrize("dies", [True, False])
def test_loss_between_a_scripts_own_mount_and_unmount_is_told(scene: Scene, dies: bool) -> None:
    disk = disk_on_tmpfs(scene, 12 if dies else 60, 64)
    place = scene.workspace / "its-place"
    place.mkdir()
    with RemoteDisks(scene.workspace / "run") as disks:
        device = identify(disk.attach())
        disks.open(device, "device")
        disks.shell(
            'mount "$1" "$2" && head -c 40M /dev/urandom >"$2/much" && umount "$2"',
            *(disk.device, place),
        )
        for step in (disks.sync, disks.close):
            if dies:
                with pytest.raises(Fault) as caught:
                    step()
                assert caught.value.code == "disk-error"
            else:
                step()
        assert disks.released(device) == ""


def test_a_backup_goes_on_where_udev_overlooks_its_disk_for_a_moment(scene: Scene) -> None:
    disk, gate = scene.disk(), scene.gate()
    scene.script(f"{gate.shell}{COPY}")
    scene.configure({"bleu": disk})
    scene.start()
    device = scene.plug(disk)
    gate.reached()
    with BlindRule(device):
        run(["udevadm", "trigger", "--settle", "--action=change", device])
        assert scene.state(disk) == "running"
    gate.open()
    assert scene.verdict(disk) == "success"
    scene.ears.wait("SafeToUnplug")


def test_disk_that_fails_and_then_turns_out_to_be_gone_was_interrupted(scene: Scene) -> None:
    disk = disk_on_tmpfs(scene, 12, 64)
    scene.script('head -c 40M /dev/urandom >"$1/much"; exit 0')
    scene.configure({"bleu": disk})
    scene.start()
    scene.plug(disk)
    wait_until(
        lambda: any(
            item.get("State") == "finishing" and item.get("Step") == "sync"
            for item in scene.objects().values()
        ),
        "the sync",
    )
    torn_away(disk)
    assert scene.verdict(disk) == "interrupted"
    assert scene.history()[0]["Code"] == "disk-gone"


def test_disk_torn_away_half_way(scene: Scene) -> None:
    disk = scene.disk()
    gate = scene.gate()
    scene.script(f"{gate.shell}{COPY}")
    scene.configure({"bleu": disk})
    scene.start()
    device = scene.plug(disk)
    gate.reached()
    torn_away(disk)
    assert scene.verdict(disk, seconds=5) == "interrupted"
    assert scene.history()[0]["Code"] == "disk-gone"
    scene.becomes(disk, "absent")
    assert scene.ears.all("SafeToUnplug", disk.uuid) == []
    assert scene.ears.names(disk.uuid)[-2:] == ["DiskUnplugged", "BackupFinished"]
    wait_until(lambda: scene.free(device), "the disk to be let go", 5)
    disk.detach()
    scene.plug(disk)  # and again: a plug of its own
    gate.reached(2)
    gate.open()
    assert scene.verdict(disk, 2) == "success"


def test_disk_torn_away_and_back_before_its_backup_has_ended(scene: Scene) -> None:
    disk = scene.disk()
    gate, slow = scene.gate(), scene.gate("slow")
    scene.script(f"trap '{slow.shell.strip()}; exit 1' TERM\n{gate.shell}{COPY}")
    scene.configure({"bleu": disk})
    scene.start()
    device = scene.plug(disk)
    gate.reached()
    torn_away(disk)
    slow.reached()
    run(["udevadm", "trigger", "--action=change", f"/sys/class/block/{Path(device).name}"])
    scene.becomes(disk, "queued")
    slow.open()
    gate.reached(2)
    gate.open()
    assert scene.verdict(disk) == "interrupted"
    assert scene.verdict(disk, 2) == "success"
    scene.becomes(disk, "safe-to-unplug")
    assert scene.free(device)


def test_disk_that_shrinks_to_nothing_under_the_backup(scene: Scene) -> None:
    disk = scene.disk()
    gate = scene.gate()
    scene.script(gate.shell + COPY)
    scene.configure({"bleu": disk})
    scene.start()
    scene.plug(disk)
    gate.reached()
    with disk.image.open("r+b") as image:
        image.truncate(0)
    run(["losetup", "--set-capacity", disk.device])
    # The kernel says that it is empty: the script, which waits at its gate, is ended.
    assert scene.verdict(disk) == "interrupted"
    assert scene.shown(disk)["LastSuccess"] == 0


def test_disk_that_leaves_the_queue(scene: Scene) -> None:
    one, two = scene.disk(name="one"), scene.disk(name="two")
    gate = scene.gate()
    scene.script(gate.shell + COPY)
    scene.configure({"un": one, "deux": two})
    scene.start()
    scene.plug(one)
    gate.reached()
    scene.plug(two)
    scene.becomes(two, "queued")
    two.detach()
    assert scene.verdict(two) == "interrupted"
    scene.becomes(two, "absent")
    gate.open()
    assert scene.verdict(one) == "success"
    assert gate.passages() == 1
