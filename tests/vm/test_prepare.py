"""What shops sell becomes a backup disk, as an administrator does it."""

import json

import pytest

from tests.vm.disk import UsbDisk
from tests.vm.server import Server

SIZE_MB = 512
BLANK = "unknown-disk: "
"""So the journal tells of a disk that is to be prepared."""


def whole(server: Server, disk: UsbDisk) -> str:
    """The device of DISK, which is plugged in and holds nothing of ours."""
    by_serial = f"ls -d /dev/disk/by-id/usb-*SN-{disk.name}-*:0 2>/dev/null | xargs -r readlink -f"
    return server.until(lambda: server.shell(by_serial, check=False).strip(), f"{disk.name}")


def prepare(server: Server, disk: UsbDisk, *options: str) -> None:
    """Prepare DISK, whose UUID is known from then on."""
    done = server.ctl("prepare", whole(server, disk), "--name", disk.name, "--json", *options)
    assert done.returncode == 0, done.stderr
    disk.uuid = json.loads(done.stdout)["disk"]["uuid"]


def check_is_ours(server: Server, disk: UsbDisk, fs: str) -> None:
    """DISK has one partition with a file system FS, is saved, and takes a backup when plugged."""
    device = whole(server, disk)
    table = json.loads(server.run("sfdisk", "--json", device).stdout)["partitiontable"]
    assert table["label"] == "gpt"
    (partition,) = table["partitions"]
    found = server.run("blkid", "-p", "-o", "export", partition["node"]).stdout.split()
    assert {f"TYPE={fs}", f"UUID={disk.uuid}"} <= set(found)
    shown = server.shown(disk)
    assert (shown["Name"], shown["State"]) == (disk.name, "plugged")
    assert server.history() == []

    server.pull(disk)
    server.becomes(disk, "absent")
    blank = server.journal().count(BLANK)
    server.plug(disk)
    server.becomes(disk, "safe-to-unplug", seconds=480)
    (row,) = server.history()
    assert (row["Verdict"], row["Trigger"]) == ("success", "plug")
    assert len(server.backups_on(disk)) == 1
    # Not for a moment was it taken for one that is to be prepared.
    assert server.journal().count(BLANK) == blank


@pytest.mark.thorough
@pytest.mark.parametrize("fs", ["ext4", "xfs", "btrfs"])
def test_a_blank_disk(server: Server, fs: str) -> None:
    disk = server.disk(fs="", size_mb=SIZE_MB)
    server.plug(disk)
    device = whole(server, disk)
    server.until(
        lambda: f"tetras-backctl prepare {device}" in server.ctl("disks").stdout,
        "the disk to be shown with the command",
    )
    prepare(server, disk, "--fs", fs)
    check_is_ours(server, disk, fs)


def test_a_disk_from_a_shop_is_erased_only_where_that_is_asked_for(server: Server) -> None:
    disk = server.disk(fs="exfat", size_mb=SIZE_MB)
    server.plug(disk)
    device = whole(server, disk)
    refused = server.ctl("prepare", device, "--name", "bleu")
    assert refused.returncode == 1
    assert "exfat" in refused.stderr.lower()
    assert "--erase" in refused.stderr
    wrong = server.ctl("prepare", device, "--name", "bleu", "--erase", "Elements")
    assert wrong.returncode != 0
    assert "TYPE=exfat" in server.run("blkid", "-p", "-o", "export", device).stdout.split()

    prepare(server, disk, "--erase", "QEMU HARDDISK")
    check_is_ours(server, disk, "ext4")


def test_a_disk_pulled_out_in_the_middle_is_simply_not_ours(server: Server) -> None:
    disk = server.disk(fs="", size_mb=SIZE_MB)
    disk.speed = 500_000
    server.plug(disk)
    device = whole(server, disk)
    waiting = server.start("tetras-backctl", "prepare", device, "--name", "bleu")

    def formats() -> bool:
        return [item["Step"] for item in server.preparable()] == ["format"]

    server.until(formats, "the file system to be made", seconds=240)
    server.pull(disk)
    done = server.channel.wait(waiting)
    assert done.returncode not in (0, -9)
    assert "Traceback" not in done.stderr
    assert "bleu" not in server.ctl("disks").stdout

    disk.speed = 0
    server.plug(disk)
    prepare(server, disk, "--erase", "QEMU HARDDISK")
    assert server.shown(disk)["State"] == "plugged"
