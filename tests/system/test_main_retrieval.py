"""The way back through the daemon: its shipped script, its own program, a real disk."""

import os
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dbus_next import Variant

from tests.bus.contract import Caller, PlainBus, caller
from tests.harness import Daemon, LoopDisk, PrivateBus, User, run
from tetrasback import names

MakeDisk = Callable[..., LoopDisk]
NOTHING: dict[str, Variant] = {}
IN_PLACE = {"in-place": Variant("b", True)}
PARTS = ("complete", "manifests")


@pytest.fixture
def source(workspace: Path) -> Path:
    """A small server."""
    made = workspace / "server"
    for path, text in (
        ("home/anna/letter", "dear\n"),
        ("home/anna/x/y", "y\n"),
        ("etc/fstab", "#\n"),
    ):
        (made / path).parent.mkdir(parents=True, exist_ok=True)
        (made / path).write_text(text)
    (made / "home/anna/letter").chmod(0o640)
    os.chown(made / "home/anna/letter", 1234, 1234)
    return made


@pytest.fixture
def plain_bus(workspace: Path) -> Iterator[PrivateBus]:
    with PlainBus(workspace) as running:
        yield running


@pytest.fixture
def daemon(plain_bus: PrivateBus, workspace: Path, source: Path) -> Iterator[Daemon]:
    text = f'[backup]\nscripts = ["backup_nocloud.sh"]\nsource = "{source}"\nverify_minutes = 0\n'
    arguments = '[scripts."backup_nocloud.sh"]\nargs = ["--data", "--config"]\n'
    with Daemon(plain_bus, workspace, text + arguments) as running:
        yield running


@pytest.fixture
async def root(daemon: Daemon) -> AsyncIterator[Caller]:
    async with caller(daemon.bus) as connected:
        yield connected


@pytest.fixture
async def disk(root: Caller, loop_disk: MakeDisk) -> LoopDisk:
    """A disk with one backup of the server."""
    made = loop_disk("ext4", 64)
    await root.call("Plug", "s", made.attach())
    await root.call("SaveDisk", "ss", made.uuid, "bleu")
    await back_up(root, made)
    return made


async def back_up(root: Caller, disk: LoopDisk) -> None:
    root.forget()
    await root.call("RunBackup", "s", disk.uuid)
    assert (await root.hear("BackupFinished"))[2] == "success"
    await root.hear("SafeToUnplug")
    root.forget()


async def restore(
    root: Caller, disk: LoopDisk, paths: list[str], to: str, options: dict[str, Variant]
) -> dict[str, Any]:
    """The job of a restore from the newest backup, once it has ended."""
    return await job(root, "Restore", "ssassa{sv}", disk.uuid, "", paths, to, options)


async def job(root: Caller, method: str, signature: str, *arguments: Any) -> dict[str, Any]:
    root.forget()
    path = await root.call(method, signature, *arguments)
    await root.hear("JobFinished")
    found: dict[str, Any] = (await root.objects())[path][names.JOB_INTERFACE]
    return found


async def test_what_is_on_the_disk_is_told_also_when_it_is_gone(
    root: Caller, disk: LoopDisk
) -> None:
    (seen,) = await root.call("ListSnapshots", "s", disk.uuid)
    assert seen["Ours"]
    assert seen["Manifest"]
    assert not seen["Pinned"]
    assert seen["Proof"] == "sealed"
    assert seen["Files"] > 2
    await root.call("PinSnapshot", "ssb", disk.uuid, seen["Snapshot"], True)
    disk.detach()
    (again,) = await root.call("ListSnapshots", "s", disk.uuid)
    assert again == {**seen, "Pinned": True}


async def test_files_come_back_elsewhere_as_they_were(
    root: Caller, disk: LoopDisk, workspace: Path
) -> None:
    to = workspace / "back"
    done = await restore(root, disk, ["/home/anna", "/etc/fstab"], str(to), NOTHING)
    assert done["Verdict"] == "success", await root.call("GetJobLog", "t", done["Id"])
    assert (to / "home/anna/letter").read_text() == "dear\n"
    status = (to / "home/anna/letter").stat()
    assert (status.st_mode & 0o777, status.st_uid) == (0o640, 1234)
    assert (to / "etc/fstab").read_text() == "#\n"
    again = await restore(root, disk, ["/home/anna"], str(to), NOTHING)
    assert again["Verdict"] == "failed"


async def test_write_protected_disk_is_read_all_the_same(
    root: Caller, disk: LoopDisk, workspace: Path
) -> None:
    disk.detach()
    device = disk.attach("--read-only")
    assert await root.error("Plug", "s", device) == "Rejected"
    (seen,) = await root.call("ListSnapshots", "s", disk.uuid)
    assert await root.error("PinSnapshot", "ssb", disk.uuid, seen["Snapshot"], True) == "Rejected"
    done = await restore(root, disk, ["/etc/fstab"], str(workspace / "back"), NOTHING)
    assert done["Verdict"] == "success", await root.call("GetJobLog", "t", done["Id"])
    assert (await root.disk(disk.uuid))["State"] == "rejected"


async def test_deleted_and_changed_files_come_back_in_place(
    root: Caller, disk: LoopDisk, source: Path
) -> None:
    (source / "home/anna/letter").write_text("overwritten\n")
    (source / "home/anna/x/y").unlink()
    (source / "home/anna/new").write_text("new\n")
    done = await restore(root, disk, ["/home/anna"], "", IN_PLACE)
    assert done["Verdict"] == "success", await root.call("GetJobLog", "t", done["Id"])
    assert (source / "home/anna/letter").read_text() == "dear\n"
    assert (source / "home/anna/x/y").read_text() == "y\n"
    assert (source / "home/anna/new").read_text() == "new\n"


async def test_what_the_unit_protects_is_restored_to_and_protected_again(
    root: Caller, daemon: Daemon, disk: LoopDisk, workspace: Path
) -> None:
    etc = workspace / "etc"
    run(["cp", "-a", "/etc", etc])
    (etc / "fstab").write_text("overwritten\n")
    # As ProtectSystem=full does it, in the daemon's mount namespace alone.
    inside = ["nsenter", "--mount", "--target", str(daemon.process.pid)]
    run([*inside, "mount", "--bind", etc, "/etc"])
    run([*inside, "mount", "-o", "remount,bind,ro,nosuid", "/etc"])
    daemon.config.write_text(daemon.config.read_text().replace(f"{workspace}/server", "/"))
    await root.call("Reload")
    for to, options, restored in (
        ("", IN_PLACE, etc / "fstab"),
        ("/etc/back/here", NOTHING, etc / "back/here/etc/fstab"),
    ):
        done = await restore(root, disk, ["/etc/fstab"], to, options)
        assert done["Verdict"] == "success", await root.call("GetJobLog", "t", done["Id"])
        assert restored.read_text() == "#\n"
        assert "Read-only" in run([*inside, "touch", "/etc/new"], check=False).stderr
    kept = run([*inside, "findmnt", "-no", "VFS-OPTIONS", "/etc"]).stdout
    assert {"ro", "nosuid"} <= set(kept.strip().split(","))


@pytest.mark.parametrize("what", ["Donnees/anna/letter", "serveur.tar.gz"])
async def test_damage_is_found_and_named(
    root: Caller, disk: LoopDisk, workspace: Path, what: str
) -> None:
    whole = await job(root, "Verify", "ssu", disk.uuid, "", 100)
    assert whole["Verdict"] == "success", await root.call("GetJobLog", "t", whole["Id"])
    place = workspace / "look"
    place.mkdir()
    run(["mount", disk.device, place])
    (file,) = place.glob(f"*_Sauvegarde_*/{what}")
    status, data = file.stat(), bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    run(["umount", place])
    done = await job(root, "Verify", "ssu", disk.uuid, "", 100)
    assert (done["Verdict"], done["Code"]) == ("warning", "content-damaged")
    assert what.rpartition("/")[2] in await root.call("GetJobLog", "t", done["Id"])
    assert "letter" not in str(await root.objects())


async def test_backup_that_was_given_another_name_takes_the_place_of_nothing(
    root: Caller, disk: LoopDisk, workspace: Path, source: Path
) -> None:
    place = workspace / "look"
    place.mkdir()
    run(["mount", disk.device, place])
    (folder,) = place.glob("*_Sauvegarde_*")
    name = "2036" + folder.name[4:]
    for path in (folder, *(place / f".tetras-back/{part}/{folder.name}" for part in PARTS)):
        path.rename(path.with_name(name))
    run(["umount", place])
    (seen,) = await root.call("ListSnapshots", "s", disk.uuid)
    assert (seen["Snapshot"], seen["Ours"], seen["Proof"]) == (name, True, "broken")
    done = await job(root, "Verify", "ssu", disk.uuid, "", 100)
    assert (done["Verdict"], done["Code"]) == ("warning", "content-damaged")
    (source / "home/anna/letter").write_text("overwritten\n")
    done = await restore(root, disk, ["/home/anna"], "", IN_PLACE)
    assert (done["Verdict"], done["Code"]) == ("failed", "unproved")
    assert (source / "home/anna/letter").read_text() == "overwritten\n"
    unproved = {**IN_PLACE, "unproved": Variant("b", True)}
    done = await restore(root, disk, ["/home/anna"], "", unproved)
    assert (done["Verdict"], done["Code"]) == ("warning", "restore-warning")
    assert (source / "home/anna/letter").read_text() == "dear\n"


def shown(path: str) -> bool:
    return any(
        f" {path} " in line for line in Path("/proc/self/mountinfo").read_text().splitlines()
    )


async def browse(root: Caller, disk: LoopDisk) -> Path:
    return Path(await root.call("Browse", "ss", disk.uuid, ""))


async def test_backup_can_be_walked_by_root_alone_and_not_changed(
    root: Caller, disk: LoopDisk
) -> None:
    view = await browse(root, disk)
    with User() as somebody:
        outside = ["setpriv", f"--reuid={somebody.uid}", "--clear-groups", "--", "ls", view.parent]
        assert "Permission denied" in run(outside, check=False).stderr
    assert (view / "Donnees/anna/letter").read_text() == "dear\n"
    assert shown(str(view.parent))
    with pytest.raises(OSError, match="Read-only"):
        (view / "Donnees/anna/letter").write_text("x")
    seen = await root.disk(disk.uuid)
    assert (seen["State"], seen["Reason"]) == ("held", "job")
    assert 3500e6 < seen["BrowseUntil"] - seen["LastSeen"] < 3700e6
    assert await root.error("Verify", "ssu", disk.uuid, "", 100) == "Busy"
    assert await browse(root, disk) == view
    assert await root.error("Browse", "ss", disk.uuid, "2020") == "UnknownSnapshot"
    root.forget()
    await root.call("EndBrowse", "s", disk.uuid)
    assert not shown(str(view.parent))
    assert not view.parent.exists()
    await root.hear("SafeToUnplug")
    assert (await root.disk(disk.uuid))["BrowseUntil"] == 0
    assert await root.error("EndBrowse", "s", disk.uuid) == "NotRunning"
    assert not [signal for signal in root.signals() if signal[0].startswith("Job")]


@pytest.mark.parametrize("how", ["RunBackup", "Plug"])
async def test_backup_that_is_asked_for_ends_it(root: Caller, disk: LoopDisk, how: str) -> None:
    view = await browse(root, disk)
    await root.call(how, "s", disk.uuid if how == "RunBackup" else disk.device)
    assert (await root.hear("BackupFinished"))[2] == "success"
    assert not shown(str(view.parent))


async def test_unplug_ends_it_and_says_so_if_somebody_is_still_in_it(
    root: Caller, disk: LoopDisk
) -> None:
    view = await browse(root, disk)
    inside = os.open(view / "Donnees", os.O_RDONLY)
    try:
        assert await root.error("Unplug", "s", disk.device) == "Busy"
        assert not shown(str(view.parent))
    finally:
        os.close(inside)
    await root.call("Unplug", "s", disk.device)


@pytest.mark.parametrize("how", ["killed", "stopped"])
async def test_end_of_the_daemon_ends_it(
    root: Caller, daemon: Daemon, disk: LoopDisk, how: str
) -> None:
    view = await browse(root, disk)
    daemon.kill() if how == "killed" else daemon.stop()
    daemon.start()
    assert not shown(str(view.parent))
    assert not view.parent.exists()


async def test_on_btrfs_homes_are_subvolumes_and_every_way_back_is_the_same(
    root: Caller, loop_disk: MakeDisk, workspace: Path, source: Path
) -> None:
    disk = loop_disk("btrfs", 200)
    await root.call("Plug", "s", disk.attach())
    await root.call("SaveDisk", "ss", disk.uuid, "bleu")
    await back_up(root, disk)
    (source / "home/anna/letter").write_text("dear all\n")
    await back_up(root, disk)
    newest, oldest = await root.call("ListSnapshots", "s", disk.uuid)
    for seen, text in ((newest, "dear all\n"), (oldest, "dear\n")):
        folder = seen["Snapshot"]
        done = await job(root, "Verify", "ssu", disk.uuid, folder, 100)
        assert done["Verdict"] == "success", await root.call("GetJobLog", "t", done["Id"])
        to = workspace / folder
        order = disk.uuid, folder, ["/home", "/etc"], str(to), NOTHING
        done = await job(root, "Restore", "ssassa{sv}", *order)
        assert done["Verdict"] == "success", await root.call("GetJobLog", "t", done["Id"])
        assert (to / "home/anna/letter").read_text() == text
        assert (to / "etc/fstab").read_text() == "#\n"
        view = Path(await root.call("Browse", "ss", disk.uuid, folder))
        assert (view / "Donnees").stat().st_ino == 256
        assert (view / "Donnees/anna/letter").read_text() == text
        root.forget()
        await root.call("EndBrowse", "s", disk.uuid)
        await root.hear("SafeToUnplug")
    await root.call("PinSnapshot", "ssb", disk.uuid, oldest["Snapshot"], True)
    await root.call("Unplug", "s", disk.device)


async def test_what_is_not_on_the_disk_is_not_shown(root: Caller, disk: LoopDisk) -> None:
    assert await root.error("Browse", "ss", disk.uuid, "2020") == "UnknownSnapshot"
    assert await root.error("Browse", "ss", disk.uuid, "../x") == "InvalidArgs"
    assert await root.error("Browse", "ss", "0000-0000", "") == "UnknownDisk"
