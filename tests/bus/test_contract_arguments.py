"""Bad input on every method: the exact error, one line for a person, and nothing is lost."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.bus.contract import Caller, LoneDaemon, PlainBus, caller
from tests.harness import Workspace

UUID = "0b5a9f3e-77aa-4c1d-9e2f-0123456789ab"
OTHER = "ABCD-1234"

NO_UUIDS = [
    *("", "x", "a" * 100_000, "/etc/passwd", "../" + UUID, "--help", "-x", "\x01", "é" * 36),
    *(UUID + "\n", " " + UUID, UUID[:-1], UUID.replace("-", ""), "{" + UUID + "}", "ABCD-12G4"),
]
NO_NAMES = ["", " ", "-x", "--help", "x" * 65, "x" * 100_000, "a\nb", "\x7f", "\x85", "a\u2028b"]
NO_DEVICES = [
    *("", "/", "/dev", "/dev/", "sdb1", "dev/sdb1", "--help", "/etc/passwd", "/proc/1/root/dev/x"),
    *("/dev/../etc/passwd", "/dev/a\nb", "/dev/" + "x" * 5000),
]
NO_SCRIPT_NAMES = [
    *("", ".", "..", ".hidden", "a/b", "../ok.sh", "/etc/passwd", "--help", "a\nb"),
    *("x" * 256, "x" * 300_000),
]


@pytest.fixture(scope="module")
def daemon() -> Iterator[LoneDaemon]:
    with (
        Workspace() as workspace,
        PlainBus(workspace) as bus,
        LoneDaemon(bus, workspace, '[backup]\nscripts = ["ok.sh"] # mine\n') as running,
    ):
        yield running


@pytest.fixture
async def root(daemon: LoneDaemon) -> AsyncIterator[Caller]:
    """Root, with one disk saved; in the end all is as it was."""
    async with caller(daemon.bus) as connected:
        await connected.call("SaveDisk", "ss", UUID, "bleu")
        before = daemon.config.read_text(), await connected.objects()
        connected.forget()
        yield connected
        assert (daemon.config.read_text(), await connected.objects()) == before
        assert connected.signals() == []


@pytest.mark.parametrize("uuid", NO_UUIDS, ids=lambda text: repr(text[:12]))
async def test_uuids_of_no_form(root: Caller, uuid: str) -> None:
    for method in ("ForgetDisk", "RunBackup", "CancelBackup"):
        assert await root.error(method, "s", uuid) == "InvalidArgs"
    assert await root.error("SaveDisk", "ss", uuid, "name") == "InvalidArgs"
    if uuid:  # empty = all disks
        assert await root.error("GetHistory", "stu", uuid, 0, 1) == "InvalidArgs"


@pytest.mark.parametrize("name", NO_NAMES, ids=lambda text: repr(text[:12]))
async def test_names_that_no_disk_may_have(root: Caller, name: str) -> None:
    assert await root.error("SaveDisk", "ss", UUID, name) == "InvalidArgs"


async def test_name_of_another_disk(root: Caller) -> None:
    assert await root.error("SaveDisk", "ss", OTHER, "bleu") == "InvalidArgs"


@pytest.mark.parametrize("device", NO_DEVICES, ids=lambda text: repr(text[:12]))
async def test_paths_of_no_device(root: Caller, device: str) -> None:
    assert await root.error("Plug", "s", device) == "InvalidArgs"
    assert await root.error("Unplug", "s", device) == "InvalidArgs"


@pytest.mark.parametrize(
    "device", ["/dev/null", "/dev//null", "/dev/nope", "/dev/nope/x", "/dev/shm", "/dev/fd/0"]
)
async def test_devices_that_are_none(root: Caller, device: str) -> None:
    assert await root.error("Plug", "s", device) == "NoSuchDevice"
    assert await root.error("Unplug", "s", device) == "NoSuchDevice"


@pytest.mark.parametrize("device", ["/dev/disk/by-id/usb-x", "/dev/block/8:16", "/dev/disk/x"])
async def test_no_disk_is_prepared_by_a_link_that_may_change(root: Caller, device: str) -> None:
    assert await root.error("PrepareDisk", "sssb", device, "vert", "ext4", True) == "InvalidArgs"


@pytest.mark.parametrize("script", NO_SCRIPT_NAMES, ids=lambda text: repr(text[:12]))
async def test_names_that_no_script_may_have(root: Caller, script: str) -> None:
    for enabled in (True, False):
        assert await root.error("SetScriptEnabled", "sb", script, enabled) == "InvalidArgs"


async def test_scripts_that_must_not_run(root: Caller, daemon: LoneDaemon) -> None:
    made: list[Path] = [
        daemon.script("noexec.sh", "", 0o644),
        daemon.script("writable.sh", "", 0o757),
        daemon.script("notroot.sh", ""),
    ]
    os.chown(made[-1], 65534, 65534)
    for name in (*(path.name for path in made), "missing.sh"):
        assert await root.error("SetScriptEnabled", "sb", name, True) == "UnknownScript"
    for path in made:
        path.unlink()


async def test_disks_that_are_not_known_or_not_there(root: Caller) -> None:
    for method in ("ForgetDisk", "RunBackup", "CancelBackup"):
        assert await root.error(method, "s", OTHER) == "UnknownDisk"
    assert await root.error("RunBackup", "s", UUID.upper()) == "NotPlugged"
    assert await root.error("CancelBackup", "s", UUID) == "NotRunning"


async def test_numbers_out_of_range(root: Caller) -> None:
    for number in (0, 1, 2**63, 2**64 - 1):
        assert await root.error("GetLog", "t", number) == "UnknownBackup"
        assert await root.call("GetHistory", "stu", "", number, 1000) == []
    assert await root.error("GetHistory", "stu", "", 0, 1001) == "InvalidArgs"
    assert await root.error("GetHistory", "stu", "", 0, 2**32 - 1) == "InvalidArgs"


@pytest.mark.parametrize(
    "text", ["", "garbage", "\x01", "%CFG = (", "x" * (1 << 18), "é" * ((1 << 17) + 1)]
)
async def test_configurations_that_cannot_be_imported(root: Caller, text: str) -> None:
    assert await root.error("ImportConfiguration", "s", text) == "InvalidArgs"


async def test_arguments_of_other_types(root: Caller) -> None:
    assert await root.error("Reload", "s", "x") == "InvalidArgs"
    assert await root.error("SaveDisk", "s", UUID) == "InvalidArgs"
    assert await root.error("GetLog", "u", 1) == "InvalidArgs"
    assert await root.error("Plug", "o", "/dev/null") == "InvalidArgs"


async def test_what_is_not_listed_is_refused(root: Caller) -> None:
    assert await root.error("Explode") == "UnknownMethod"
    assert await root.error("Reload", interface="org.example.Other") == "UnknownInterface"
    assert await root.error("Reload", path="/org/example") == "UnknownObject"
    assert await root.error("Reload", path="/org/tetraslibre/Back/disks") == "UnknownInterface"
