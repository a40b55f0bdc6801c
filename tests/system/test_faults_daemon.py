"""The daemon is killed or stopped half way, or finds its own files damaged."""

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.harness import run, wait_until
from tests.harness.process import only_line
from tests.system.scene import COPY, CallFailed, Scene
from tetrasback import names
from tetrasback.host.inotify import IN_CLOSE_NOWRITE, Inotify


def fill(filler: Path) -> None:
    """Make its file system full."""
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def test_daemon_killed_half_way_runs_the_backup_again_at_most_twice(scene: Scene) -> None:
    disk = scene.disk()
    gate = scene.gate()
    # Something in a session of its own, deaf to TERM, with a file open on the disk, goes as well.
    child = """(setsid bash -c 'trap "" TERM HUP; exec >"$0/held"; sleep 1003; :' "$1" & )"""
    scene.script(f"{child}\n{gate.shell}{COPY}")
    scene.configure({"bleu": disk})
    scene.start()
    device = scene.plug(disk)
    for attempt in (1, 2, 3):
        gate.reached(attempt)
        assert not scene.free(device)
        scene.daemon.kill()
        # The script goes with it, and with the namespace the mount.
        wait_until(lambda: scene.free(device), "the disk to be let go", 5)
        scene.start()
        told = scene.ears.wait("BackupFinished", disk.uuid, attempt)
        assert told[0] == f"/org/tetraslibre/Back/backups/{attempt}"
        assert told[2] == "interrupted"
    scene.becomes(disk, "safe-to-unplug")
    rows = scene.history()
    assert [(row["Id"], row["Verdict"], row["Code"]) for row in rows] == [
        (number, "interrupted", "daemon-died") for number in (3, 2, 1)
    ]
    assert gate.passages() == 3
    assert "interrupted" in scene.alerts()
    scene.call("RunBackup", "s", disk.uuid)
    gate.reached(4)
    gate.open()
    assert scene.verdict(disk, 4) == "success"


def test_daemon_stopped_half_way_ends_in_good_order(scene: Scene) -> None:
    disk = scene.disk()
    gate = scene.gate()
    ended = scene.workspace / "ended"
    scene.script(f"trap 'echo >\"{ended}\"; exit 1' TERM\n{gate.shell}{COPY}")
    scene.configure({"bleu": disk})
    daemon = scene.start()
    device = scene.plug(disk)
    gate.reached()
    assert daemon.stop() == 0
    assert scene.free(device)
    assert ended.exists()
    assert scene.verdict(disk) == "interrupted"
    assert "Traceback" not in daemon.log.read_text(), daemon.log.read_text()
    scene.start()
    gate.reached(2)
    gate.open()
    assert scene.verdict(disk, 2) == "success"
    assert [(row["Verdict"], row["Code"]) for row in scene.history()] == [
        ("success", ""),
        ("interrupted", "daemon-stopped"),
    ]


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_queue_outlives_the_daemon(scene: Scene, how: str) -> None:
    one, two = scene.disk(name="one"), scene.disk(name="two")
    gate = scene.gate()
    scene.script(f"{gate.shell}{COPY}")
    scene.configure({"un": one, "deux": two})
    daemon = scene.start()
    scene.plug(one)
    gate.reached()
    scene.plug(two)
    scene.becomes(two, "queued")
    if how == "stopped":
        assert daemon.stop() == 0
    else:
        daemon.kill()
    wait_until(lambda: scene.free(one.device), "the disk to be let go")
    scene.start()
    assert scene.verdict(one) == "interrupted"
    assert scene.verdict(two) == "interrupted"
    for count in (2, 3):
        gate.reached(count)
        gate.open()
    assert scene.verdict(one, 2) == "success"
    assert scene.verdict(two, 2) == "success"
    assert len(scene.history()) == 4


def test_two_plugs_at_once_start_one_backup(scene: Scene) -> None:
    disk = scene.disk()
    gate = scene.gate()
    scene.script(f"{gate.shell}{COPY}")
    scene.configure({"bleu": disk})
    daemon = scene.start()
    device = scene.plug(disk)
    asked = [
        scene.background(["busctl", f"--address={scene.bus.address}", "call",
                          "org.tetraslibre.Back", "/org/tetraslibre/Back", "org.tetraslibre.Back",
                          "Plug", "s", device])
        for _ in range(10)
    ]  # fmt: skip
    assert [process.popen.wait(60) for process in asked] == [0] * 10
    gate.reached()
    gate.open()
    assert scene.verdict(disk) == "success"
    scene.becomes(disk, "safe-to-unplug")
    assert len(scene.history()) == 1
    assert daemon.process.running


def test_state_directory_that_is_full_stops_no_backup(scene: Scene) -> None:
    disk = scene.disk()
    state = scene.workspace / "state"
    state.mkdir()
    run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", state])
    scene.script(COPY)
    scene.configure({"bleu": disk})
    scene.start()
    filler = state / "filler"
    fill(filler)
    scene.plug(disk)
    assert scene.verdict(disk) == "success"
    scene.ears.wait("SafeToUnplug")
    assert "cannot be written" in scene.alerts()["history"]
    assert scene.call("GetHistory", "stu", "", 0, 10) is not None
    filler.unlink()
    scene.call("RunBackup", "s", disk.uuid)
    assert scene.verdict(disk, 2) == "success"
    scene.becomes(disk, "safe-to-unplug")
    assert "history" not in scene.alerts()
    assert scene.history()[0]["Verdict"] == "success"


@pytest.mark.parametrize("before", ["new", "used"])
def test_state_directory_that_is_full_at_the_start_is_told_in_one_line(
    scene: Scene, before: str
) -> None:
    state = scene.workspace / "state"
    state.mkdir()
    run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", state])
    scene.configure({})
    if before == "used":
        scene.start()
        scene.daemon.stop()
    fill(state / "filler")
    daemon = scene.start(wait=False)
    assert daemon.process.popen.wait(60) == 1
    line = only_line(daemon.process.tail())
    assert line.startswith(f"CRITICAL tetras-backd: {state}/")
    assert "no space" in line.lower()
    (state / "filler").unlink()
    scene.start()
    assert "history" not in scene.alerts()


def test_state_directory_that_is_read_only_is_told_in_one_line(scene: Scene) -> None:
    state = scene.workspace / "state"
    state.mkdir()
    run(["mount", "-t", "tmpfs", "-o", "size=1m,ro", "tmpfs", state])
    scene.configure({})
    daemon = scene.start(wait=False)
    assert daemon.process.popen.wait(60) == 1
    line = only_line(daemon.process.tail())
    assert line.startswith("CRITICAL tetras-backd: ")
    assert str(state) in line


def test_history_that_is_damaged_is_moved_aside(scene: Scene) -> None:
    disk = scene.disk()
    scene.script(COPY)
    scene.configure({"bleu": disk})
    scene.start()
    scene.daemon.stop()
    history = scene.daemon.state_dir / "history.sqlite"
    history.write_bytes(b"rubbish" * 5000)
    scene.start()
    assert "history" in scene.alerts()
    scene.plug(disk)
    assert scene.verdict(disk) == "success"
    assert len(scene.history()) == 1
    (kept,) = scene.daemon.state_dir.glob("history.sqlite.corrupt-*")
    assert kept.read_bytes() == b"rubbish" * 5000


def test_history_of_a_newer_version_is_left_alone(scene: Scene) -> None:
    scene.configure({})
    scene.start()
    scene.daemon.stop()
    history = scene.daemon.state_dir / "history.sqlite"
    database = sqlite3.connect(history)
    database.execute("PRAGMA user_version = 99")
    database.commit()
    database.close()
    before = history.read_bytes()
    daemon = scene.start(wait=False)
    assert daemon.process.popen.wait(60) == 1
    line = daemon.process.tail().strip().splitlines()[-1]
    assert "newer version" in line
    assert history.read_bytes() == before


BROKEN = {
    "syntax": b"[backup\n",
    "value": b'[backup]\nscripts = "not-a-list"\n',
    "half-written": None,
    "empty": b"",
    "not text": b"\xff\xfe\x00\x01",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_configuration_leaves_the_last_good_one_in_force(scene: Scene, kind: str) -> None:
    disk = scene.disk()
    scene.script(COPY)
    good = scene.configure({"bleu": disk}).encode()
    scene.start()
    content = BROKEN[kind]
    bad = good[: len(good) - 6] if content is None else content
    scene.configuration.write_bytes(bad)
    wait_until(lambda: scene.root("ConfigurationError"), "the broken file to be noticed")
    for _ in range(2):  # and so it is after a restart
        assert str(scene.configuration) in scene.root("ConfigurationError")
        assert "configuration" in scene.alerts()
        assert scene.shown(disk)["Name"] == "bleu"
        with pytest.raises(CallFailed):
            scene.call("SaveDisk", "ss", disk.uuid, "rouge")
        with pytest.raises(CallFailed):
            scene.call("Reload")
        assert scene.configuration.read_bytes() == bad
        scene.daemon.stop()
        scene.start()
    scene.plug(disk)
    assert scene.verdict(disk) == "success"
    scene.configuration.write_bytes(good.replace(b"bleu", b"rouge"))
    wait_until(lambda: not scene.root("ConfigurationError"), "the mended file to be noticed")
    assert scene.shown(disk)["Name"] == "rouge"


def test_broken_configuration_at_the_first_start(scene: Scene) -> None:
    scene.script(COPY)
    scene.configuration.write_text("[disks\n")
    scene.start()
    assert f"{scene.configuration}: line 1" in scene.root("ConfigurationError")
    scene.configure({})
    wait_until(lambda: not scene.root("ConfigurationError"), "the mended file to be noticed")


def test_an_edit_while_the_daemon_starts_is_not_missed(scene: Scene) -> None:
    scene.configure({})
    watch = Inotify()
    try:
        watch.watch(os.fsencode(scene.configuration), IN_CLOSE_NOWRITE)
        scene.bus.pause()  # it reads the file, and then waits for the bus
        scene.start(wait=False)
        wait_until(lambda: list(watch.read()), "the configuration to be read")
        scene.configuration.write_text("[disks\n")
    finally:
        watch.close()
        scene.bus.resume()
    wait_until(lambda: scene.bus.has_owner(names.BUS_NAME), "the daemon to own its name", 60)
    wait_until(lambda: scene.root("ConfigurationError"), "the edit to be noticed")


def test_configuration_that_cannot_be_read_or_is_gone(scene: Scene) -> None:
    disk = scene.disk()
    scene.script(COPY)
    scene.configure({"bleu": disk})
    scene.start()
    scene.configuration.unlink()
    wait_until(lambda: scene.root("ConfigurationError"), "the loss to be noticed")
    assert scene.shown(disk)["Name"] == "bleu"
    scene.configuration.mkdir()
    with pytest.raises(CallFailed):
        scene.call("Reload")
    assert scene.shown(disk)["Name"] == "bleu"
    scene.configuration.rmdir()
    shutil.copy("/etc/hostname", scene.workspace / "elsewhere.toml")
    os.symlink(scene.workspace / "no-such-file", scene.configuration)
    with pytest.raises(CallFailed):
        scene.call("Reload")
    assert scene.shown(disk)["Name"] == "bleu"
    assert not Path(scene.workspace / "no-such-file").exists()


def test_second_daemon_changes_nothing(scene: Scene) -> None:
    disk = scene.disk()
    gate = scene.gate()
    scene.script(f"{gate.shell}{COPY}")
    scene.configure({"bleu": disk})
    daemon = scene.start()
    scene.plug(disk)
    gate.reached()
    second = run(daemon.argv, env=daemon.environment, check=False, seconds=20)
    assert second.returncode == 1
    assert len(second.stderr.strip().splitlines()) == 1
    gate.open()
    assert scene.verdict(disk) == "success"
