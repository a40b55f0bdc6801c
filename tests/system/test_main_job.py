"""The main job, as somebody on the bus sees it: a disk is plugged in, and may be taken away."""

import itertools
import json
import os
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.harness import run, settle, wait_until
from tests.harness.udevd import reload_rules
from tests.system.scene import COPY, CallFailed, Scene, plain
from tetrasback import names


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


@pytest.mark.parametrize("fs", ["xfs", "btrfs"])
def test_other_file_systems_do_as_well(scene: Scene, fs: str) -> None:
    disk = scene.disk(fs)
    scene.script(COPY)
    scene.configure({"bleu": disk})
    scene.start()
    device = scene.plug(disk)
    assert scene.verdict(disk) == "success"
    scene.ears.wait("SafeToUnplug")
    assert scene.free(device)


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


def test_two_partitions_of_one_disk_are_safe_once_after_the_last(scene: Scene) -> None:
    whole = scene.disk("", 40, name="whole")
    whole.partitions("label: gpt\nsize=16MiB\nsize=16MiB\n")
    gate = scene.gate()
    scene.script(gate.shell + COPY)
    whole.attach()
    try:
        parts = whole.read_partitions()
        uuids = [str(uuid4()) for _ in parts]
        scene.configure(dict(zip(("un", "deux"), uuids, strict=True)))
        scene.start()
        for part, uuid in zip(parts, uuids, strict=True):
            run(["mkfs.ext4", "-q", "-U", uuid, part])
            run(["udevadm", "trigger", "--action=change", f"/sys/class/block/{Path(part).name}"])
        settle()
        gate.reached()
        gate.open()
        gate.reached(2)
        first = scene.ears.wait("BackupFinished")[1]
        scene.becomes(first, "held other-partition")
        assert scene.ears.all("SafeToUnplug") == []
        gate.open()
        scene.ears.wait("BackupFinished", count=2)
        scene.ears.wait("SafeToUnplug", count=2)
        assert {verdict for _, _, verdict, _ in scene.ears.all("BackupFinished")} == {"success"}
        assert scene.ears.names(*uuids)[-3:] == ["BackupFinished", "SafeToUnplug", "SafeToUnplug"]
        assert scene.free(whole.device)
    finally:
        whole.forget_partitions()
        settle()
    for uuid in uuids:
        scene.becomes(uuid, "absent")


def test_disk_is_not_safe_while_somebody_uses_its_other_partition(scene: Scene) -> None:
    whole = scene.disk("", 40, name="whole")
    whole.partitions("label: gpt\nsize=16MiB\nsize=16MiB\n")
    scene.script(COPY)
    place = scene.workspace / "other-use"
    place.mkdir()
    whole.attach()
    try:
        ours, other = whole.read_partitions()
        uuid = str(uuid4())
        run(["mkfs.ext4", "-q", other])
        run(["mount", other, place])
        scene.configure({"un": uuid})
        scene.start()
        run(["mkfs.ext4", "-q", "-U", uuid, ours])
        run(["udevadm", "trigger", "--action=change", f"/sys/class/block/{Path(ours).name}"])
        assert scene.ears.wait("BackupFinished", uuid)[2] == "success"
        scene.becomes(uuid, "held mounted-elsewhere")
        run(["umount", place])
        scene.call("Unplug", "s", whole.device)
        scene.becomes(uuid, "safe-to-unplug")
    finally:
        run(["umount", place], check=False)
        wait_until(lambda: scene.free(whole.device), "the disk to be free")
        whole.forget_partitions()


def test_two_devices_with_one_uuid_are_both_rejected(scene: Scene) -> None:
    one = scene.disk(name="one")
    two = scene.disk(name="two", uuid=one.uuid)
    gate = scene.gate()
    scene.script(gate.shell + COPY)
    scene.configure({"bleu": one})
    one.attach()
    two.attach()
    settle()
    scene.start()
    scene.becomes(one, "rejected duplicate-uuid")
    assert scene.ears.all("DiskRejected", one.uuid)[0][2] == "duplicate-uuid"
    assert gate.passages() == 0
    two.detach()
    gate.reached()  # alone again, it is served
    two.attach()
    settle()
    scene.ears.wait("DiskRejected", one.uuid, count=3)  # the newcomer alone
    gate.open()
    assert scene.verdict(one, 2) == "success"
    assert scene.ears.wait("SafeToUnplug", one.uuid) == (one.uuid, one.device)


def test_disks_that_cannot_be_used_are_rejected_with_the_reason(scene: Scene) -> None:
    fat = scene.disk("vfat", 4, name="fat")
    locked = scene.disk(name="locked")
    luks = scene.disk("", 20, name="luks")
    luks.uuid = str(uuid4())
    with luks.image.open("rb+") as image:  # LUKS1: magic, version, and the UUID at byte 168
        image.write(b"LUKS\xba\xbe\x00\x01")
        image.seek(168)
        image.write(luks.uuid.encode())
    scene.script(COPY)
    scene.configure({"fat": fat, "luks": luks, "locked": locked})
    scene.start()
    scene.plug(fat)
    scene.plug(luks)
    scene.plug(locked, "--read-only")
    for disk, reason in ((fat, "unsupported-filesystem"), (luks, "encrypted"),
                         (locked, "read-only")):  # fmt: skip
        scene.becomes(disk, f"rejected {reason}")
        assert scene.ears.wait("DiskRejected", disk.uuid) == (disk.uuid, disk.device, reason)
        with pytest.raises(CallFailed):
            scene.call("RunBackup", "s", disk.uuid)
    with pytest.raises(CallFailed, match="ext4"):
        scene.call("Plug", "s", fat.device)
    assert scene.history() == []


def test_damaged_disk_is_not_written_to(scene: Scene) -> None:
    disk = scene.disk()
    run(["debugfs", "-w", "-R", "set_super_value state 2", disk.image])
    before = disk.image.read_bytes()
    scene.script(COPY)
    scene.configure({"bleu": disk})
    scene.start()
    scene.plug(disk)
    scene.becomes(disk, "rejected damaged", seconds=20)  # it has 10 s to turn out to be gone
    assert scene.verdict(disk) == "failed"
    assert "fsck" in scene.history()[0]["Message"]
    disk.detach()
    assert disk.image.read_bytes() == before


def test_disk_mounted_elsewhere_is_left_alone(scene: Scene) -> None:
    disk = scene.disk()
    scene.script(COPY)
    scene.configure({"bleu": disk})
    elsewhere = scene.workspace / "elsewhere"
    elsewhere.mkdir()
    scene.plug(disk)
    run(["mount", disk.device, elsewhere])
    try:
        scene.start()
        scene.becomes(disk, "rejected mounted-elsewhere")
        assert scene.verdict(disk) == "failed"
        assert scene.ears.all("SafeToUnplug", disk.uuid) == []
    finally:
        run(["umount", elsewhere])
    scene.call("Plug", "s", disk.device)
    assert scene.verdict(disk, 2) == "success"


def test_device_taking_script_of_the_original_mounts_it_itself(scene: Scene) -> None:
    disk = scene.disk()
    place = scene.workspace / "its-place"
    place.mkdir()
    scene.script(
        f'set -e\nmount "$1" "{place}"\necho "mount=${{TETRAS_BACK_MOUNT-unset}}"'
        f' >"{place}/told"\nhead -c 200000 /dev/urandom >"{place}/data"\numount "{place}"\n',
        "original.sh",
    )
    scene.configure({"bleu": disk}, ["original.sh"], '[scripts."original.sh"]\ntakes = "device"\n')
    scene.start()
    device = scene.plug(disk)
    assert scene.verdict(disk) == "success"
    scene.ears.wait("SafeToUnplug")
    assert scene.free(device)
    disk.detach()
    assert (scene.inside(disk) / "told").read_text() == "mount=unset\n"


def test_script_of_an_administrator_gets_its_arguments_and_the_next_runs(scene: Scene) -> None:
    disk = scene.disk()
    scene.script('printf "%s|" "$@" >"${@: -1}/arguments"\necho "$PWD" >pwd', "one.sh")
    scene.script('printf "%s" "$#" >"$1/second"\nenv | sort >"$1/environment"', "two.sh")
    scene.configure(
        {"bleu": disk}, ["one.sh", "two.sh"], '[scripts."one.sh"]\nargs = ["--data", "a b; $x"]\n'
    )
    scene.start()
    scene.plug(disk)
    assert scene.verdict(disk) == "success"
    scene.ears.wait("SafeToUnplug")
    disk.detach()
    inside = scene.inside(disk)
    mount = (inside / "pwd").read_text().strip()
    assert (inside / "arguments").read_text() == f"--data|a b; $x|{mount}|"
    assert (inside / "second").read_text() == "1"
    kept = {line.partition("=")[0] for line in (inside / "environment").read_text().splitlines()}
    own = ("MOUNT", "UUID", "NAME", "DEVICE", "SOURCE", "HOSTNAME", "ID", "PROGRESS_FD")
    assert {f"TETRAS_BACK_{name}" for name in own} <= kept
    assert not {"DBUS_SYSTEM_BUS_ADDRESS", "PYTHONPATH"} & kept


def test_disk_may_have_scripts_of_its_own_but_not_none(scene: Scene) -> None:
    one, two = scene.disk(name="one"), scene.disk(name="two")
    scene.script(COPY)
    scene.script("exit 1", "other.sh")
    text = scene.configure({"un": one, "deux": two}, ["other.sh"])
    text = text.replace('name = "un"', 'name = "un"\nscripts = ["copy.sh"]')
    scene.configuration.write_text(text.replace('name = "deux"', 'name = "deux"\nscripts = []'))
    scene.start()
    scene.plug(one)
    assert scene.verdict(one) == "success"
    scene.plug(two)
    assert scene.verdict(two) == "failed"
    row = scene.history(two)[0]
    assert row["Code"] == "no-scripts"
    assert "tetras-backctl" in row["Message"]
    assert [(name, on) for name, on, _ in scene.root("Scripts")] == [
        ("copy.sh", False),
        ("other.sh", True),
    ]


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
    assert len(asked) == 3

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


def test_script_of_somebody_else_is_not_run(scene: Scene) -> None:
    disk = scene.disk()
    scene.script(COPY)
    (scene.scripts / "copy.sh").chmod(0o777)
    scene.configure({"bleu": disk})
    scene.start()
    scene.plug(disk)
    assert scene.verdict(disk) == "failed"
    row = scene.history()[0]
    assert row["Code"] == "script-refused"
    assert "chmod" in row["Message"]


def test_progress_is_shown_at_most_four_times_a_second(scene: Scene) -> None:
    disk = scene.disk()
    gate = scene.gate()
    scene.script(
        "for i in $(seq 0 99); do\n"
        '  printf "progress 0.%02d files\\nbytes %d 5000\\nfiles %d\\n" $i $((i * 50)) $i >&3\n'
        "  read -rt 0.01 _ < <(:) || true\n  sleep 0.01\ndone\n"
        'printf "snapshot 2026_one\\nwarning one thing\\n" >&"$TETRAS_BACK_PROGRESS_FD"\n'
        + gate.shell
        + COPY
    )
    scene.configure({"bleu": disk})
    scene.start()
    scene.plug(disk)
    gate.reached()
    backup = "/org/tetraslibre/Back/backups/1"
    wait_until(lambda: scene.objects()[backup]["Warnings"] == 1, "the last progress")
    shown = scene.objects()[backup]
    assert (shown["Fraction"], shown["Step"]) == (0.99, "files")
    assert (shown["BytesDone"], shown["BytesTotal"], shown["FilesDone"]) == (4950, 5000, 99)
    gate.open()
    assert scene.verdict(disk) == "warning"
    for kind in ("BackupProgress", "PropertiesChanged"):
        times = [
            message["timestamp-realtime"]
            for message in scene.ears.messages()
            if message["member"] == kind
            and (kind == "BackupProgress" or message["path"] == backup)
            and (kind == "BackupProgress" or "FilesDone" in message["payload"]["data"][1])
        ]
        assert len(times) >= 2
        for start, end in itertools.pairwise(times):
            assert end - start > 200_000, kind  # µs; a little less than 250,000 for the bus
    row = scene.history()[0]
    assert (row["Bytes"], row["Files"], row["Warnings"], row["Snapshot"]) == (
        *(4950, 99, 1, "2026_one"),
    )
    assert "one thing" not in str(scene.ears.messages())  # file names stand in the log only
    assert "one thing" in scene.log(1)


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


def test_held_disk_becomes_safe_when_it_is_let_go(scene: Scene) -> None:
    disk = scene.disk()
    gate, holding = scene.gate(), scene.gate("holding")
    scene.script(gate.shell + COPY)
    scene.configure({"bleu": disk})
    scene.start()
    device = scene.plug(disk)
    gate.reached()
    there = scene.workspace / "there"
    there.mkdir()
    holder = scene.background(
        ["unshare", "--mount", "bash", "-c",
         f'mount "{device}" "{there}"; cd "{there}"; {holding.shell}']
    )  # fmt: skip
    holding.reached()
    gate.open()
    assert scene.verdict(disk) == "success"  # it all reached the disk
    scene.becomes(disk, "held in-use", seconds=15)
    assert scene.ears.all("SafeToUnplug") == []
    with pytest.raises(CallFailed, match="do not unplug"):
        scene.call("Unplug", "s", device)
    holding.open()
    wait_until(lambda: not holder.running, "the holder to end")
    scene.call("Unplug", "s", device)
    scene.becomes(disk, "safe-to-unplug")
    assert len(scene.ears.all("SafeToUnplug")) == 1


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
