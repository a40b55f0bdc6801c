"""Whole disks that are given a file system and saved: on real loop disks, by the real daemon."""

import pytest

from tests.harness import run, settle
from tests.system.scene import COPY, Scene
from tetrasback import names


def uuid_of(scene: Scene, name: str) -> str:
    """UUID of the saved disk of this name."""
    return next(item["UUID"] for item in scene.objects().values() if item.get("Name") == name)


def forget_partitions(device: str) -> None:
    run(["partx", "--delete", device], check=False)
    settle()


@pytest.mark.parametrize("fs", ["ext4", "xfs", "btrfs"])
def test_a_blank_disk_becomes_one_of_ours_and_takes_backups(scene: Scene, fs: str) -> None:
    disk = scene.disk("", 400)
    scene.script(COPY)
    scene.configure({})
    scene.start()
    device = scene.plug(disk)
    path = scene.call("PrepareDisk", "sssb", device, "bleu", fs, "false")[0]
    settle()
    try:
        uuid = uuid_of(scene, "bleu")
        assert path == names.disk_path(uuid)
        shown = scene.shown(uuid)
        assert (shown["State"], shown["FilesystemType"]) == ("plugged", fs)
        assert scene.history() == []
        scene.call("RunBackup", "s", uuid)
        assert scene.ears.wait("BackupFinished", uuid)[2] == "success"
        scene.becomes(uuid, "safe-to-unplug")
    finally:
        forget_partitions(device)
