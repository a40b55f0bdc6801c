"""What the people at the server do: plug a disk in, wait, take it away, or too early."""

import pytest

from tests.vm.server import Server


def test_a_saved_disk_is_backed_up_onto_without_a_hand_on_it(server: Server) -> None:
    disk = server.disk()
    server.listen()
    server.plug(disk)
    server.becomes(disk, "unknown")
    assert server.ctl("save", f"{disk.uuid}=bleu").returncode == 0
    server.pull(disk)
    server.becomes(disk, "absent")

    server.plug(disk)

    server.becomes(disk, "safe-to-unplug")
    (row,) = server.history()
    assert (row["Verdict"], row["Trigger"]) == ("success", "plug")
    assert server.heard("BackupFinished")[0][1:3] == [disk.uuid, "success"]
    assert server.heard("SafeToUnplug")[0][0] == disk.uuid
    (letter,) = server.letters()
    assert letter["Subject"] == "[Tetras-back] server success: bleu"
    assert letter["X-Tetras-Back-Verdict"] == "success"
    assert server.mounts_of(disk) == []
    server.pull(disk)
    server.becomes(disk, "absent")


@pytest.mark.thorough
def test_two_disks_at_once_are_served_one_after_the_other(server: Server) -> None:
    first, second = server.disk("bleu"), server.disk("rouge")
    server.configure([first, second])
    server.plug(first)
    server.plug(second)
    for disk in (first, second):
        server.becomes(disk, "safe-to-unplug", seconds=240)
    later, earlier = server.history()
    assert {later["Name"], earlier["Name"]} == {"bleu", "rouge"}
    assert later["Verdict"] == earlier["Verdict"] == "success"
    assert later["StartedAt"] >= earlier["FinishedAt"]


def test_a_disk_unplugged_in_the_middle_is_told_everywhere(server: Server) -> None:
    disk = server.disk()
    server.fill("/home/alice/films", 40)
    # What is written goes to the disk soon, and takes its time there.
    server.run("sysctl", "-q", "vm.dirty_bytes=4000000")
    server.configure([], extra='[mail]\non = ["interrupted", "success"]\n')
    server.listen()
    disk.speed = 2_000_000
    server.plug(disk)
    server.becomes(disk, "unknown")
    server.call("SaveDisk", "ss", disk.uuid, "bleu")
    waiting = server.start("tetras-backctl", "backup", "bleu", user="root")
    server.until(lambda: server.backup(disk)["BytesDone"] > 1 << 20, "something to be copied")

    server.pull(disk)

    done = server.channel.wait(waiting)
    assert done.returncode == 9
    assert "interrupted" in done.stdout.lower()
    server.becomes(disk, "absent")
    (row,) = server.history()
    assert row["Verdict"] == "interrupted"
    assert server.heard("BackupFinished")[0][1:3] == [disk.uuid, "interrupted"]
    assert server.heard("SafeToUnplug") == []
    assert "interrupted" in server.journal()
    (letter,) = server.letters()
    assert letter["Subject"] == "[Tetras-back] server interrupted: bleu"
    assert letter["X-Tetras-Back-Verdict"] == "interrupted"
    assert server.mounts_of(disk) == []

    server.plug(disk)

    server.becomes(disk, "safe-to-unplug", seconds=240)
    assert server.history()[0]["Verdict"] == "success"
    assert len(server.backups_on(disk)) == 1
    assert server.leftovers_on(disk) == []


@pytest.mark.thorough
@pytest.mark.parametrize("fs", ["xfs", "btrfs"])
def test_other_file_systems(server: Server, fs: str) -> None:
    disk = server.disk(fs=fs)
    server.configure([disk])
    server.plug(disk)
    server.becomes(disk, "safe-to-unplug")
    assert server.history()[0]["Verdict"] == "success"


@pytest.mark.parametrize("fs", ["exfat", "ntfs"])
def test_a_disk_as_shops_sell_it_is_turned_away_with_the_way_out(server: Server, fs: str) -> None:
    disk = server.disk(fs=fs)
    server.configure([disk])
    server.plug(disk)
    server.becomes(disk, "rejected")
    shown = server.ctl("disks").stdout
    assert "cannot be used" in shown
    assert "tetras-backctl prepare" in shown
