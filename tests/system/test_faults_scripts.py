"""Scripts that fail, hang, fork away or flood: the daemon lives on, and tells the truth."""

from pathlib import Path

import pytest

from tests.harness import wait_until
from tests.system.scene import COPY, Scene


def resident_mib(pid: int) -> float:
    """Peak of the resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no such line")


def running(mark: str) -> list[str]:
    """Processes that have MARK in their command line."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (entry / "cmdline").read_bytes():
                found.append(entry.name)
        except OSError:  # it has ended
            continue
    return found


def test_ends_of_scripts_have_their_verdicts(scene: Scene) -> None:
    disk = scene.disk()
    scene.script("exit 5", "fails.sh")
    scene.configure({"bleu": disk}, ["fails.sh", "copy.sh"])
    scene.script(COPY)
    scene.start()
    device = scene.plug(disk)
    ends = {
        "exit 5": ("failed", "script-failed"),
        "exit 3": ("failed", "script-failed"),
        "echo warning one file >&3; exit 3": ("warning", "script-warning"),
        "echo warning one file >&3": ("warning", "script-warning"),
        "echo warning source-shrunk: half of it is missing >&3": ("warning", "source-shrunk"),
        "echo note one file has vanished >&3": ("success", ""),
        "kill -KILL $$": ("failed", "script-failed"),
    }
    for number, (text, (verdict, code)) in enumerate(ends.items(), 1):
        if number > 1:
            scene.script(text, "fails.sh")
            scene.call("RunBackup", "s", disk.uuid)
        assert scene.verdict(disk, number) == verdict, text
        scene.ears.wait("SafeToUnplug", count=number)
        row = scene.history()[0]
        assert (row["Verdict"], row["Code"]) == (verdict, code), text
        assert "copied" in scene.log(number)  # the next script still runs
    assert scene.free(device)
    assert scene.ctl("backup", "bleu").returncode == 6


def test_script_that_hangs_is_stopped_when_its_time_is_over(scene: Scene) -> None:
    disk = scene.disk()
    scene.script("exec sleep 1001")
    scene.configure({"bleu": disk}, extra="timeout_hours = 0.0003")
    scene.start()
    device = scene.plug(disk)
    assert scene.verdict(disk) == "failed"
    assert scene.history()[0]["Code"] == "timed-out"
    scene.ears.wait("SafeToUnplug")
    assert scene.free(device)


def test_script_that_ignores_term_is_killed(scene: Scene) -> None:
    disk = scene.disk()
    gate = scene.gate()
    scene.script(f'trap "" TERM\n{gate.shell}')
    scene.configure({"bleu": disk})
    scene.start()
    device = scene.plug(disk)
    gate.reached()
    scene.call("CancelBackup", "s", disk.uuid)
    assert scene.verdict(disk, seconds=20) == "cancelled"
    scene.ears.wait("SafeToUnplug")
    assert scene.free(device)
    assert running(f"{scene.scripts}/copy.sh") == []


def test_children_that_fork_away_are_ended_and_hold_nothing(scene: Scene) -> None:
    disk = scene.disk()
    mark = f"{scene.workspace.name}-child"
    # A session of its own, forked twice, deaf to TERM, with a file open on the disk.
    scene.script(
        f'(setsid bash -c \'trap "" TERM HUP; exec >"$0/held"; while :; do sleep 60; done\''
        f' "$1" {mark} & )\n(cd "$1"; exec -a {mark} sleep 1002 & )\n{COPY}'
    )
    scene.configure({"bleu": disk})
    scene.start()
    device = scene.plug(disk)
    assert scene.verdict(disk) == "success"
    scene.ears.wait("SafeToUnplug")
    assert scene.free(device)
    assert running(mark) == []
    assert "ended what the script left running: " in scene.log(1)


def test_gigabyte_of_output_is_bounded(scene: Scene) -> None:
    disk = scene.disk()
    gate = scene.gate()
    scene.script(
        f'echo first\n{gate.shell}yes "$(printf "%01000d" 7)" | head -c 1G\necho last\n{COPY}'
    )
    scene.configure({"bleu": disk})
    daemon = scene.start()
    scene.plug(disk)
    gate.reached()
    before = resident_mib(daemon.process.pid)
    gate.open()
    asked = 0
    while not scene.ears.all("BackupFinished"):
        assert scene.shown(disk)["Name"] == "bleu"  # it still answers
        asked += 1
    assert asked > 1
    assert scene.verdict(disk) == "success"
    assert resident_mib(daemon.process.pid) - before < 16
    log = scene.log(1)
    assert len(log) <= 1 << 20
    assert "first" in log
    assert "last" in log
    files = sum(path.stat().st_size for path in (daemon.state_dir / "logs").iterdir())
    assert files < 4 << 20
    assert daemon.log.stat().st_size < 4 << 20


@pytest.mark.parametrize(
    ("line", "count", "warnings"),
    [("progress 0.5 here", 50_000, 0), ("warning one more", 50_000, 50_000), ("x" * 30, 40_000, 0)],
)
def test_flood_of_progress_is_bounded(scene: Scene, line: str, count: int, warnings: int) -> None:
    disk = scene.disk()
    gate = scene.gate()
    scene.script(f"{gate.shell}yes '{line}' | head -n {count} >&3\n{COPY}")
    scene.configure({"bleu": disk})
    daemon = scene.start()
    scene.plug(disk)
    gate.reached()
    before = resident_mib(daemon.process.pid)
    gate.open()
    while not scene.ears.all("BackupFinished"):
        assert scene.shown(disk)["Name"] == "bleu"
    assert scene.verdict(disk) == ("warning" if warnings else "success")
    assert scene.history()[0]["Warnings"] == warnings
    assert len(scene.ears.messages()) < 100
    assert resident_mib(daemon.process.pid) - before < 16
    assert sum(path.stat().st_size for path in (daemon.state_dir / "logs").iterdir()) < 4 << 20


def test_script_that_vanishes_or_cannot_start_is_a_failure(scene: Scene) -> None:
    disk = scene.disk()
    scene.script(COPY, "other.sh")
    scene.configure({"bleu": disk}, ["gone.sh"])
    scene.start()
    scene.plug(disk)
    assert scene.verdict(disk) == "failed"
    assert "gone.sh" in scene.history()[0]["Message"]
    scene.script("", "gone.sh")
    (scene.scripts / "gone.sh").write_text("#!/no/such/shell\n")
    scene.call("RunBackup", "s", disk.uuid)
    assert scene.verdict(disk, 2) == "failed"
    assert scene.history()[0]["Code"] == "script-refused"
    wait_until(lambda: scene.state(disk) == "safe-to-unplug", "the disk to be let go")
