"""What somebody may ask for while the main job runs, and what they are told."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.harness import wait_until
from tests.harness.udevd import reload_rules
from tests.system.scene import COPY, CallFailed, Scene, plain
from tetrasback import names


@pytest.mark.parametrize("kind", ["node", "by-uuid", "own link", "twice"])
def test_plug_takes_any_path_below_dev(scene: Scene, kind: str) -> None:
    disk = scene.disk()
    gate = scene.gate()
    scene.script(gate.shell + COPY)
    scene.configure({"bleu": disk})
    scene.start()
    scene.call("ForgetDisk", "s", disk.uuid)
    device = scene.plug(disk)
    scene.becomes(disk, "unknown")
    scene.call("SaveDisk", "ss", disk.uuid, "bleu")
    link = Path(f"/dev/{scene.workspace.name}")
    path = {
        "node": device,
        "by-uuid": f"/dev/disk/by-uuid/{disk.uuid}",
        "own link": str(link),
        "twice": device,
    }[kind]
    link.symlink_to(device)
    try:
        (made,) = scene.call("Plug", "s", path)
        assert made == f"/org/tetraslibre/Back/disks/{disk.uuid.replace('-', '_2d')}"
        gate.reached()
        if kind == "twice":
            assert scene.call("Plug", "s", path) == [made]
    finally:
        link.unlink()
    gate.open()
    assert scene.verdict(disk) == "success"
    assert len(scene.history()) == 1


def test_plug_refuses_what_is_no_disk_with_a_file_system(scene: Scene) -> None:
    blank = scene.disk("", 4, name="blank")
    scene.script(COPY)
    scene.configure({})
    scene.start()
    blank.attach()
    for path, words in {
        "/dev/no-such-disk": "no device",
        "/dev/null": "no block device",
        "/dev/../etc/passwd": "below /dev",
        "/etc/passwd": "below /dev",
        "--version": "below /dev",
        blank.device: "no file system",
    }.items():
        with pytest.raises(CallFailed, match=words):
            scene.call("Plug", "s", path)
    blank.detach()


def test_untagged_disk_is_served_by_plug_and_its_leaving_noticed(scene: Scene) -> None:
    disk = scene.disk()
    scene.script(COPY)
    scene.configure({"bleu": disk})
    scene.start()
    rule = Path(f"/run/udev/rules.d/96-{scene.workspace.name}.rules")
    rule.write_text('SUBSYSTEM=="block", TAG-="tetras-back"\n')
    try:
        reload_rules()
        device = scene.plug(disk)
        assert scene.state(disk) == "absent"
        scene.call("Plug", "s", device)
        assert scene.verdict(disk) == "success"
        scene.ears.wait("SafeToUnplug")
        disk.detach()
        scene.becomes(disk, "absent")
    finally:
        rule.unlink()
        reload_rules()


def test_unplug_returns_when_the_disk_may_be_pulled_out(scene: Scene) -> None:
    disk = scene.disk()
    gate = scene.gate()
    scene.script(gate.shell + COPY)
    scene.configure({"bleu": disk})
    scene.start()
    device = scene.plug(disk)
    gate.reached()
    scene.call("Unplug", "s", device)
    assert scene.free(device)
    assert scene.verdict(disk) == "cancelled"
    assert scene.history()[0]["Code"] == "unplug-requested"
    scene.becomes(disk, "safe-to-unplug")
    disk.detach(seconds=2)


def test_unplug_goes_on_when_its_caller_waits_no_longer(scene: Scene) -> None:
    disk = scene.disk()
    gate, slow = scene.gate(), scene.gate("slow")
    scene.script(f"trap '{slow.shell.strip()}; exit 1' TERM\n{gate.shell}{COPY}")
    scene.configure({"bleu": disk})
    scene.start()
    device = scene.plug(disk)
    gate.reached()
    caller = scene.background(
        ["busctl", f"--address={scene.bus.address}", "call", "org.tetraslibre.Back",
         "/org/tetraslibre/Back", "org.tetraslibre.Back", "Unplug", "s", device]
    )  # fmt: skip
    slow.reached()
    caller.kill()
    slow.open()
    assert scene.verdict(disk) == "cancelled"
    scene.ears.wait("SafeToUnplug")
    assert scene.free(device)


def test_cancel_ends_the_backup_and_a_new_one_may_be_asked_for(scene: Scene) -> None:
    disk = scene.disk()
    gate = scene.gate()
    scene.script(gate.shell + COPY)
    scene.configure({"bleu": disk})
    scene.start()
    scene.plug(disk)
    gate.reached()
    with pytest.raises(CallFailed, match="already queued or running"):
        scene.call("RunBackup", "s", disk.uuid)
    with pytest.raises(CallFailed, match="being backed up"):
        scene.call("ForgetDisk", "s", disk.uuid)
    scene.call("CancelBackup", "s", disk.uuid)
    assert scene.verdict(disk) == "cancelled"
    with pytest.raises(CallFailed, match="no backup"):
        scene.call("CancelBackup", "s", disk.uuid)
    assert scene.call("RunBackup", "s", disk.uuid) == ["/org/tetraslibre/Back/backups/2"]
    gate.reached(2)
    gate.open()
    assert scene.verdict(disk, 2) == "success"
    assert [(row["Trigger"], row["Verdict"]) for row in scene.history()] == [
        ("request", "success"),
        ("plug", "cancelled"),
    ]


def test_command_line_tells_by_its_exit_status(scene: Scene) -> None:
    disk, away = scene.disk(), scene.disk(name="away")
    scene.script("exit 0")
    scene.configure({"bleu": disk, "loin": away})
    scene.start()
    device = scene.plug(disk)
    assert scene.verdict(disk) == "success"
    scene.becomes(disk, "safe-to-unplug")
    for text, status in {
        "exit 0": 0,
        "echo warning some files >&3; exit 3": 7,
        "exit 1": 6,
        f'"$(dirname "$0")/../cancel" {disk.uuid}': 9,
    }.items():
        scene.script(text)
        if status == 9:
            cancel = scene.workspace / "cancel"
            cancel.write_text(
                f"#!/bin/bash\nexec busctl --address={scene.bus.address} call"
                " org.tetraslibre.Back /org/tetraslibre/Back org.tetraslibre.Back"
                ' CancelBackup s "$1"\n'
            )
            cancel.chmod(0o755)
        done = scene.ctl("backup", "bleu")
        assert done.returncode == status, (text, done.stdout, done.stderr)
    assert scene.ctl("backup", "loin").returncode == 5
    assert scene.ctl("backup", "nobody").returncode == 4
    assert scene.ctl("backup", "--no-such-option").returncode == 2
    assert scene.ctl("cancel", "bleu").returncode == 1
    assert scene.ctl("unplug", "bleu").returncode == 0
    assert scene.free(device)
    shown = json.loads(scene.ctl("history", "--json").stdout)
    assert [row["verdict"] for row in shown["history"]] == [
        *("cancelled", "failed", "warning", "success", "success"),
    ]
    scene.daemon.stop()
    assert scene.ctl("status").returncode == 8


def test_who_only_listens_knows_as_much_as_who_asks(scene: Scene) -> None:
    one, two = scene.disk(name="one"), scene.disk(name="two")
    scene.script(f"{COPY}echo files 7 >&3; echo warning one >&3")
    scene.configure({"un": one, "deux": two})
    scene.start()
    ours = (f"{names.BACKUPS_PATH}/", names.disk_path(one.uuid), names.disk_path(two.uuid))

    def of_ours(objects: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        return {path: values for path, values in objects.items() if path.startswith(ours)}

    known = of_ours(scene.objects())
    heard = len(scene.ears.messages())
    scene.plug(one)
    scene.plug(two)
    assert scene.verdict(two) == "warning"
    scene.ears.wait("SafeToUnplug", two.uuid)
    scene.call("SaveDisk", "ss", one.uuid, "rouge")
    scene.call("RunBackup", "s", one.uuid)
    assert scene.verdict(one, 2) == "warning"
    scene.ears.wait("SafeToUnplug", one.uuid, 2)
    two.detach()
    scene.becomes(two, "absent")
    scene.call("ForgetDisk", "s", two.uuid)
    asked = of_ours(scene.objects())
    assert len(asked) == 2  # what is forgotten and gone has no object, nor has its backup

    def learnt() -> bool:
        objects = {path: dict(values) for path, values in known.items()}
        for message in scene.ears.messages()[heard:]:
            data = plain(message["payload"]["data"])
            if message["member"] == "InterfacesAdded":
                objects[data[0]] = {k: v for part in data[1].values() for k, v in part.items()}
            elif message["member"] == "InterfacesRemoved":
                objects.pop(data[0], None)
            elif message["member"] == "PropertiesChanged" and message["path"] in objects:
                assert data[2] == []
                objects[message["path"]].update(data[1])
        return of_ours(objects) == asked

    wait_until(learnt, "the subscriber to know the same")
