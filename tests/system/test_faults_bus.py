"""The bus or polkit goes away, hangs or comes back: a backup goes on, and its end is told."""

import pytest

from tests.harness import Polkitd, User, run_as, wait_until
from tests.harness.process import only_line
from tests.system.scene import COPY, CallFailed, Scene
from tetrasback import names


def test_bus_killed_half_way_and_started_again(scene: Scene) -> None:
    disk = scene.disk()
    gate = scene.gate()
    scene.script(f"{gate.shell}{COPY}")
    scene.configure({"bleu": disk})
    daemon = scene.start()
    scene.plug(disk)
    gate.reached()
    scene.bus.kill()
    wait_until(lambda: "the system bus is lost" in daemon.process.tail(), "the loss to be seen")
    scene.bus.restart()
    scene.ears.listen()
    wait_until(lambda: scene.bus.has_owner(names.BUS_NAME), "the name to be claimed again")
    assert scene.state(disk) == "running"
    gate.open()
    assert scene.verdict(disk) == "success"
    scene.ears.wait("SafeToUnplug")
    assert gate.passages() == 1
    assert len(scene.history()) == 1


def test_result_that_came_while_there_was_no_bus_is_told_when_there_is_one(scene: Scene) -> None:
    disk = scene.disk()
    gate = scene.gate()
    scene.script(f"{gate.shell}{COPY}")
    scene.configure({"bleu": disk})
    daemon = scene.start()
    device = scene.plug(disk)
    gate.reached()
    scene.bus.kill()
    gate.open()
    wait_until(lambda: scene.free(device), "the backup to end")
    wait_until(lambda: "copied" in daemon.process.tail(), "the script's last word")
    daemon.process.pause()  # until the subscriber listens
    scene.bus.restart()
    scene.ears.listen()
    daemon.process.resume()
    assert scene.verdict(disk) == "success"
    scene.ears.wait("SafeToUnplug")
    assert scene.state(disk) == "safe-to-unplug"


def test_bus_that_stands_still_for_some_seconds(scene: Scene) -> None:
    disk = scene.disk()
    gate = scene.gate()
    scene.script(
        f"{gate.shell}for i in $(seq 50); do echo progress 0.$i >&3; sleep 0.03; done\n{COPY}"
    )
    scene.configure({"bleu": disk})
    daemon = scene.start()
    device = scene.plug(disk)
    gate.reached()
    scene.bus.pause()
    gate.open()
    wait_until(lambda: scene.free(device), "the backup to end")
    wait_until(lambda: "copied" in daemon.process.tail(), "the script's last word")
    scene.bus.resume()
    assert scene.verdict(disk) == "success"
    scene.ears.wait("SafeToUnplug")
    assert scene.state(disk) == "safe-to-unplug"
    assert daemon.process.running


def test_daemon_without_a_bus_says_so_and_ends(scene: Scene) -> None:
    scene.configure({})
    scene.bus.kill()
    daemon = scene.start(wait=False)
    assert daemon.process.popen.wait(60) == 1
    line = only_line(daemon.process.tail())
    assert "bus" in line


def test_polkit_that_says_no_is_absent_or_hangs(scene: Scene, user: User, operator: User) -> None:
    disk = scene.disk()
    gate = scene.gate()
    scene.script(f"{gate.shell}{COPY}")
    scene.configure({"bleu": disk})
    daemon = scene.start()
    run_backup = daemon.ctl("--no-ask-password", "backup", "--no-wait", "bleu")
    cancel = daemon.ctl("--no-ask-password", "cancel", "bleu")

    def refused(who: User, argv: list[str]) -> str:
        done = run_as(who, argv, env=daemon.client_environment)
        assert done.returncode == 3, done.stderr
        (line,) = done.stderr.strip().splitlines()
        return line

    # absent: only root
    scene.plug(disk)
    gate.reached()
    assert "polkit" in refused(operator, cancel)
    scene.call("CancelBackup", "s", disk.uuid)
    assert scene.verdict(disk) == "cancelled"
    with Polkitd(scene.bus) as polkitd:
        # no: whoever is in no group; the group may
        refused(user, run_backup)
        assert len(scene.history()) == 1
        assert run_as(operator, run_backup, env=daemon.client_environment).returncode == 0
        gate.reached(2)
        # it hangs: who has asked waits, nobody else does, and the backup goes on
        polkitd.pause()
        waiting = scene.background_as(user, cancel)
        with pytest.raises(CallFailed, match="already"):
            scene.call("RunBackup", "s", disk.uuid)
        gate.open()
        assert scene.verdict(disk, 2) == "success"
        assert waiting.running
        polkitd.resume()
        assert waiting.popen.wait(60) == 3
    assert scene.history()[0]["Verdict"] == "success"
