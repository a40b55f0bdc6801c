"""What the people at the server do: plug a disk in, wait, take it away."""

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
    assert server.heard("SafeToUnplug")
    assert server.run("findmnt", "-S", f"UUID={disk.uuid}", check=False).returncode == 1
    server.pull(disk)
    server.becomes(disk, "absent")
