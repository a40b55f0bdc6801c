"""Whole disks that are given a file system and saved: on real loop disks, by the real daemon."""

import hashlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness import (
    LoopDisk,
    Polkitd,
    User,
    Workspace,
    run,
    run_as,
    settle,
    wait_until,
)
from tests.system.scene import COPY, CallFailed, Scene
from tests.system.shelves import FrozenShelf, FullShelf
from tetrasback import names

Plugged = Callable[..., LoopDisk]


@pytest.fixture
def plugged(scene: Scene) -> Iterator[Plugged]:
    """`plugged("exfat", 64)`: a disk that udev has seen; partitions it gets are taken away."""
    made: list[LoopDisk] = []

    def make(fs: str = "", size_mb: int = 64, **options: Any) -> LoopDisk:
        disk = scene.disk(fs, size_mb, **options)
        made.append(disk)
        scene.plug(disk)
        return disk

    yield make
    for disk in made:
        pull(disk)


@pytest.fixture
def shelf(workspace: Path) -> Iterator[FrozenShelf]:
    made = FrozenShelf(workspace)
    yield made
    made.close()


@pytest.fixture
def hanging(scene: Scene, shelf: FrozenShelf) -> Iterator[LoopDisk]:
    """A blank disk whose shelf is frozen: preparing it goes no further than erasing."""
    disk = LoopDisk(shelf.path, "", 64)
    scene.plug(disk)
    yield disk
    shelf.thaw()
    wait_until(lambda: scene.free(disk.device), "the disk to be let go of", 30)
    pull(disk)


def pull(disk: LoopDisk) -> None:
    """Pull out a disk that may have a partition by now."""
    if disk.device:
        settle()
        run(["partx", "--delete", disk.device], check=False)
        settle()
        disk.detach()


def prepare(
    scene: Scene, device: str, name: str = "bleu", fs: str = "ext4", *, erase: bool = False
) -> str:
    """Prepare a disk as root; the UUID it has then."""
    (path,) = scene.call("PrepareDisk", "sssb", device, name, fs, str(erase).lower())
    return str(scene.objects()[path]["UUID"])


def refusal(scene: Scene, device: str, *, erase: bool = True, **options: Any) -> str:
    """What a refused caller is told; nothing is saved."""
    before = scene.configuration.read_text()
    with pytest.raises(CallFailed) as caught:
        prepare(scene, device, erase=erase, **options)
    assert scene.configuration.read_text() == before
    text = str(caught.value)
    assert "Traceback" not in text
    assert "\n" not in text
    return text


def whole(scene: Scene, device: str) -> dict[str, Any]:
    """What is shown of a disk that could be prepared; empty where it is not shown."""
    found = [item for item in scene.root("Preparable") if item["Device"] == device]
    return found[0] if found else {}


def content(disk: LoopDisk) -> str:
    return hashlib.sha256(disk.image.read_bytes()).hexdigest()


def begin(scene: Scene, device: str) -> "subprocess.Popen[str]":
    """A caller that waits for its preparation, which has come to its first step."""
    caller = subprocess.Popen(
        [
            *("busctl", f"--address={scene.bus.address}", "--timeout=60", "call"),
            *(names.BUS_NAME, names.ROOT_PATH, names.MANAGER_INTERFACE),
            *("PrepareDisk", "sssb", device, "bleu", "ext4", "false"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: whole(scene, device).get("Step") == "erase", "the disk to be prepared")
    return caller


@pytest.mark.parametrize("fs", ["ext4", "xfs", "btrfs"])
def test_a_blank_disk_becomes_one_of_ours_and_takes_backups(
    scene: Scene, plugged: Plugged, fs: str
) -> None:
    scene.script(COPY)
    scene.configure({})
    scene.start()
    disk = plugged("", 400)
    assert whole(scene, disk.device)["Contents"] == []
    uuid = prepare(scene, disk.device, fs=fs)
    shown = scene.shown(uuid)
    assert (shown["Name"], shown["State"]) == ("bleu", "plugged")
    assert (shown["FilesystemType"], shown["Label"]) == (fs, "bleu")
    assert scene.ears.names(uuid) == ["DiskPlugged", "DiskSaved"]
    assert whole(scene, disk.device) == {}
    settle()
    told = run(["udevadm", "info", "--query=property", f"{disk.device}p1"]).stdout
    assert f"ID_FS_UUID={uuid}" in told
    assert "UDISKS_AUTO=0" in told
    assert scene.history() == []  # it starts none by itself
    scene.call("RunBackup", "s", uuid)
    assert scene.ears.wait("BackupFinished", uuid)[2] == "success"
    scene.becomes(uuid, "safe-to-unplug")
    assert scene.ears.names(uuid)[:2] == ["DiskPlugged", "DiskSaved"]  # udev told nothing new


def test_the_next_plug_starts_a_backup(scene: Scene, plugged: Plugged) -> None:
    scene.script(COPY)
    scene.configure({})
    scene.start()
    disk = plugged()
    uuid = prepare(scene, disk.device)
    pull(disk)
    scene.becomes(uuid, "absent")
    scene.plug(disk)
    disk.read_partitions()
    assert scene.ears.wait("BackupFinished", uuid)[2] == "success"


@pytest.mark.parametrize("fs", ["ext4", "vfat", "exfat", "ntfs"])
def test_what_shops_sell_is_told_and_erased_only_on_request(
    scene: Scene, plugged: Plugged, fs: str
) -> None:
    scene.configure({})
    scene.start()
    disk = plugged(fs, label="ELEMENTS")
    before = content(disk)
    (shown,) = whole(scene, disk.device)["Contents"]
    assert (shown["FilesystemType"], shown["UUID"]) == (fs, disk.uuid)
    assert whole(scene, disk.device)["Usable"] is (fs == "ext4")
    said = refusal(scene, disk.device, erase=False)
    assert fs in said
    assert "ELEMENTS" in said
    assert "--erase" in said
    assert content(disk) == before
    uuid = prepare(scene, disk.device, erase=True)
    assert scene.shown(uuid)["State"] == "plugged"
    settle()
    assert scene.shown(disk.uuid) == {}


def test_a_luks_header_and_partitions_are_data_too(scene: Scene, plugged: Plugged) -> None:
    scene.configure({})
    scene.start()
    luks = plugged("", name="luks")
    with luks.image.open("rb+") as image:  # struct luks_phdr of cryptsetup's on-disk format
        image.write(b"LUKS\xba\xbe\x00\x01" + b"aes\0".ljust(32, b"\0") * 3)
        image.seek(168)
        image.write(b"0b5a9f3e-7c1d-4e8f-9a2b-3c4d5e6f7a8b")
    assert "crypto_LUKS" in refusal(scene, luks.device, erase=False)
    odd = plugged("", name="odd")
    with odd.image.open("rb+") as image:
        image.write(b"x")
    assert "data of no known kind" in refusal(scene, odd.device, erase=False)
    parts = scene.disk("", 64, name="parts")
    parts.partitions("label: gpt\nsize=16MiB\nsize=16MiB\n")
    scene.plug(parts)
    parts.read_partitions()
    settle()
    assert "gpt" in refusal(scene, parts.device, erase=False)
    assert len(whole(scene, parts.device)["Contents"]) == 2
    assert f"{parts.device}p1 is a partition" in refusal(scene, f"{parts.device}p1")
    uuid = prepare(scene, parts.device, erase=True)
    assert scene.shown(uuid)["Device"] == f"{parts.device}p1"
    pull(parts)


def test_disks_in_use_are_refused_in_any_case(
    scene: Scene, plugged: Plugged, workspace: Path
) -> None:
    scene.configure({})
    scene.start()
    disk = plugged()
    small = plugged("", 16, name="small")
    assert "too small" in refusal(scene, small.device)
    assert "too small" in refusal(scene, disk.device, fs="xfs")
    os.chown(small.image, 1234, 1234)
    assert "somebody else than root" in refusal(scene, small.device)
    place = workspace / "place"
    place.mkdir()
    mounted = plugged("ext4", name="mounted")
    run(["mount", mounted.device, place])
    try:
        where = [str(place)]
        wait_until(
            lambda: whole(scene, mounted.device)["Contents"][0]["MountPoints"] == where,
            "the mount to be told",
        )
        assert f"mounted at {place}" in refusal(scene, mounted.device)
    finally:
        run(["umount", place])
    swap = plugged("swap", name="swap")
    run(["swapon", swap.device])
    try:
        assert "this system runs from" in refusal(scene, swap.device)
    finally:
        run(["swapoff", swap.device])
    descriptor = os.open(disk.device, os.O_RDONLY | os.O_EXCL)
    try:
        assert "another program holds it" in refusal(scene, disk.device)
    finally:
        os.close(descriptor)
    assert scene.ears.all("DiskSaved") == []
    prepare(scene, disk.device)


def test_a_write_protected_disk_is_refused(scene: Scene) -> None:
    scene.configure({})
    scene.start()
    disk = scene.disk("")
    scene.plug(disk, "--read-only")
    assert "write-protected" in refusal(scene, disk.device)


def test_a_saved_disk_and_one_that_is_written_to_are_refused(
    scene: Scene, plugged: Plugged
) -> None:
    gate = scene.gate()
    scene.script(gate.shell + COPY)
    disk = scene.disk("ext4", 64, name="saved")
    other = plugged("", name="other")
    scene.configure({"rouge": disk})
    scene.start()
    scene.plug(disk)
    gate.reached()
    assert "in use by a backup" in refusal(scene, disk.device)
    prepare(scene, other.device)  # another one may be prepared meanwhile
    gate.open()
    assert scene.verdict(disk) == "success"
    scene.becomes(disk, "safe-to-unplug")
    assert "tetras-backctl forget rouge" in refusal(scene, disk.device, name="vert")
    scene.call("ForgetDisk", "s", disk.uuid)
    assert "“backup”" in refusal(scene, disk.device, name="vert", erase=False)


def test_a_broken_configuration_is_told_before_anything_is_erased(
    scene: Scene, plugged: Plugged
) -> None:
    scene.configure({})
    scene.start()
    disk = plugged("vfat")
    before = content(disk)
    scene.configuration.write_text("[backup\n")
    wait_until(lambda: scene.root("ConfigurationError"), "the file to be read")
    assert "nothing was erased" in refusal(scene, disk.device)
    assert content(disk) == before


def test_form_first_then_polkit_and_a_stranger_learns_nothing(
    scene: Scene, plugged: Plugged, user: User
) -> None:
    disk = plugged("ext4", name="saved")
    scene.configure({"rouge": disk})
    with Polkitd(scene.bus):
        scene.start()

        def told(device: str, name: str = "vert", fs: str = "ext4") -> str:
            return run_as(
                user,
                [
                    *("gdbus", "call", "--system", "--dest", names.BUS_NAME),
                    *("--object-path", names.ROOT_PATH, "--method"),
                    *("org.tetraslibre.Back.PrepareDisk", device, name, fs, "true"),
                ],
                env=scene.daemon.client_environment,
            ).stderr

        there, nowhere = told(disk.device), told("/dev/loop4095")
        assert "InteractiveAuthorizationRequired" in there
        assert there == nowhere
        for words in (("/etc/passwd",), ("/dev/../x",)):
            assert "InvalidArgs" in told(*words)
        assert "InvalidArgs" in told(disk.device, "rouge")
        assert "InvalidArgs" in told(disk.device, " ")
        assert "InvalidArgs" in told(disk.device, fs="exfat")
        assert "InvalidArgs" in told(disk.device, fs="")


def test_it_goes_on_without_its_caller(scene: Scene, shelf: FrozenShelf, hanging: LoopDisk) -> None:
    scene.configure({})
    scene.start()
    shelf.freeze()
    caller = begin(scene, hanging.device)
    caller.kill()
    caller.communicate()
    assert "is being prepared" in refusal(scene, hanging.device, name="vert")
    for method in ("Plug", "Unplug"):
        with pytest.raises(CallFailed, match="is being prepared"):
            scene.call(method, "s", hanging.device)
    with pytest.raises(CallFailed, match="choose another"):
        scene.call("SaveDisk", "ss", "0b5a9f3e-0000-4000-8000-000000000001", "bleu")
    shelf.thaw()
    (uuid, name) = scene.ears.wait("DiskSaved")
    assert name == "bleu"
    scene.becomes(uuid, "plugged")


def test_a_daemon_killed_in_the_middle_leaves_a_disk_that_is_nobody_s(
    scene: Scene, shelf: FrozenShelf, hanging: LoopDisk
) -> None:
    text = scene.configure({})
    scene.start()
    shelf.freeze()
    caller = begin(scene, hanging.device)
    scene.daemon.process.send(signal.SIGKILL)
    shelf.thaw()
    scene.daemon.kill()
    assert "bleu" not in caller.communicate(timeout=20)[0]
    assert scene.configuration.read_text() == text
    wait_until(lambda: scene.free(hanging.device), "the disk to be free")
    scene.ears.listen()
    scene.start()
    assert not any(item.get("Saved") for item in scene.objects().values())
    assert whole(scene, hanging.device)["Step"] == ""
    uuid = prepare(scene, hanging.device, erase=True)
    assert scene.shown(uuid)["State"] == "plugged"


def test_a_daemon_stopped_in_the_middle_saves_nothing(
    scene: Scene, shelf: FrozenShelf, hanging: LoopDisk
) -> None:
    text = scene.configure({})
    scene.start()
    shelf.freeze()
    caller = begin(scene, hanging.device)
    scene.daemon.process.send(signal.SIGTERM)
    shelf.thaw()
    assert scene.daemon.process.popen.wait(60) == 0
    _, error = caller.communicate(timeout=20)
    assert caller.returncode != 0
    assert "nothing is saved" in error
    assert scene.configuration.read_text() == text


def test_a_disk_that_loses_what_is_written_is_not_saved(scene: Scene, workspace: Path) -> None:
    scene.configure({})
    scene.start()
    shelf = FullShelf(workspace)
    disk = LoopDisk(shelf.path, "", 64)
    try:
        scene.plug(disk)
        shelf.fill()
        said = refusal(scene, disk.device)
        assert "nothing is saved" in said
        assert scene.ears.all("DiskSaved") == []
        assert whole(scene, disk.device)["Step"] == ""
        wait_until(lambda: scene.free(disk.device), "the disk to be free")
        wait_until(lambda: not scene.objects(), "what was written to be gone")
    finally:
        pull(disk)
        shelf.close()


def test_the_command_line_on_a_disk_that_is_on_no_bus_of_ours(scene: Scene) -> None:
    """The service tells of it once an authorised caller has named it."""
    scene.configure({})
    scene.start()
    with Workspace() as elsewhere:
        disk = scene.disk("exfat", 64, directory=elsewhere)
        device = scene.plug(disk)
        assert whole(scene, device) == {}
        done = scene.ctl("prepare", device, "--name", "bleu")
        assert done.returncode == 1
        assert "exfat" in done.stderr
        assert whole(scene, device)["Contents"][0]["FilesystemType"] == "exfat"
        done = scene.ctl("prepare", device, "--name", "bleu", "--erase=67.1 MB")
        assert done.returncode == 0, done.stderr
        assert "making the file system" in done.stdout
        listed = json.loads(scene.ctl("disks", "--json").stdout)
        assert [item["name"] for item in listed["disks"] if item["saved"]] == ["bleu"]
        assert [item for item in listed["preparable"] if item["device"] == device] == []
        pull(disk)


def test_a_link_to_another_appearance_of_the_disk_is_no_device(
    scene: Scene, plugged: Plugged
) -> None:
    scene.configure({})
    scene.start()
    disk = plugged()
    sequence = whole(scene, disk.device)["DiskSequence"]
    link = Path(f"/dev/disk/by-diskseq/{sequence}")
    assert os.path.realpath(link) == disk.device
    pull(disk)
    disk.attach()
    settle()
    assert "no device" in refusal(scene, str(link))
    prepare(scene, f"/dev/disk/by-diskseq/{whole(scene, disk.device)['DiskSequence']}")
