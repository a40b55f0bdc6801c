"""The harness itself: real parts come up, work, and are gone afterwards."""

from collections.abc import Callable
from pathlib import Path

from tests.harness import (
    Desktop,
    LoopDisk,
    Polkitd,
    PrivateBus,
    TagRule,
    User,
    Workspace,
    run,
    run_as,
    settle,
    wait_until,
)
from tests.harness.process import PYTHON, Process, users_of


def test_bus_restarts_at_the_same_address(bus: PrivateBus) -> None:
    assert bus.has_owner("org.freedesktop.DBus")
    bus.kill()
    assert not bus.has_owner("org.freedesktop.DBus")
    bus.restart()
    assert bus.has_owner("org.freedesktop.DBus")


def test_polkitd_knows_the_projects_actions_and_asks_its_rules(
    polkitd: Polkitd, operator: User, user: User
) -> None:
    assert "org.tetraslibre.back.plug" in polkitd.actions()
    check = 'exec pkcheck --action-id org.tetraslibre.back.plug --process "$$"'
    environment = polkitd.bus.environment
    assert run_as(operator, ["sh", "-c", check], env=environment).returncode == 0
    assert run_as(user, ["sh", "-c", check], env=environment).returncode != 0


def test_tagged_loop_disk_is_known_to_udev(
    tag_rule: TagRule, loop_disk: Callable[..., LoopDisk]
) -> None:
    disk = loop_disk(label="try")
    query = ["udevadm", "info", "--query=property", disk.attach()]

    def properties() -> list[str]:
        settle()
        return run(query).stdout.splitlines()

    wait_until(lambda: f"ID_FS_UUID={disk.uuid}" in properties(), "udev to know the disk")
    tags = [line for line in properties() if line.startswith("CURRENT_TAGS=")]
    assert any(":tetras-back:" in line for line in tags)
    disk.detach()


def test_workspace_sweeps_processes_mounts_and_loops(tmp_path: Path) -> None:
    with Workspace() as path:
        disk = LoopDisk(path)
        device = disk.attach()
        (path / "mnt").mkdir()
        run(["mount", device, path / "mnt"])
        log, env = path / "log", {"PATH": "/usr/bin", "WHERE": f"{path}/x"}
        forgotten = Process([PYTHON, "-c", "import time; time.sleep(60)"], log=log, env=env)
    assert not forgotten.running
    assert not users_of(path)
    assert not path.exists()
    assert str(path) not in Path("/proc/mounts").read_text()
    assert str(path) not in run(["losetup", "--list"]).stdout


def test_desktop_shows_notifications_and_presses_their_buttons(
    desktop: Desktop, workspace: Path
) -> None:
    argv = [
        "notify-send",
        "--action=save=Save it",
        "--action=no=Leave it",
        "Disk",
        "a <b>new</b> one",
    ]
    answer = workspace / "answer"
    asking = Process(desktop.bus.as_owner(argv), log=answer, env=desktop.environment)
    wait_until(desktop.on_screen, "the notification to be shown")
    desktop.press("Save it")
    wait_until(lambda: not asking.running, "notify-send to hear of it")
    assert answer.read_text() == "save\n"
    assert desktop.on_screen() == 0
    (shown,) = desktop.shown()
    assert (shown.summary, shown.body, shown.urgency) == ("Disk", "a <b>new</b> one", "normal")
    picture = workspace / "screen.png"
    desktop.screen.picture(picture)
    assert picture.read_bytes().startswith(b"\x89PNG")
