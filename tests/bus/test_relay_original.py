"""The format original: `cat fifo` gets one document and ends, at every open."""

import asyncio
import contextlib
import json
import os
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bus.relaying import Person, relay_on, told_of
from tests.bus.serving import UUID
from tests.harness import Polkitd, PrivateBus, Relay, User
from tests.harness.process import Process
from tetrasback.relay.page import LINGER
from tetrasback.service import Service
from tetrasback.wire import DiskView, ManagerView

DOCUMENT = {
    "CONNECTED": {},
    "KNOWN": {UUID: {"name": "bleu", "last_seen": "Never", "last_backup": "Never"}},
}


@pytest.fixture
async def daemon(bus: PrivateBus) -> AsyncIterator[Service]:
    async with told_of(bus) as (service, _):
        yield service


@pytest.fixture
async def relay(daemon: Service, bus: PrivateBus, workspace: Path) -> AsyncIterator[Relay]:
    async with relay_on(bus, workspace) as running:
        yield running


@pytest.fixture
async def fifo(relay: Relay, allowed: Polkitd, user: User, workspace: Path) -> Path:
    """A registered FIFO."""
    person = Person(user, workspace, relay.bus, relay.library)
    path = person.fifo()
    await asyncio.to_thread(person.register, path, "original")
    return path


async def cat(path: Path, seconds: float = 60.0) -> list[dict[str, object]]:
    """The documents that `cat` reads until it ends, as it must."""
    process = await asyncio.create_subprocess_exec("cat", path, stdout=subprocess.PIPE)
    try:
        out, _ = await asyncio.wait_for(process.communicate(), seconds)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return [json.loads(line) for line in out.splitlines()]


async def test_every_open_gets_the_newest_state_once(fifo: Path, daemon: Service) -> None:
    for _ in range(20):
        assert await cat(fifo) == [DOCUMENT]
    disk = DiskView(uuid=UUID, name="bleu", saved=True, device="/dev/sdz1")
    daemon.publish(ManagerView(), {UUID: disk}, {}, {})
    async with asyncio.timeout(10):
        while (document := (await cat(fifo))[0])["CONNECTED"] != {UUID: "/dev/sdz1"}:
            assert document["CONNECTED"] == {}


async def test_document_is_there_promptly(fifo: Path) -> None:
    await cat(fifo)
    took = []
    for _ in range(10):
        await asyncio.sleep(0.1)  # the time between two refreshes of a page
        start = time.monotonic()
        assert await cat(fifo) == [DOCUMENT]
        took.append(time.monotonic() - start)
    print(took)
    assert min(took) < 0.05


async def test_readers_who_come_together_each_get_an_end(fifo: Path) -> None:
    told = await asyncio.gather(*(cat(fifo) for _ in range(8)))
    assert all(document == DOCUMENT for documents in told for document in documents)
    assert await cat(fifo) == [DOCUMENT]


async def test_reader_who_waited_before_it_was_registered(
    relay: Relay, allowed: Polkitd, user: User, workspace: Path
) -> None:
    person = Person(user, workspace, relay.bus, relay.library)
    path = person.fifo()
    waiting = asyncio.create_task(cat(path))
    await asyncio.to_thread(person.register, path, "original")
    assert await waiting == [DOCUMENT]


async def test_reader_who_stays_gets_one_and_an_end(fifo: Path) -> None:
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        document = await _told(reader)
        assert json.loads(document) == DOCUMENT
        for _ in range(10):
            assert os.read(reader, 1 << 16) == b""
            await asyncio.sleep(LINGER / 20)
    finally:
        os.close(reader)
    assert await cat(fifo) == [DOCUMENT]


@pytest.mark.parametrize("reads", [False, True])
async def test_reader_who_never_leaves_does_not_keep_others_out(fifo: Path, reads: bool) -> None:
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        if reads:
            await _told(reader)
        for _ in range(3):
            assert await cat(fifo) == [DOCUMENT]
    finally:
        os.close(reader)
    assert await cat(fifo) == [DOCUMENT]


async def test_reader_who_leaves_at_once_or_reads_nothing(fifo: Path) -> None:
    for _ in range(5):
        os.close(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK))
        assert await cat(fifo) == [DOCUMENT]


async def test_reader_who_holds_both_ends_can_only_keep_themselves_waiting(fifo: Path) -> None:
    both = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
    await _told(both)
    os.close(both)
    assert await cat(fifo, LINGER + 10) == [DOCUMENT]


async def test_large_document_comes_whole(fifo: Path, daemon: Service) -> None:
    disks = {f"{n:04X}-0000": f"disk {n}" for n in range(1500)}
    views = {uuid: DiskView(uuid=uuid, name=name, saved=True) for uuid, name in disks.items()}
    daemon.publish(ManagerView(), views, {}, {})
    async with asyncio.timeout(30):
        while len((await cat(fifo))[0]["KNOWN"]) != 1500:  # type: ignore[arg-type]
            pass
    # A reader who stalls in the middle, and then leaves.
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    await _told(reader, 10)
    os.close(reader)
    [document] = await cat(fifo)
    assert len(document["KNOWN"]) == 1500  # type: ignore[arg-type]


async def test_readers_wait_until_it_is_known_how_everything_stands(
    bus: PrivateBus, allowed: Polkitd, user: User, workspace: Path
) -> None:
    async with relay_on(bus, workspace) as relay:
        person = Person(user, workspace, bus, relay.library)
        path = person.fifo()
        await asyncio.to_thread(person.register, path, "original")
        waiting = asyncio.create_task(cat(path, 30))
        async with told_of(bus):
            assert await waiting == [DOCUMENT]
        # The daemon has gone; what was last known is still told.
        assert await cat(path) == [DOCUMENT]


async def test_opening_without_end_keeps_nobody_busy(
    fifo: Path, relay: Relay, workspace: Path
) -> None:
    endless = ["sh", "-c", 'while :; do cat "$1"; done', "sh", fifo]
    log = workspace / "endless"
    flood = Process(endless, log=log, env={"PATH": "/usr/bin:/bin"})
    try:
        before = _ticks(relay)
        await asyncio.sleep(3.0)
        used = (_ticks(relay) - before) / os.sysconf("SC_CLK_TCK")
    finally:
        flood.kill()
    documents = [json.loads(line) for line in log.read_text().splitlines()]
    print(len(documents), used)
    assert len(documents) > 10
    assert all(document == DOCUMENT for document in documents)
    assert used < 1.0


async def _told(descriptor: int, size: int = 1 << 16) -> bytes:
    """The first that comes out of a FIFO."""
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(BlockingIOError):
                if data := os.read(descriptor, size):
                    return data
            await asyncio.sleep(0.01)


def _ticks(relay: Relay) -> int:
    fields = Path(f"/proc/{relay.process.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
