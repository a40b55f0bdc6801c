"""What an administrator does with the package: an upgrade, a removal, a purge."""

from pathlib import Path

import pytest

from tests.harness.process import PROJECT, run
from tests.vm import snapshots
from tests.vm.server import CONFIGURATION, Server

COMMENT = "# by hand, before the upgrade\n"
NEXT = "99.0"


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The same packages as the next version."""
    directory = tmp_path_factory.mktemp("newer")
    run([PROJECT / "packaging/build-deb.sh", NEXT, directory], seconds=300)
    return snapshots.packages(directory)


def main_pid(server: Server) -> str:
    return server.run("systemctl", "show", "-P", "MainPID", "tetras-back").stdout.strip()


def test_upgrade_waits_for_the_backup_and_keeps_everything(
    server: Server, newer: list[Path]
) -> None:
    script = server.script("while [[ ! -e /run/go ]]; do sleep 0.2; done\n")
    disk = server.disk()
    server.configure([disk], [script], COMMENT)
    server.shell("mkfifo /root/fifo")
    server.ctl("register", "/root/fifo")
    server.plug(disk)
    server.becomes(disk, "running")
    before = main_pid(server)

    snapshots.install(server, newer)

    version = server.run("dpkg-query", "-Wf", "${Version}", "tetras-back").stdout
    assert version == NEXT
    assert main_pid(server) == before
    assert server.shown(disk)["State"] == "running"
    server.run("touch", "/run/go")
    server.until(lambda: main_pid(server) not in (before, "0"), "the new daemon")
    server.until(lambda: server.shown(disk), "the new daemon to answer")
    (row,) = server.history()  # no second backup of the same plug
    assert row["Verdict"] == "success"
    assert server.shown(disk)["Name"] == disk.name
    assert COMMENT in server.read(CONFIGURATION)
    assert "/root/fifo" in server.ctl("clients").stdout


@pytest.mark.thorough
def test_idle_daemon_is_the_new_one_soon(server: Server, newer: list[Path]) -> None:
    before = main_pid(server)
    snapshots.install(server, newer)
    server.until(lambda: main_pid(server) not in (before, "0"), "the new daemon")
    done = server.run("systemctl", "is-failed", "tetras-back", check=False)
    assert done.stdout.strip() in ("active", "activating")


def test_removed_and_installed_again_it_knows_what_it_knew(
    server: Server, packages: list[Path]
) -> None:
    disk = server.disk()
    server.configure([disk], extra=COMMENT)
    server.plug(disk)
    server.becomes(disk, "safe-to-unplug", seconds=240)
    server.shell("apt-get remove -y tetras-back 2>&1")
    assert server.run("systemctl", "is-active", "tetras-back", check=False).returncode != 0
    snapshots.install(server, packages)
    assert server.shown(disk)["Name"] == disk.name
    assert len(server.history()) == 1
    assert COMMENT in server.read(CONFIGURATION)


@pytest.mark.thorough
def test_lost_configuration_is_not_replaced_by_an_empty_one(
    server: Server, newer: list[Path]
) -> None:
    disk = server.disk()
    server.configure([disk])
    server.run("rm", CONFIGURATION)
    snapshots.install(server, newer)
    assert server.run("test", "-e", CONFIGURATION, check=False).returncode == 1
    server.until(lambda: server.shown(disk).get("Name"), "the last good configuration")


def test_purge_leaves_nothing_but_the_disk(server: Server) -> None:
    disk = server.disk()
    server.configure([disk])
    server.plug(disk)
    server.becomes(disk, "safe-to-unplug", seconds=240)

    server.shell(f"apt-get purge -y {' '.join(snapshots.PACKAGES)} 2>&1")

    # udev remembers every tag until the next boot.
    left = server.shell(
        "find / -xdev -name '*tetras*back*' -not -path '/var/tmp/*' -not -path '/proc/*'"
        " -not -path '/usr/local/*' -not -path '/var/lib/apt/*' -not -path '/var/cache/*';"
        " find /run -name '*tetras*' -not -path '/run/systemd/*' -not -path '/run/udev/tags/*'"
    )
    assert left == ""
    content = server.shell(f"mount -r UUID={disk.uuid} /mnt && ls -A /mnt; umount /mnt")
    assert "_Sauvegarde_server" in content
