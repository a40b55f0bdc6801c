"""ListSnapshots, PinSnapshot, Verify, Restore and their jobs, on the real daemon and real disks.

The program that does the work is a stand-in (`standin_snapshot`), so that it can be made to hang.
"""

import json
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from dbus_next import Variant

from tests.bus import standin_snapshot
from tests.bus.contract import Caller, LoneDaemon, PlainBus, caller, plain
from tests.harness import LoopDisk, PrivateBus, run, wait_until
from tetrasback import names

MakeDisk = Callable[..., LoopDisk]
OLD = "2024-01-02_03-04-05_Sauvegarde_serveur"
NEW = "2025-01-02_03-04-05_Sauvegarde_serveur"
BARE = "2023-01-02_03-04-05_Sauvegarde_bare"
NOTHING: dict[str, Variant] = {}


class Scene(LoneDaemon):
    """A daemon whose tetras-back-snapshot is the stand-in."""

    def start(self, **options: Any) -> Any:
        program = self.library / "tetrasback/snapshot/__main__.py"
        shutil.copy(standin_snapshot.__file__, program)
        self.place = program.parent
        self.behave()
        return super().start(**options)

    def behave(self, **how: Any) -> None:
        """How the next verification or restore goes."""
        (self.place / "behave").write_text(json.dumps(how))

    def asked(self) -> Sequence[Sequence[str]]:
        """What the program was asked for, but for lists."""
        lines = (self.place / "asked").read_text().splitlines()
        return [words for line in lines if (words := json.loads(line))[0] != "list"]


@pytest.fixture
def plain_bus(workspace: Path) -> Iterator[PrivateBus]:
    with PlainBus(workspace) as running:
        yield running


@pytest.fixture
def daemon(plain_bus: PrivateBus, workspace: Path) -> Iterator[Scene]:
    with Scene(plain_bus, workspace, '[backup]\nscripts = ["ok.sh"]\n') as running:
        yield running


@pytest.fixture
async def root(daemon: Scene) -> AsyncIterator[Caller]:
    async with caller(daemon.bus) as connected:
        yield connected


@pytest.fixture
async def disk(root: Caller, loop_disk: MakeDisk, workspace: Path) -> LoopDisk:
    """A saved disk with three backups, plugged in, which waits for nothing."""
    made = loop_disk("ext4", 16)
    device, place = made.attach(), workspace / "fill"
    place.mkdir()
    run(["mount", device, place])
    for name in (OLD, NEW, BARE):
        (place / name / "Donnees").mkdir(parents=True)
    run(["umount", place])
    await root.call("Plug", "s", device)
    await root.call("SaveDisk", "ss", made.uuid, "bleu")
    return made


async def snapshots(root: Caller, disk: LoopDisk) -> list[str]:
    return [item["Snapshot"] for item in await root.call("ListSnapshots", "s", disk.uuid)]


async def job(root: Caller, path: str) -> dict[str, Any]:
    return (await root.objects())[path][names.JOB_INTERFACE]


async def ended(root: Caller) -> tuple[str, str]:
    """Verdict and message of the job that ends."""
    _, _, _, verdict, message = await root.hear("JobFinished")
    return verdict, message


async def running(root: Caller) -> None:
    await root.hear("JobProgress")


def mounted(device: str) -> bool:
    found = run(["grep", "-l", f" {device} ", *Path("/proc").glob("[0-9]*/mounts")], check=False)
    return bool(found.stdout)


async def test_disk_is_looked_at_and_remembered(root: Caller, disk: LoopDisk) -> None:
    assert await snapshots(root, disk) == [NEW, OLD, BARE]
    assert not mounted(disk.device)
    assert (await root.disk(disk.uuid))["State"] == "plugged"
    assert [signal[0] for signal in root.signals()] == ["DiskPlugged", "DiskSaved"]
    disk.detach()
    await root.hear("DiskUnplugged")
    assert await snapshots(root, disk) == [NEW, OLD, BARE]


async def test_looking_at_a_safe_disk_leaves_it_safe_without_a_word(
    root: Caller, disk: LoopDisk
) -> None:
    await root.call("RunBackup", "s", disk.uuid)
    await root.hear("SafeToUnplug")
    root.forget()
    await snapshots(root, disk)

    def safe() -> bool:
        return "safe-to-unplug" in str([plain(message.body) for message in root.heard])

    await root.until(safe, "the disk to be safe again")
    assert not root.signals()
    assert (await root.disk(disk.uuid))["State"] == "safe-to-unplug"


async def test_backup_is_known_after_it_was_made_though_nobody_has_looked(
    root: Caller, daemon: Scene, disk: LoopDisk
) -> None:
    name = "2026-01-02_03-04-05_Sauvegarde_serveur"
    daemon.script("ok.sh", f'mkdir "$1/{name}"\necho "snapshot {name}" >&3\n')
    await root.call("RunBackup", "s", disk.uuid)
    await root.hear("SafeToUnplug")
    disk.detach()
    await root.hear("DiskUnplugged")
    assert await snapshots(root, disk) == [name, NEW, OLD, BARE]


async def test_what_was_never_looked_at_is_not_known(root: Caller, loop_disk: MakeDisk) -> None:
    other = loop_disk("ext4", 16)
    assert await root.error("ListSnapshots", "s", other.uuid) == "UnknownDisk"
    await root.call("SaveDisk", "ss", other.uuid, "vert")
    assert await root.error("ListSnapshots", "s", other.uuid) == "NotPlugged"
    assert await root.error("Verify", "ssu", other.uuid, "", 100) == "NotPlugged"


async def test_pins_are_shown(root: Caller, disk: LoopDisk) -> None:
    await root.call("PinSnapshot", "ssb", disk.uuid, OLD, True)
    found = await root.call("ListSnapshots", "s", disk.uuid)
    assert [item["Pinned"] for item in found] == [False, True, False]
    await root.call("PinSnapshot", "ssb", disk.uuid, OLD, False)
    disk.detach()
    await root.hear("DiskUnplugged")
    found = await root.call("ListSnapshots", "s", disk.uuid)
    assert not any(item["Pinned"] for item in found)


async def test_pin_of_what_is_not_there_is_refused(root: Caller, disk: LoopDisk) -> None:
    name = "2020-01-02_03-04-05_Sauvegarde_serveur"
    assert await root.error("PinSnapshot", "ssb", disk.uuid, name, True) == "UnknownSnapshot"
    for odd in ("", "..", "a/b", "-x", ".tetras-back", "a\nb"):
        assert await root.error("PinSnapshot", "ssb", disk.uuid, odd, True) == "InvalidArgs"


async def test_verification_of_the_newest(root: Caller, daemon: Scene, disk: LoopDisk) -> None:
    daemon.behave(say=["progress 0.5 reading", "bytes 7", "files 2"])
    path = await root.call("Verify", "ssu", disk.uuid, "", 10)
    assert await ended(root) == ("success", "complete")
    seen = await job(root, path)
    assert (seen["Kind"], seen["Snapshot"], seen["State"]) == ("verify", NEW, "done")
    assert (seen["BytesDone"], seen["FilesDone"], seen["Fraction"]) == (7, 2, 1.0)
    ((command, *words),) = daemon.asked()
    assert command == "verify"
    assert "--sample=10" in words
    assert words[-1].endswith(f"{NEW}/Donnees")
    assert "writable: False" in await root.call("GetJobLog", "t", seen["Id"])
    await root.hear("SafeToUnplug")
    assert not mounted(disk.device)
    (row,) = await root.call("GetJobs", "stu", disk.uuid, 0, 5)
    assert (row["Id"], row["Name"], row["Verdict"]) == (seen["Id"], "bleu", "success")
    assert await root.call("GetHistory", "stu", "", 0, 5) == []
    assert (await root.disk(disk.uuid))["LastSuccess"] == 0


@pytest.mark.parametrize(
    ("how", "verdict", "code"),
    [
        ({"exit": 3, "say": ["warning damaged: /secret/x"]}, "warning", "content-damaged"),
        ({"exit": 1}, "failed", "job-failed"),
        ({"exit": 74}, "failed", "disk-error"),
    ],
)
async def test_one_honest_verdict(
    root: Caller, daemon: Scene, disk: LoopDisk, how: dict[str, Any], verdict: str, code: str
) -> None:
    daemon.behave(**how)
    path = await root.call("Verify", "ssu", disk.uuid, OLD, 100)
    told, message = await ended(root)
    seen = await job(root, path)
    assert (told, seen["Verdict"], seen["Code"]) == (verdict, verdict, code)
    assert "/secret" not in str([message, seen])
    if verdict == "warning":
        assert "/secret/x" in await root.call("GetJobLog", "t", seen["Id"])


async def test_what_cannot_be_verified(root: Caller, daemon: Scene, disk: LoopDisk) -> None:
    path = await root.call("Verify", "ssu", disk.uuid, BARE, 100)
    assert (await ended(root))[0] == "failed"
    assert (await job(root, path))["Code"] == "no-manifest"
    root.forget()
    path = await root.call("Verify", "ssu", disk.uuid, "2020", 100)
    assert (await ended(root))[0] == "failed"
    assert (await job(root, path))["Code"] == "no-snapshot"
    assert not daemon.asked()


async def test_backup_waits_for_a_job_and_a_job_not_for_a_backup(
    root: Caller, daemon: Scene, disk: LoopDisk
) -> None:
    daemon.behave(hang=True, say=["progress 0.5 x"])
    path = await root.call("Verify", "ssu", disk.uuid, "", 100)
    await running(root)
    assert (await root.disk(disk.uuid))["State"] == "held"
    assert (await root.disk(disk.uuid))["Reason"] == "job"
    assert await root.error("Verify", "ssu", disk.uuid, "", 100) == "Busy"
    assert await root.error("PinSnapshot", "ssb", disk.uuid, OLD, True) == "Busy"
    assert await root.error("ForgetDisk", "s", disk.uuid) == "Busy"
    backup = await root.call("RunBackup", "s", disk.uuid)
    assert (await root.backup(int(backup.rpartition("/")[2])))["State"] == "queued"
    assert await root.error("Verify", "ssu", disk.uuid, "", 100) == "Busy"
    await root.call("CancelJob", "t", int(path.rpartition("/")[2]))
    assert await ended(root) == ("cancelled", "cancelled on request")
    assert (await root.hear("BackupFinished"))[2] == "success"
    order = [signal[0] for signal in root.signals()]
    assert order.index("JobFinished") < order.index("BackupStarted")


async def test_job_that_has_ended_cannot_be_cancelled(root: Caller, disk: LoopDisk) -> None:
    path = await root.call("Verify", "ssu", disk.uuid, "", 100)
    await ended(root)
    assert await root.error("CancelJob", "t", int(path.rpartition("/")[2])) == "NotRunning"
    assert await root.error("CancelJob", "t", 99) == "UnknownJob"
    assert await root.error("GetJobLog", "t", 99) == "UnknownJob"


async def test_unplug_ends_a_job(root: Caller, daemon: Scene, disk: LoopDisk) -> None:
    daemon.behave(hang=True, say=["progress 0.5 x"])
    await root.call("Verify", "ssu", disk.uuid, "", 100)
    await running(root)
    await root.call("Unplug", "s", disk.device)
    assert (await ended(root))[0] == "cancelled"
    assert not mounted(disk.device)
    await root.hear("SafeToUnplug")


@pytest.mark.parametrize("how", ["killed", "stopped"])
async def test_daemon_that_ends_interrupts_a_job(
    root: Caller, daemon: Scene, disk: LoopDisk, how: str
) -> None:
    daemon.behave(hang=True, say=["progress 0.5 x"])
    path = await root.call("Verify", "ssu", disk.uuid, "", 100)
    await running(root)
    daemon.kill() if how == "killed" else daemon.stop()
    daemon.start()
    assert (await ended(root))[0] == "interrupted"
    (row,) = await root.call("GetJobs", "stu", "", 0, 5)
    assert row["Code"] == ("daemon-died" if how == "killed" else "daemon-stopped")
    assert row["Id"] == int(path.rpartition("/")[2])
    wait_until(lambda: not mounted(disk.device), "the disk to be let go of", 20)


async def test_restore_hands_over_what_was_asked_for(
    root: Caller, daemon: Scene, disk: LoopDisk, workspace: Path
) -> None:
    target = str(workspace / "back")
    await root.call("Restore", "ssassa{sv}", disk.uuid, OLD, ["/home/a b", "/etc"], target, NOTHING)
    assert (await ended(root))[0] == "success"
    ((command, *words),) = daemon.asked()
    assert command == "restore"
    assert f"--to={target}" in words
    assert words[words.index("--") + 1].endswith(OLD)
    assert words[-2:] == ["/home/a b", "/etc"]


async def test_restore_of_dumps(root: Caller, daemon: Scene, disk: LoopDisk) -> None:
    options = {"database": Variant("s", "mysql")}
    await root.call("Restore", "ssassa{sv}", disk.uuid, OLD, ["shop"], "", options)
    assert (await ended(root))[0] == "success"
    ((command, *words),) = daemon.asked()
    assert (command, words[0], words[-1]) == ("restore-database", "--engine=mysql", "shop")


@pytest.mark.parametrize("in_place", [True, False])
async def test_place_that_is_read_only_for_the_service_is_refused_before_anything_is_written(
    root: Caller, daemon: Scene, disk: LoopDisk, workspace: Path, in_place: bool
) -> None:
    place = workspace / "server/etc"
    place.mkdir(parents=True)
    pid = daemon.process.pid
    # As ProtectSystem=full does it, in the daemon's mount namespace alone.
    inside = ["nsenter", "--mount", "--target", str(pid)]
    run([*inside, "mount", "--bind", place, place])
    run([*inside, "mount", "-o", "remount,bind,ro", place])
    text = f'[backup]\nscripts = ["ok.sh"]\nsource = "{workspace}/server"\n'
    daemon.config.write_text(f'{text}[disks."{disk.uuid}"]\nname = "bleu"\n')
    await root.call("Reload")
    to = "" if in_place else str(place / "new/deeper")
    options = {"in-place": Variant("b", True)} if in_place else NOTHING
    path = await root.call("Restore", "ssassa{sv}", disk.uuid, OLD, ["/etc/fstab"], to, options)
    verdict, message = await ended(root)
    assert verdict == "failed"
    assert message.startswith(f"{place} is read-only for the service, nothing was restored: ")
    assert "tetras-back-snapshot restore" in message
    assert (await job(root, path))["Code"] == "destination"
    assert not daemon.asked()


@pytest.mark.parametrize(
    ("options", "program"),
    [
        ({"in-place": Variant("b", True)}, "restore"),
        ({"database": Variant("s", "mysql")}, "restore-database"),
    ],
)
async def test_what_is_not_proved_takes_the_place_of_something_only_if_that_is_said(
    root: Caller, daemon: Scene, disk: LoopDisk, options: dict[str, Variant], program: str
) -> None:
    found = await root.call("ListSnapshots", "s", disk.uuid)
    assert [item["Proof"] for item in found] == ["sealed", "sealed", "unsealed"]
    path = await root.call("Restore", "ssassa{sv}", disk.uuid, BARE, [], "", options)
    assert (await ended(root))[0] == "failed"
    assert (await job(root, path))["Code"] == "unproved"
    assert not daemon.asked()
    root.forget()
    options = {**options, "unproved": Variant("b", True)}
    await root.call("Restore", "ssassa{sv}", disk.uuid, BARE, [], "", options)
    assert (await ended(root))[0] == "success"
    ((command, *words),) = daemon.asked()
    assert command == program
    assert "--unproved" in words


async def test_forms_of_a_restore(root: Caller, disk: LoopDisk) -> None:
    async def refused(paths: list[str], to: str, **options: Variant) -> bool:
        named = {name.replace("_", "-"): value for name, value in options.items()}
        error = await root.error("Restore", "ssassa{sv}", disk.uuid, OLD, paths, to, named)
        return error == "InvalidArgs"

    yes = Variant("b", True)
    assert await refused([], "")
    assert await refused([], "relative")
    assert await refused([], "/srv/../etc")
    assert await refused(["home"], "/srv/x")
    assert await refused(["/a/../b"], "/srv/x")
    assert await refused(["/x"] * 1001, "/srv/x")
    assert await refused(["/x"] * 3000, "/srv/x")
    assert await refused([], "/srv/x", in_place=yes)
    assert await refused([], "/srv/x", overwrite=yes)
    assert await refused([], "", in_place=Variant("s", "yes"))
    assert await refused([], "", in_place=Variant("a{sv}", {}))
    assert await refused([], "", database=Variant("s", "oracle"))
    assert await refused([], "", database=Variant("s", "mysql"), in_place=yes)
    assert not [signal for signal in root.signals() if signal[0] == "JobStarted"]
