"""The way back under the real unit: its sandbox, a USB disk that is torn out."""

import json
from typing import Any

import pytest

from tests.vm.disk import UsbDisk
from tests.vm.server import Server

IN_PLACE = ("1", "in-place", "b", "true")
ALICE_MAY = (
    'polkit.addRule(function(a, s) { if (a.id.indexOf("org.tetraslibre.back.browse") == 0'
    ' && s.user == "alice") return polkit.Result.YES; });'
)


def backed_up(server: Server) -> UsbDisk:
    """A disk with a backup, safe to unplug."""
    disk = server.disk()
    server.fill("/home/alice/films", 12)
    server.shell("echo dear >/home/alice/letter; chown alice: /home/alice/letter")
    server.configure([disk])
    server.plug(disk)
    server.becomes(disk, "safe-to-unplug", seconds=600)
    assert server.history()[0]["Verdict"] == "success"
    return disk


def restore(server: Server, disk: UsbDisk, path: str, *where: str) -> dict[str, Any]:
    """Restore PATH to WHERE, the last two arguments of Restore for busctl; the job's properties."""
    job = server.call("Restore", "ssassa{sv}", disk.uuid, "", "1", path, *where)[0]
    return ended(server, job)


def ended(server: Server, job: str) -> dict[str, Any]:
    server.until(lambda: server.objects()[job]["State"] == "done", "the job to end", 120)
    return server.objects()[job]


def torn_out(server: Server, disk: UsbDisk, *call: str) -> None:
    """A job, asked for with CALL (a method and words for busctl), loses DISK on its way."""
    disk.give(server.qmp, 500_000)
    (job,) = server.call(*call)
    server.until(lambda: server.objects()[job]["BytesDone"] > 1 << 20, "something to be read", 120)
    assert server.shown(disk)["State"] == "held"

    server.pull(disk)

    seen = ended(server, job)
    assert (seen["Verdict"], seen["Code"]) == ("interrupted", "disk-gone"), log(server, seen)
    server.becomes(disk, "absent")
    assert server.mounts_of(disk) == []
    assert server.run("pgrep", "-f", "tetras-back-snapshot", check=False).stdout == ""
    assert server.call("GetJobs", "stu", disk.uuid, "0", "1")[0][0]["Verdict"] == "interrupted"
    assert server.heard("JobFinished")[-1][3] == "interrupted"


def is_served(server: Server, disk: UsbDisk) -> None:
    """DISK takes a backup when it is plugged in, as if nothing had been."""
    before = len(server.history())
    server.plug(disk)
    server.becomes(disk, "safe-to-unplug", seconds=600)
    assert [row["Verdict"] for row in server.history()] == ["success"] * (before + 1)
    assert "unknown-disk" not in server.journal()


def log(server: Server, job: dict[str, Any]) -> str:
    return json.dumps(server.call("GetJobLog", "t", str(job["Id"])))


def test_sandbox_lets_homes_and_the_system_come_back(server: Server) -> None:
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
    assert done["Verdict"] == "success", log(server, done)
    assert server.read("/etc/hostname") == "server\n"
    # What is kept from scripts is so again.
    pid = server.shell("systemctl show -P MainPID tetras-back.service").strip()
    options = server.shell(f"nsenter -m -t {pid} findmnt -no VFS-OPTIONS --target /etc/hostname")
    assert "ro" in options.strip().split(",")

    done = restore(server, disk, "/etc/hostname", "/srv/back", "0")
    assert done["Verdict"] == "success", log(server, done)
    assert server.read("/srv/back/etc/hostname") == "server\n"
    server.becomes(disk, "safe-to-unplug")
    subjects = [letter["Subject"] for letter in server.letters(5)]
    assert "[Tetras-back] server success: restore of bleu" in subjects
    assert "[Tetras-back] server success: verify of bleu" in subjects


@pytest.mark.thorough
def test_disk_torn_out_interrupts_a_verification_and_a_restore(server: Server) -> None:
    disk = backed_up(server)
    server.listen()

    torn_out(server, disk, "Verify", "ssu", disk.uuid, "", "100")
    is_served(server, disk)

    films = ("1", "/home/alice/films", "/srv/back", "0")
    torn_out(server, disk, "Restore", "ssassa{sv}", disk.uuid, "", *films)
    # What there is of a file is all of it.
    whole = (
        "cd /srv/back/home/alice/films; for file in *; do cmp $file /home/alice/films/$file; done"
    )
    server.shell(whole)
    is_served(server, disk)

    subjects = [letter["Subject"] for letter in server.letters(5)]
    for job in ("verify", "restore"):
        assert f"[Tetras-back] server interrupted: {job} of bleu" in subjects


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


def test_user_walks_a_backup_that_nobody_else_sees(server: Server) -> None:
    disk = backed_up(server)
    server.shell(f"echo '{ALICE_MAY}' >/etc/polkit-1/rules.d/10-browse.rules")
    browse = f"runuser -u alice -- tetras-backctl --no-ask-password browse {disk.uuid}"
    server.until(lambda: server.run("sh", "-c", browse, check=False).returncode == 0, "the rule")
    (view,) = server.shell("echo /run/tetras-back/views/*/*").split()
    read = f"cat {view}/Donnees/alice/letter; zcat {view}/serveur.tar.gz | tar -xO etc/shadow"
    assert "root:" in server.shell(f"runuser -u alice -- sh -c '{read}'")
    assert server.run("runuser", "-u", "anna", "--", "ls", view, check=False).returncode != 0
    options = server.shell(f"findmnt -no VFS-OPTIONS {view}").strip().split(",")
    assert {"ro", "nosuid", "nodev", "noexec", "nosymfollow"} <= set(options)
    none = "test ! -e /run/tetras-back/views/*/* && ! pgrep bindfs && echo none"

    server.shell("pkill -KILL bindfs")
    server.until(lambda: "none" in server.run("sh", "-c", none, check=False).stdout, "the end")
    server.becomes(disk, "safe-to-unplug")

    server.shell(browse)
    server.shell("systemctl kill --signal=KILL tetras-back.service")
    server.until(lambda: "none" in server.run("sh", "-c", none, check=False).stdout, "the end")
    assert server.run("findmnt", "--mountpoint", view, check=False).stdout == ""
    assert "/run/tetras-back/browse/" not in server.shell("cat /proc/self/mountinfo")
