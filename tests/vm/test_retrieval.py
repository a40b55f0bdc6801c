"""The way back under the real unit and its sandbox."""

import json
from typing import Any

from tests.vm.disk import UsbDisk
from tests.vm.server import Server

IN_PLACE = ("1", "in-place", "b", "true")


def backed_up(server: Server) -> UsbDisk:
    """A disk with a backup, safe to unplug."""
    disk = server.disk()
    server.fill("/home/alice/films", 40)
    server.shell("echo dear >/home/alice/letter; chown alice: /home/alice/letter")
    server.configure([disk])
    server.plug(disk)
    server.becomes(disk, "safe-to-unplug", seconds=180)
    assert server.history()[0]["Verdict"] == "success"
    return disk


def restore(server: Server, disk: UsbDisk, path: str, *where: str) -> dict[str, Any]:
    """Restore PATH to WHERE, the last two arguments of Restore for busctl; the job's properties."""
    job = server.call("Restore", "ssassa{sv}", disk.uuid, "", "1", path, *where)[0]
    return ended(server, job)


def ended(server: Server, job: str) -> dict[str, Any]:
    server.until(lambda: server.objects()[job]["State"] == "done", "the job to end", 120)
    return server.objects()[job]


def log(server: Server, job: dict[str, Any]) -> str:
    return json.dumps(server.call("GetJobLog", "t", str(job["Id"])))


def test_sandbox_lets_homes_come_back_and_says_what_it_keeps_off(server: Server) -> None:
    disk = backed_up(server)
    (seen,) = server.call("ListSnapshots", "s", disk.uuid)[0]
    assert seen["Ours"]
    verified = ended(server, server.call("Verify", "ssu", disk.uuid, "", "100")[0])
    assert verified["Verdict"] == "success", log(server, verified)

    server.shell("rm /home/alice/letter")
    done = restore(server, disk, "/home/alice/letter", "", *IN_PLACE)
    assert done["Verdict"] == "success", log(server, done)
    assert server.shell("cat /home/alice/letter; stat -c %U /home/alice/letter") == "dear\nalice\n"

    server.shell("echo mine >/etc/hostname")
    done = restore(server, disk, "/etc/hostname", "", *IN_PLACE)
    assert (done["Verdict"], done["Code"]) == ("failed", "destination")
    assert done["Message"].startswith("/etc is read-only for the service, nothing was restored")
    assert server.read("/etc/hostname") == "mine\n"

    done = restore(server, disk, "/etc/hostname", "/srv/back", "0")
    assert done["Verdict"] == "success", log(server, done)
    assert server.read("/srv/back/etc/hostname") == "server\n"
    server.becomes(disk, "safe-to-unplug")
    subjects = [letter["Subject"] for letter in server.letters(5)]
    assert "[Tetras-back] server failed: restore of bleu" in subjects
    assert "[Tetras-back] server success: verify of bleu" in subjects


def test_backup_is_walked_outside_of_the_sandbox(server: Server) -> None:
    disk = backed_up(server)
    (view,) = server.call("Browse", "ss", disk.uuid, "")
    assert server.shell(f"cat {view}/Donnees/alice/letter") == "dear\n"
    options = server.shell(f"findmnt -no OPTIONS --target {view}").split(",")
    assert {"ro", "nosuid", "nodev", "noexec", "nosymfollow"} <= set(options)
    assert server.shown(disk)["State"] == "held"
    server.call("EndBrowse", "s", disk.uuid)
    assert server.run("findmnt", "--mountpoint", view.rpartition("/")[0], check=False).stdout == ""
    server.becomes(disk, "safe-to-unplug")

    (view,) = server.call("Browse", "ss", disk.uuid, "")
    server.pull(disk)
    server.becomes(disk, "absent")
    gone = f"findmnt --mountpoint {view.rpartition('/')[0]} || echo gone"
    server.until(lambda: server.shell(gone) == "gone\n", "the view to end")
