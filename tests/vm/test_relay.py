"""A program of somebody's hears of the backups from a FIFO, all units in their sandboxes."""

import json

from tests.vm.people import seated
from tests.vm.server import Server

REGISTER = "[ -p events ] || mkfifo events; exec tetras-backctl --no-ask-password register events"


def test_who_sits_at_the_server_registers_a_fifo_and_gets_the_events(server: Server) -> None:
    disk = server.disk()
    server.configure([disk])
    from_afar = server.run("bash", "-c", f"cd; {REGISTER}", user="alice", check=False)
    assert from_afar.returncode == 3

    done = seated(server, "alice", "/bin/bash", "-c", REGISTER)

    assert done.returncode == 0, done.stdout
    server.run("systemctl", "restart", "tetras-back-relay")
    server.start("bash", "-c", "exec cat /home/alice/events >/run/heard", seconds=600)
    server.plug(disk)
    server.becomes(disk, "safe-to-unplug")
    server.until(lambda: "SafeToUnplug" in server.read("/run/heard"), "the last event")
    events = [json.loads(line) for line in server.read("/run/heard").splitlines()]
    heard = [event["event"] for event in events]
    order = ["DiskPlugged", "BackupStarted", "BackupFinished", "SafeToUnplug"]
    assert [event for event in heard if event in order] == order
    (finished,) = (event for event in events if event["event"] == "BackupFinished")
    assert (finished["uuid"], finished["verdict"]) == (disk.uuid, "success")
