"""What an unprivileged caller can do to the daemon by talking to it: nothing.

The service runs in a process of its own on a real bus; the callers are raw sockets.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.bus import flooder
from tests.bus.serving import DISK_PATH, call, eventually
from tests.harness import Polkitd, PrivateBus, User, wait_until
from tests.harness.process import BASE_ENVIRONMENT, PROJECT, PYTHON, Process
from tests.harness.users import command_as
from tetrasback import names

SOURCE = Path(flooder.__file__).read_text()
HELD_UP = 5.0
"""Seconds: a caller who waits for as long was kept waiting by others, whatever the machine."""
MEMORY = 24 << 20
"""Bytes by which it may grow: what is queued, and what Python keeps of it."""


class Served:
    """The process, and how others fare with it."""

    def __init__(self, bus: PrivateBus, disks: int) -> None:
        self.bus = bus
        wait_until(lambda: bus.has_owner(names.DBUS_SERVICE), "the bus to listen")
        self.process = Process(
            [PYTHON, "-m", "tests.bus.served", bus.address, str(disks)],
            log=bus.directory / "served.log",
            env={**BASE_ENVIRONMENT, "PYTHONPATH": str(PROJECT)},
        )
        wait_until(lambda: bus.has_owner(names.BUS_NAME) or not self.process.running, "the service")
        assert self.process.running, self.process.tail()
        self.resident_at_start = self.resident()

    def resident(self) -> int:
        """Bytes of memory in use."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found
        return int(found[1]) << 10

    async def latency(self) -> float:
        """Seconds until another caller has an answer."""
        start = time.monotonic()
        answer = await call(
            self.bus, "Get", "ss", "", "Name", path=DISK_PATH, interface=names.PROPERTIES_INTERFACE
        )
        assert answer.stdout == 'v s "bleu"\n'
        return time.monotonic() - start

    async def worst_latency(self, tries: int) -> float:
        return max([await self.latency() for _ in range(tries)])

    def check(self) -> None:
        """It runs, has the connection that it began with, and has not grown."""
        assert self.process.running
        assert "lost" not in self.process.tail()
        assert "Traceback" not in self.process.tail()
        assert self.resident() - self.resident_at_start < MEMORY


@pytest.fixture
def served(bus: PrivateBus) -> Iterator[Served]:
    running = Served(bus, 10)
    yield running
    running.process.kill()


@asynccontextmanager
async def flooding(
    bus: PrivateBus, user: User, *arguments: object
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The flooder, under way as USER."""
    process = await asyncio.create_subprocess_exec(
        *command_as(user, [PYTHON, "-c", SOURCE, bus.address, *map(str, arguments)]),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def result(process: asyncio.subprocess.Process, seconds: float = 90.0) -> dict[str, int]:
    """What the flooder reports."""
    async with asyncio.timeout(seconds):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    found: dict[str, int] = json.loads(out.splitlines()[-1])
    return found


async def ready(process: asyncio.subprocess.Process) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(60):
        assert (await process.stdout.readline()).startswith(b"ready")


async def test_ten_thousand_requests_are_each_answered(
    served: Served, polkitd: Polkitd, user: User
) -> None:
    async with flooding(served.bus, user, "save", 10_000) as flood:
        worst = await served.worst_latency(5)
        found = await result(flood)
    print(found, worst)
    assert sum(found.values()) == 10_001  # and Hello
    assert found.keys() == {"", "LimitsExceeded", "InteractiveAuthorizationRequired"}
    assert worst < HELD_UP
    served.check()


async def test_ten_thousand_requests_while_polkit_hangs(
    served: Served, polkitd: Polkitd, user: User
) -> None:
    polkitd.pause()
    async with flooding(served.bus, user, "save", 10_000) as flood:
        worst = await served.worst_latency(5)
        found = await result(flood)
    print(found, worst)
    assert found == {"": 1, "LimitsExceeded": 10_000 - 16, "AccessDenied": 16}
    assert worst < HELD_UP
    served.check()


async def test_pings_from_twenty_connections(served: Served, user: User) -> None:
    async with flooding(served.bus, user, "ping", 20, 5) as flood:
        await ready(flood)
        worst = await served.worst_latency(10)
        found = await result(flood)
    print(found, worst)
    assert found["bytes"] > 0
    assert worst < HELD_UP
    served.check()


async def test_hundred_connections_that_ask_for_more_than_the_bus_carries(
    served: Served, polkitd: Polkitd, user: User
) -> None:
    async with flooding(served.bus, user, "rush", 100, 6) as flood:
        await ready(flood)
        worst = 0.0
        for _ in range(2):
            start = time.monotonic()
            answer = await call(served.bus, "GetHistory", "stu", "", "0", "1")
            assert answer.returncode == 0, answer.stderr
            worst = max(worst, time.monotonic() - start)
        found = await result(flood)
    print(found, worst)
    assert found["bytes"] > 0
    assert worst < HELD_UP
    served.check()


async def test_caller_who_never_reads(served: Served, user: User) -> None:
    async with flooding(served.bus, user, "mute", 20_000) as flood:
        await ready(flood)
        worst = await served.worst_latency(5)
        print(worst)
        assert worst < HELD_UP
        served.check()


async def test_large_messages_are_refused_undecoded(served: Served, user: User) -> None:
    async with flooding(served.bus, user, "large") as flood:
        worst = await served.worst_latency(5)
        found = await result(flood)
    print(found, worst)
    assert found == {"": 2, "LimitsExceeded": 2}
    assert worst < HELD_UP
    served.check()


async def test_signatures_without_end_are_not_kept(served: Served, user: User) -> None:
    async with flooding(served.bus, user, "signatures", 20_000) as flood:
        found = await result(flood)
    # The bus itself turns away what is more than it likes to have under way.
    assert sum(found.values()) == 20_001
    assert found.keys() <= {"", "InvalidArgs", "LimitsExceeded"}
    assert found["InvalidArgs"]
    served.check()
    assert served.resident() - served.resident_at_start < 8 << 20


async def test_forged_news_are_not_believed(served: Served, user: User) -> None:
    async with flooding(served.bus, user, "forge", ":1.1") as flood:
        found = await result(flood)
    assert found == {"": 2}
    served.check()


@pytest.mark.parametrize("what", ["history", "objects"])
async def test_large_answers_with_a_thousand_disks(bus: PrivateBus, user: User, what: str) -> None:
    served = Served(bus, 1000)
    try:
        async with flooding(bus, user, what, 200) as flood:
            worst = await served.worst_latency(10)
            found = await result(flood)
        print(found, worst)
        assert sum(found.values()) == 201
        assert found.keys() <= {"", "LimitsExceeded"}
        assert worst < HELD_UP
        served.check()
    finally:
        served.process.kill()


async def test_hundred_connections_that_come_and_go_leave_nothing(
    served: Served, user: User
) -> None:
    async with flooding(served.bus, user, "ping", 100, 1) as flood:
        await result(flood)
    for _ in range(3):
        async with flooding(served.bus, user, "mute", 500) as flood:
            await ready(flood)
    await eventually(lambda: served.resident() - served.resident_at_start < MEMORY, "memory")
    assert await served.latency() < HELD_UP
    served.check()
