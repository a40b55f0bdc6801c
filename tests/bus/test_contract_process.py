"""The daemon as a process: command line, files, signals, what it tells systemd, restarts."""

import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.bus.contract import Caller, LoneDaemon, PlainBus, caller
from tests.harness import LoopDisk, PrivateBus, wait_until
from tests.harness.process import PROJECT, PYTHON
from tetrasback import names

CONFIG = '# by hand\n[backup]\nscripts = ["ok.sh"] # mine\n'
BROKEN = {
    "half written": "[backup\n",
    "empty": "",
    "zeros": "\0" * 512,
    "wrong type": '[backup]\nscripts = "ok.sh"\n',
    "no UUID": '[disks."x"]\nname = "x"\n',
    "path as script": '[backup]\nscripts = ["../ok.sh"]\n',
    "endless": "x" * (2 << 20),
}


@pytest.fixture
def plain_bus(workspace: Path) -> Iterator[PrivateBus]:
    with PlainBus(workspace) as running:
        yield running


@pytest.fixture
def make_daemon(plain_bus: PrivateBus, workspace: Path) -> Iterator[Callable[..., LoneDaemon]]:
    with ExitStack() as stack:

        def make(config_text: str | None = CONFIG) -> LoneDaemon:
            return stack.enter_context(LoneDaemon(plain_bus, workspace, config_text))

        yield make


@pytest.fixture
async def root(plain_bus: PrivateBus) -> AsyncIterator[Caller]:
    async with caller(plain_bus) as connected:
        yield connected


def program(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `tetras-backd ARGUMENTS` to its end."""
    return subprocess.run(
        [PYTHON, "-m", "tetrasback.daemon", *arguments],
        cwd=PROJECT,
        env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def message(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that a start that failed ends with."""
    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert not any("Traceback" in line or "Errno" in line for line in lines)
    return lines[-1]


@pytest.mark.parametrize(
    "words", [["--nope"], ["word"], ["--config"], ["--conf", "/x"], ["--log-level", "loud"]]
)
def test_wrong_usage(words: list[str]) -> None:
    done = program(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("usage: tetras-backd ")


@pytest.mark.parametrize("word", ["--help", "--version"])
def test_what_needs_no_bus(word: str) -> None:
    assert program(word).returncode == 0


@pytest.mark.parametrize("option", ["--state-dir", "--runtime-dir"])
def test_directory_that_is_a_file(option: str, workspace: Path) -> None:
    place = workspace / "file"
    place.write_text("")
    places = {
        "--config": str(workspace / "configuration.toml"),
        "--state-dir": str(workspace / "state"),
        "--runtime-dir": str(workspace / "run"),
        option: str(place),
    }
    words = [word for pair in places.items() for word in pair]
    bus = f"unix:path={workspace}/no-bus"
    assert str(place) in message(program(*words, DBUS_SYSTEM_BUS_ADDRESS=bus))


def test_second_daemon_is_told(make_daemon: Callable[..., LoneDaemon]) -> None:
    first = make_daemon()
    words = first.argv[first.argv.index("tetrasback.daemon") + 1 :]
    assert "tetras-back" in message(program(*words, **first.environment))
    assert first.process.running


async def test_terminated_it_leaves_and_starts_as_it_was(
    make_daemon: Callable[..., LoneDaemon], root: Caller, loop_disk: Callable[..., LoopDisk]
) -> None:
    daemon, disk = make_daemon(), loop_disk("ext4", 16)
    await root.call("Plug", "s", disk.attach())
    await root.call("SaveDisk", "ss", disk.uuid, "bleu")
    await root.call("RunBackup", "s", disk.uuid)
    await root.hear("SafeToUnplug")
    before = await root.objects()
    history = await root.call("GetHistory", "stu", "", 0, 10)
    assert daemon.stop() == 0
    root.forget()
    daemon.start()
    await root.call("Plug", "s", disk.device)
    await root.hear("SafeToUnplug")  # plugged by name is plugged just now: a backup
    assert [row["Id"] for row in await root.call("GetHistory", "stu", "", 0, 10)] == [2, 1]
    assert await root.call("GetHistory", "stu", "", 2, 10) == history
    daemon.stop()
    disk.detach()
    daemon.start()
    shown = await root.disk(disk.uuid)
    path = names.disk_path(disk.uuid)
    kept = ("UUID", "Name", "Saved", "LastVerdict", "Size", "Free", "FilesystemType", "Label")
    old = before[path][names.DISK_INTERFACE]
    assert {key: shown[key] for key in kept} == {key: old[key] for key in kept}
    assert (shown["State"], shown["Device"]) == ("absent", "")
    last = await root.backup(2)  # the newest one of each disk has an object
    assert (last["State"], last["Verdict"], last["UUID"]) == ("done", "success", disk.uuid)
    assert await root.backup(1) == {}
    assert shown["LastSuccess"] > old["LastSuccess"] > 0
    assert daemon.config.read_text().startswith(CONFIG)


@pytest.mark.parametrize("text", [None, "", "# nothing\n"], ids=["none", "empty", "comment"])
async def test_first_start_without_a_configuration(
    make_daemon: Callable[..., LoneDaemon], root: Caller, text: str | None
) -> None:
    daemon = make_daemon(text)
    assert await root.property("ConfigurationError") == ""
    assert ["backup_nocloud.sh", True, ""] in await root.property("Scripts")
    await root.call("SaveDisk", "ss", "ABCD-1234", "bleu")
    assert 'name = "bleu"' in daemon.config.read_text()
    await root.call("Reload")


async def test_broken_configuration_is_refused_and_never_overwritten(
    make_daemon: Callable[..., LoneDaemon], root: Caller
) -> None:
    daemon = make_daemon()
    await root.call("SaveDisk", "ss", "ABCD-1234", "bleu")
    good, before = daemon.config.read_text(), await root.objects()
    for kind, text in BROKEN.items():
        daemon.config.write_text(text)
        assert await root.error("Reload") == "Configuration", kind
        error = await root.property("ConfigurationError")
        assert str(daemon.config) in error
        alerts = await root.property("Alerts")
        assert (alerts[0]["Code"], error in alerts[0]["Message"]) == ("configuration", True)
        assert await root.error("SaveDisk", "ss", "ABCD-1234", "rouge") == "Configuration"
        assert await root.error("ForgetDisk", "s", "ABCD-1234") == "Configuration"
        assert await root.error("SetScriptEnabled", "sb", "warn.sh", True) == "Configuration"
        assert (daemon.config.read_text(), await root.objects()) == (text, before)
    for place in (daemon.config.mkdir, lambda: os.mkfifo(daemon.config)):
        daemon.config.unlink()
        place()
        assert await root.error("Reload") == "Configuration"
        daemon.config.rmdir() if daemon.config.is_dir() else daemon.config.unlink()
        daemon.config.symlink_to("/nonexistent/configuration.toml")
        assert await root.error("Reload") == "Configuration"
    daemon.config.unlink()
    assert await root.error("Reload") == "Configuration"
    assert await root.objects() == before
    daemon.config.write_text(good)
    await root.call("Reload")
    assert await root.property("ConfigurationError") == ""


async def test_hangup_reads_the_configuration_again(
    make_daemon: Callable[..., LoneDaemon], root: Caller, workspace: Path
) -> None:
    real = workspace / "elsewhere.toml"  # no watch on its directory: only the signal tells
    real.write_text(CONFIG)
    (workspace / "configuration.toml").symlink_to(real)
    daemon = make_daemon(None)
    real.write_text(CONFIG + '[disks."ABCD-1234"]\nname = "bleu"\n')
    daemon.process.send(signal.SIGHUP)
    assert await root.hear("DiskSaved") == ("ABCD-1234", "bleu")
    assert daemon.process.running


async def test_upgrade_waits_for_the_backup_that_runs(
    make_daemon: Callable[..., LoneDaemon],
    root: Caller,
    loop_disk: Callable[..., LoopDisk],
    workspace: Path,
) -> None:
    gate = workspace / "gate"
    os.mkfifo(gate)
    daemon, disk = make_daemon('[backup]\nscripts = ["gate.sh"]\n'), loop_disk("ext4", 16)
    daemon.script("gate.sh", f"read -r word <{gate}\n")
    await root.call("Plug", "s", disk.attach())
    await root.call("SaveDisk", "ss", disk.uuid, "bleu")
    await root.call("RunBackup", "s", disk.uuid)
    await root.hear("BackupStarted")
    with gate.open("w") as opened:  # its script is there and reads
        daemon.process.send(signal.SIGUSR1)
        wait_until(lambda: "new version" in daemon.process.tail(), "the daemon to have noticed")
        assert await root.property("Busy")
        opened.write("go on\n")
    assert (await root.hear("BackupFinished"))[2] == "success"
    assert await root.hear("SafeToUnplug") == (disk.uuid, disk.device)
    wait_until(lambda: not daemon.process.running, "the daemon to make way")
    assert daemon.process.popen.returncode == 75  # the unit's RestartForceExitStatus=
    daemon.start()
    assert [row["Verdict"] for row in await root.call("GetHistory", "stu", "", 0, 9)] == ["success"]


async def test_idle_daemon_makes_way_at_once(make_daemon: Callable[..., LoneDaemon]) -> None:
    daemon = make_daemon()
    daemon.process.send(signal.SIGUSR1)
    wait_until(lambda: not daemon.process.running, "the daemon to make way")
    assert daemon.process.popen.returncode == 75


async def test_systemd_is_told(
    make_daemon: Callable[..., LoneDaemon], root: Caller, workspace: Path
) -> None:
    daemon = make_daemon()
    daemon.stop()
    told: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(workspace / "notify"))
        listener.settimeout(10)
        daemon.environment |= {
            "NOTIFY_SOCKET": str(workspace / "notify"),
            "WATCHDOG_USEC": "1000000",
        }
        daemon.start(wait=False)

        def hear(start: str) -> str:
            while True:
                told.append(listener.recv(4096).decode())
                if told[-1].startswith(start):
                    return told[-1]

        hear("READY=1")
        assert daemon.bus.has_owner(names.BUS_NAME)  # ready means: it can be called
        assert any(line.startswith("STATUS=") for line in told)
        hear("WATCHDOG=1")
        hear("WATCHDOG=1")
        await root.call("SaveDisk", "ss", "ABCD-1234", "bleu")
        assert hear("STATUS=") == "STATUS=Idle: 1 saved, 0 plugged"
        daemon.process.send(signal.SIGTERM)
        hear("STOPPING=1")
        wait_until(lambda: not daemon.process.running, "the daemon to end")
        assert daemon.stop() == 0


async def test_history_that_is_no_database(
    make_daemon: Callable[..., LoneDaemon], root: Caller
) -> None:
    daemon = make_daemon()
    await root.call("SaveDisk", "ss", "ABCD-1234", "bleu")
    daemon.stop()
    for leftover in daemon.state_dir.glob("history.sqlite*"):
        leftover.unlink()
    (daemon.state_dir / "history.sqlite").write_bytes(b"no database\n" * 1000)
    daemon.start()
    assert (await root.disk("ABCD-1234"))["Name"] == "bleu"
    assert "history" in [alert["Code"] for alert in await root.property("Alerts")]
    kept = [path.read_bytes()[:11] for path in daemon.state_dir.glob("history*")]
    assert b"no database" in kept  # moved aside, not thrown away
    assert await root.call("GetHistory", "stu", "", 0, 10) == []


async def test_configuration_of_the_original_is_taken_over(
    make_daemon: Callable[..., LoneDaemon], root: Caller
) -> None:
    daemon = make_daemon()
    uuid = "0b5a9f3e-77aa-4c1d-9e2f-0123456789ab"
    text = f"""%CFG = ( # as the daemon wrote it
      DISKS => {{ CONNECTED => {{}}, KNOWN => {{ '{uuid}' => {{
        name => "bl\\x{{e9}}u", last_seen => 1512345679,
        last_backup => 'Sauvegarde réussie 1512345678', }}, }}, }},
      SCRIPTS => {{ 'warn.sh' => '--data --mysql', 'fail.sh' => 0, 'gone.sh' => 1, }},
    );
    1;"""
    remarks = await root.call("ImportConfiguration", "s", text)
    assert [remark for remark in remarks if "gone.sh" in remark] == remarks
    assert await root.hear("DiskSaved") == (uuid, "bléu")
    disk, backup = await root.disk(uuid), await root.backup(1)
    assert (disk["LastSeen"], disk["LastSuccess"]) == (1512345679000000, 1512345678000000)
    assert (disk["LastVerdict"], backup["Verdict"], backup["State"]) == (
        "success",
        "success",
        "done",
    )
    written = daemon.config.read_text()
    assert written.startswith("# by hand\n")
    assert 'scripts = ["ok.sh", "warn.sh"] # mine\n' in written
    assert not any("nothing was changed" in remark for remark in remarks)
    again = await root.call("ImportConfiguration", "s", text)
    assert again[:-1] == remarks
    assert "nothing was changed" in again[-1]
    assert daemon.config.read_text() == written
    assert len(await root.call("GetHistory", "stu", "", 0, 10)) == 1
    await root.call("ForgetDisk", "s", uuid)
    assert await root.call("ImportConfiguration", "s", text) == remarks
    assert await root.hear("DiskSaved") == (uuid, "bléu")
    assert len(await root.call("GetHistory", "stu", "", 0, 10)) == 1
