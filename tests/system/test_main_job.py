"""The main job, as somebody on the bus sees it: a disk is plugged in, and may be taken away."""

import os
import re
from pathlib import Path

from tests.harness import run, settle
from tests.system.scene import COPY, Scene


def mounted(device: str) -> bool:
    """Whether DEVICE is mounted anywhere that a process can see."""
    rdev = os.stat(device).st_rdev
    number = f" {os.major(rdev)}:{os.minor(rdev)} "
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if number in (entry / "mountinfo").read_text(errors="replace"):
                return True
        except OSError:  # it has ended
            continue
    return False


def test_saved_disk_appears_is_backed_up_and_may_be_taken_away(scene: Scene) -> None:
    disk = scene.disk(label="blue one")
    scene.script(f'{COPY}echo "$TETRAS_BACK_NAME $TETRAS_BACK_UUID ${{1#/}}" >"$1/told"')
    scene.configure({"bleu": disk})
    scene.start()
    scene.becomes(disk, "absent")
    device = scene.plug(disk)
    assert scene.verdict(disk) == "success"
    scene.ears.wait("SafeToUnplug")
    assert scene.free(device)
    assert not mounted(device)
    assert scene.ears.names(disk.uuid) == [
        "DiskPlugged",
        "BackupStarted",
        "BackupFinished",
        "SafeToUnplug",
    ]
    assert scene.ears.all("BackupStarted") == [
        ("/org/tetraslibre/Back/backups/1", disk.uuid, "bleu")
    ]
    shown = scene.shown(disk)
    assert shown["State"] == "safe-to-unplug"
    assert shown["Device"] == device
    assert shown["Label"] == "blue one"
    assert shown["FilesystemType"] == "ext4"
    assert 0 < shown["Free"] < shown["Size"] <= 16 << 20
    assert 0 < shown["LastSuccess"] - shown["LastSeen"] < 30_000_000
    (row,) = scene.history(disk)
    assert (row["Id"], row["Name"], row["Trigger"], row["Verdict"], row["Code"]) == (
        *(1, "bleu", "plug", "success", ""),
    )
    assert 0 < row["StartedAt"] < row["FinishedAt"]
    assert re.search(r"^\S+T\S+ copied$", scene.log(1), re.MULTILINE)
    assert scene.root("Busy") is False
    disk.detach()
    scene.becomes(disk, "absent")
    inside = scene.inside(disk)
    assert (inside / "data").stat().st_size == 300_000
    assert (inside / "told").read_text().startswith(f"bleu {disk.uuid} ")
    assert sorted(path.name for path in inside.iterdir()) == ["data", "lost+found", "told"]


def test_plugged_again_it_is_backed_up_again(scene: Scene) -> None:
    disk = scene.disk()
    scene.script(COPY)
    scene.configure({"bleu": disk})
    scene.start()
    for count in (1, 2):
        scene.plug(disk)
        assert scene.verdict(disk, count) == "success"
        scene.ears.wait("SafeToUnplug", count=count)
        disk.detach()
        scene.ears.wait("DiskUnplugged", disk.uuid, count=count)
    assert [row["Id"] for row in scene.history()] == [2, 1]


def test_unknown_disk_is_shown_and_saving_it_starts_nothing(scene: Scene) -> None:
    disk = scene.disk()
    scene.script(COPY)
    scene.configure({})
    scene.start()
    scene.plug(disk)
    scene.becomes(disk, "unknown")
    assert scene.shown(disk)["Saved"] is False
    assert disk.uuid in scene.ctl("disks").stdout
    scene.call("SaveDisk", "ss", disk.uuid.upper(), "bleu")
    scene.becomes(disk, "plugged")
    assert scene.ears.all("DiskSaved") == [(disk.uuid, "bleu")]
    scene.daemon.stop()
    scene.start()
    scene.becomes(disk, "plugged")
    assert scene.history() == []
    scene.call("ForgetDisk", "s", disk.uuid)
    scene.becomes(disk, "unknown")
    assert 'name = "bleu"' not in scene.configuration.read_text()


def test_disk_forgotten_by_hand_while_it_is_backed_up(scene: Scene) -> None:
    disk = scene.disk()
    gate = scene.gate()
    scene.script(gate.shell + COPY)
    scene.configure({"bleu": disk})
    scene.start()
    device = scene.plug(disk)
    gate.reached()
    assert scene.history()[0]["Verdict"] == ""
    scene.configure({})
    scene.ears.wait("DiskForgotten")
    assert scene.state(disk) == "running"
    gate.open()
    assert scene.verdict(disk) == "success"
    scene.ears.wait("SafeToUnplug")
    scene.becomes(disk, "unknown")
    assert scene.free(device)


def test_two_disks_at_once_queue(scene: Scene) -> None:
    one, two = scene.disk(name="one"), scene.disk(name="two")
    gate = scene.gate()
    scene.script(gate.shell + COPY)
    scene.configure({"un": one, "deux": two})
    scene.start()
    scene.plug(one)
    gate.reached()
    scene.plug(two)
    scene.becomes(two, "queued")
    assert [item["State"] for item in scene.objects().values() if "Trigger" in item] == [
        "running",
        "queued",
    ]
    gate.open()
    gate.reached(2)
    assert scene.verdict(one) == "success"
    scene.becomes(one, "safe-to-unplug")
    gate.open()
    assert scene.verdict(two) == "success"


def test_disk_added_to_the_configuration_by_hand_is_saved_at_once(scene: Scene) -> None:
    disk = scene.disk()
    scene.script(COPY)
    text = scene.configure({})
    scene.start()
    scene.plug(disk)
    scene.becomes(disk, "unknown")
    scene.configuration.write_text(f'{text}# mine\n[disks."{disk.uuid}"]\nname = "bleu"\n')
    scene.becomes(disk, "plugged")
    assert scene.ears.all("DiskSaved") == [(disk.uuid, "bleu")]
    scene.call("SaveDisk", "ss", disk.uuid, "rouge")
    assert "# mine" in scene.configuration.read_text()
    assert scene.shown(disk)["Name"] == "rouge"
    assert scene.history() == []


def test_restart_repeats_nothing_and_misses_nothing(scene: Scene) -> None:
    one, two = scene.disk(name="one"), scene.disk(name="two")
    scene.script(COPY)
    scene.configure({"un": one, "deux": two})
    scene.start()
    scene.plug(one)
    assert scene.verdict(one) == "success"
    scene.ears.wait("SafeToUnplug")
    scene.daemon.stop()
    scene.plug(two)
    scene.start()
    assert scene.verdict(two) == "success"
    scene.becomes(one, "safe-to-unplug")
    scene.becomes(two, "safe-to-unplug")
    assert [row["Name"] for row in scene.history()] == ["deux", "un"]


def test_same_event_fifty_times_starts_nothing_more(scene: Scene) -> None:
    disk = scene.disk()
    scene.script(COPY)
    scene.configure({"bleu": disk})
    scene.start()
    device = scene.plug(disk)
    syspath = f"/sys/class/block/{Path(device).name}"
    for _ in range(25):
        run(["udevadm", "trigger", "--action=change", syspath])
    assert scene.verdict(disk) == "success"
    for _ in range(25):
        run(["udevadm", "trigger", "--action=change", syspath])
    settle()
    scene.becomes(disk, "safe-to-unplug")
    assert len(scene.history()) == 1
    assert len(scene.ears.all("DiskPlugged", disk.uuid)) == 1
