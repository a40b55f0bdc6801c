"""Hold and Release on the real daemon: a held disk waits, also over the daemon's death."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from tests.bus.contract import Caller, LoneDaemon, PlainBus, caller
from tests.harness import LoopDisk, PrivateBus

MakeDisk = Callable[..., LoopDisk]


@pytest.fixture
def plain_bus(workspace: Path) -> Iterator[PrivateBus]:
    with PlainBus(workspace) as running:
        yield running


@pytest.fixture
def daemon(plain_bus: PrivateBus, workspace: Path) -> Iterator[LoneDaemon]:
    with LoneDaemon(plain_bus, workspace, '[backup]\nscripts = ["ok.sh"]\n') as running:
        yield running


@pytest.fixture
async def root(daemon: LoneDaemon) -> AsyncIterator[Caller]:
    async with caller(daemon.bus) as connected:
        yield connected


async def test_held_disk_waits_over_a_death_of_the_daemon(
    root: Caller, daemon: LoneDaemon, loop_disk: MakeDisk
) -> None:
    disk = loop_disk("ext4", 16)
    device = disk.attach()
    await root.call("SaveDisk", "ss", disk.uuid, "bleu")
    await root.call("Hold", "su", disk.uuid.upper(), 0)
    ((held, until),) = await root.property("Holds")
    assert held == disk.uuid

    await root.call("Plug", "s", device)
    assert (await root.disk(disk.uuid))["State"] == "plugged"
    daemon.kill()
    daemon.start()
    assert await root.property("Holds") == [[disk.uuid, until]]
    await root.call("Plug", "s", device)
    assert await root.call("GetHistory", "stu", "", 0, 10) == []

    root.forget()
    await root.call("Release", "s", "")
    assert await root.property("Holds") == []
    await root.hear("SafeToUnplug")
    assert [row["Verdict"] for row in await root.call("GetHistory", "stu", "", 0, 10)] == [
        "success"
    ]


async def test_what_is_refused(root: Caller, loop_disk: MakeDisk) -> None:
    disk = loop_disk("ext4", 16)
    await root.call("SaveDisk", "ss", disk.uuid, "bleu")
    assert await root.error("Hold", "su", "x", 0) == "InvalidArgs"
    assert await root.error("Hold", "su", disk.uuid, 7 * 24 * 60 + 1) == "InvalidArgs"
    assert await root.error("Hold", "su", "0000-0000", 0) == "UnknownDisk"
    assert await root.error("Release", "s", "0000-0000") == "UnknownDisk"
    await root.call("Hold", "su", "", 7 * 24 * 60)
    assert await root.error("Release", "s", disk.uuid) == "Busy"
    assert [uuid for uuid, _ in await root.property("Holds")] == [""]
