"""The service: started by a disk, stopped, restarted and killed in the middle of a backup."""

from tests.vm.disk import UsbDisk
from tests.vm.server import Server


def at_the_gate(server: Server) -> UsbDisk:
    """A saved disk that is plugged in, whose backup waits in a script of the administrator's."""
    disk = server.disk()
    server.configure([disk], [server.script(f'{server.gate()}echo kept >"$1/kept"')])
    server.plug(disk)
    server.at_gate()
    return disk


def main_pid(server: Server) -> str:
    show = ("systemctl", "show", "--property=MainPID", "--value", "tetras-back")
    return server.run(*show).stdout.strip()


def check_left_alone(server: Server, disk: UsbDisk) -> None:
    """Nothing of the service's runs or has DISK mounted any more."""
    assert server.mounts_of(disk) == []
    assert server.run("pgrep", "-f", "own.sh", check=False).stdout == ""
    # The whole disk is free: nobody holds it.
    server.run("python3", "-c", f"import os; os.open('{server.device(disk)}', os.O_EXCL)")


def test_a_disk_starts_the_service_and_is_served_once(server: Server) -> None:
    disk = server.disk()
    server.configure([disk])
    server.run("systemctl", "stop", "tetras-back")
    server.plug(disk)
    server.becomes(disk, "safe-to-unplug")
    assert server.history()[0]["Verdict"] == "success"

    server.run("systemctl", "restart", "tetras-back")
    server.becomes(disk, "safe-to-unplug", "plugged")
    assert len(server.history()) == 1


def test_the_disk_is_mounted_where_only_the_service_sees_it(server: Server) -> None:
    disk = at_the_gate(server)
    seers = server.mounts_of(disk)
    groups = [f"{process}/cgroup" for process in seers]
    # A process of the script that has ended meanwhile has none any more.
    units = server.run("cat", *groups, check=False).stdout.split()
    assert set(units) == {"0::/system.slice/tetras-back.service"}
    server.open_gate()
    server.becomes(disk, "safe-to-unplug")
    assert server.mounts_of(disk) == []


def test_a_restart_in_the_middle_interrupts_and_begins_again(server: Server) -> None:
    disk = at_the_gate(server)
    server.run("rm", "/run/gate.reached")
    server.run("systemctl", "restart", "tetras-back")
    server.at_gate()
    assert [row["Verdict"] for row in server.history()] == ["", "interrupted"]
    server.open_gate()
    server.becomes(disk, "safe-to-unplug")
    assert [row["Verdict"] for row in server.history()] == ["success", "interrupted"]
    assert server.mounts_of(disk) == []


def test_a_stop_in_the_middle_interrupts_and_the_next_start_begins_again(server: Server) -> None:
    disk = at_the_gate(server)
    server.run("systemctl", "stop", "tetras-back")
    check_left_alone(server, disk)

    server.open_gate()
    server.run("systemctl", "start", "tetras-back")
    server.becomes(disk, "safe-to-unplug")
    assert [row["Verdict"] for row in server.history()] == ["success", "interrupted"]
    subjects = [letter["Subject"] for letter in server.letters(2)]
    assert "[Tetras-back] server interrupted: bleu" in subjects


def test_a_killed_daemon_leaves_no_mount_behind(server: Server) -> None:
    disk = at_the_gate(server)
    killed = main_pid(server)
    # Not started again, so that nothing but what it left behind is seen.
    server.shell(
        "mkdir -p /run/systemd/system/tetras-back.service.d; cd $_; "
        "printf '[Service]\\nRestart=no\\n' >no.conf; systemctl daemon-reload"
    )
    server.run("kill", "-KILL", killed)
    server.until(
        lambda: server.run("systemctl", "is-failed", "tetras-back", check=False).returncode == 0,
        "systemd to see it",
    )
    check_left_alone(server, disk)

    server.open_gate()
    server.run("systemctl", "start", "tetras-back")
    server.becomes(disk, "safe-to-unplug")
    assert [row["Verdict"] for row in server.history()] == ["success", "interrupted"]


def test_shutdown_and_sleep_wait_for_the_backup(server: Server) -> None:
    disk = at_the_gate(server)
    (line,) = [
        line
        for line in server.run("systemd-inhibit", "--list", "--no-legend").stdout.splitlines()
        if "Tetras-back" in line
    ]
    assert "sleep:shutdown" in line or "shutdown:sleep" in line
    assert "block" in line
    refused = server.run("systemctl", "--check-inhibitors=yes", "poweroff", check=False)
    assert refused.returncode != 0
    assert "Tetras-back" in refused.stdout + refused.stderr

    server.open_gate()
    server.becomes(disk, "safe-to-unplug")
    assert "Tetras-back" not in server.run("systemd-inhibit", "--list").stdout
    server.run("systemctl", "--check-inhibitors=yes", "poweroff")
    server.wait_until_off()


def test_a_shutdown_that_was_insisted_on_interrupts_cleanly(server: Server) -> None:
    at_the_gate(server)
    server.run("systemctl", "--check-inhibitors=no", "--no-block", "poweroff")
    server.wait_until_off()
    server.boot()
    assert [row["Verdict"] for row in server.history()] == ["interrupted"]
