"""The disk that is there at boot, and power that fails."""

from tests.vm.server import Server


def test_a_disk_plugged_at_boot_is_served_once_the_system_is_up(server: Server) -> None:
    disk = server.disk()
    server.configure([disk])
    server.run("sync")
    server.cut_power()

    server.boot(disk)

    server.becomes(disk, "safe-to-unplug", seconds=360)
    (row,) = server.history()
    assert (row["Verdict"], row["Trigger"]) == ("success", "plug")
    # systemd tells seconds.
    up = server.shell('date +%s --date="$(systemctl show --value -p FinishTimestamp)"')
    assert row["StartedAt"] >= int(up) * 1_000_000


def test_power_that_fails_is_told_at_the_next_boot(server: Server) -> None:
    disk = server.disk()
    server.fill("/home/alice/films", 40)
    server.run("sysctl", "-q", "vm.dirty_bytes=4000000")
    server.configure([disk])
    server.run("sync")
    disk.speed = 2_000_000
    server.plug(disk)
    server.until(lambda: server.backup(disk)["BytesDone"] > 1 << 20, "something to be copied")

    server.cut_power()
    server.boot()

    (row,) = server.history()
    assert row["Verdict"] == "interrupted"
    assert "interrupted" in server.ctl("status").stdout.lower()
    (letter,) = server.letters()
    assert letter["Subject"] == "[Tetras-back] server interrupted: bleu"

    disk.speed = 0
    server.plug(disk)
    server.becomes(disk, "safe-to-unplug", seconds=360)
    assert [row["Verdict"] for row in server.history()] == ["success", "interrupted"]
    assert len(server.backups_on(disk)) == 1
    assert server.leftovers_on(disk) == []
