"""Scripts of an administrator's own, and what is seen of them while they run."""

import itertools

from tests.harness import wait_until
from tests.system.scene import COPY, Scene


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
