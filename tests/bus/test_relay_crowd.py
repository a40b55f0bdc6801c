"""Two hundred FIFOs, a quarter of them never read, and ten thousand events."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bus.relaying import Person, relay_on, told_of
from tests.harness import Polkitd, PrivateBus, Relay, User
from tests.harness.process import PYTHON
from tetrasback import names
from tetrasback.core import signals
from tetrasback.service import Service

FIFOS = 200
READ = 150
EVENTS = 10_000
MEMORY = 48 << 20
"""Bytes by which the relay may grow: the lines that are kept, once for all."""

# Reads the FIFOs that are its arguments; says for each how its lines are numbered and named.
READER = """
import json, os, selectors, sys
count, paths = int(sys.argv[1]), sys.argv[2:]
selector = selectors.DefaultSelector()
state = {}
for path in paths:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    state[descriptor] = [path, b"", 0, 0, []]
    selector.register(descriptor, selectors.EVENT_READ)
print("ready", flush=True)
left = len(paths)
while left:
    for key, _ in selector.select():
        one = state[key.fd]
        *lines, one[1] = (one[1] + os.read(key.fd, 1 << 16)).split(b"\\n")
        for line in lines:
            told = json.loads(line)
            if told["seq"] != one[2] + 1:
                one[4].append(["seq", one[2], told["seq"]])
            one[2] = told["seq"]
            if told["event"] == "DiskSaved":
                if told["name"] != f"event {one[3]}":
                    one[4].append(["name", one[3], told["name"]])
                one[3] += 1
                if one[3] == count:
                    left -= 1
print(json.dumps({one[0]: one[3:] for one in state.values()}), flush=True)
"""

# Registers the FIFOs that are its arguments, over one connection.
REGISTRAR = """
import asyncio, sys
from tetrasback.client.proxy import Client
from tetrasback.client.relay import Relay

async def main():
    async with await Client.open() as client:
        for path in sys.argv[1:]:
            await Relay(client).register(path)

asyncio.run(main())
"""


@pytest.fixture
async def daemon(bus: PrivateBus) -> AsyncIterator[Service]:
    async with told_of(bus) as (service, _):
        yield service


@pytest.fixture
async def relay(daemon: Service, bus: PrivateBus, workspace: Path) -> AsyncIterator[Relay]:
    async with relay_on(bus, workspace) as running:
        yield running


async def test_every_reader_gets_every_event_and_memory_is_bounded(
    daemon: Service, relay: Relay, allowed: Polkitd, user: User, workspace: Path
) -> None:
    person = Person(user, workspace, relay.bus, relay.library)
    paths = [person.fifo(f"f{number}") for number in range(FIFOS)]
    start = time.monotonic()
    registrar = await _run(person, REGISTRAR, *paths)
    _, err = await registrar.communicate()
    assert registrar.returncode == 0, err.decode()
    registered = time.monotonic() - start
    before = relay.resident()
    reader = await _run(person, READER, str(EVENTS), *paths[:READ])
    assert reader.stdout is not None
    assert await reader.stdout.readline() == b"ready\n"
    most = before
    start = time.monotonic()
    for number in range(EVENTS):
        daemon.tell(signals.DiskSaved(names.UDEV_TAG, f"event {number}"))
        if number % 100 == 0:
            await asyncio.sleep(0)
            most = max(most, relay.resident())
    async with asyncio.timeout(120):
        line = await reader.stdout.readline()
    took = time.monotonic() - start
    most = max(most, relay.resident())
    await reader.communicate()
    found = json.loads(line)
    print(
        f"{FIFOS} registered in {registered:.1f} s; {EVENTS} events to {READ} readers in"
        f" {took:.1f} s; memory {before >> 20} MB, then {most >> 20} MB",
        file=sys.stderr,
    )
    assert found == {str(path): [EVENTS, []] for path in paths[:READ]}
    assert most - before < MEMORY
    # Whoever has not read yet is told what is still in their pipe, and then what they have missed.
    late = os.open(paths[-1], os.O_RDONLY | os.O_NONBLOCK)
    try:
        told = await asyncio.to_thread(_read_all, late)
    finally:
        os.close(late)
    assert [line["seq"] for line in told[:100]] == list(range(1, 101))
    [lost] = [line for line in told if line["event"] == "Lost"]
    kept = sum(line["event"] == "DiskSaved" for line in told)
    assert kept + lost["count"] == EVENTS


async def _run(person: Person, source: str, *words: str | Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *person.command(PYTHON, "-c", source, *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=person.environment,
        limit=1 << 24,
    )


def _read_all(descriptor: int) -> list[dict[str, object]]:
    """What comes until there is nothing for a second."""
    data, end = b"", time.monotonic() + 1
    while time.monotonic() < end:
        try:
            data += os.read(descriptor, 1 << 16)
            end = time.monotonic() + 1
        except BlockingIOError:
            time.sleep(0.01)
    return [json.loads(line) for line in data.splitlines()]
