"""The relay on the bus: what it answers, and that no stranger can hinder it."""

import asyncio
import json
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.bus import flooder
from tests.bus.relaying import Person, reading
from tests.harness import Polkitd, PrivateBus, Relay, User, run, run_as
from tests.harness.process import PROJECT, PYTHON
from tests.harness.users import command_as
from tests.test_shape import interfaces
from tetrasback import names

SOURCE = Path(flooder.__file__).read_text()


@pytest.fixture
def alice(relay: Relay, allowed: Polkitd, user: User, workspace: Path) -> Person:
    return Person(user, workspace, relay.bus, relay.library)


def busctl(bus: PrivateBus, user: User, *words: str) -> subprocess.CompletedProcess[str]:
    """A call as USER."""
    argv = ["busctl", f"--address={bus.address}", "--timeout=20", *words]
    return run_as(user, argv, env=bus.environment)


def call(bus: PrivateBus, user: User, interface: str, *words: str) -> str:
    """What the relay answers."""
    done = busctl(bus, user, "call", names.RELAY_NAME, names.RELAY_PATH, interface, *words)
    return done.stdout if done.returncode == 0 else done.stderr


def test_it_describes_itself_as_it_is_documented(bus: PrivateBus, relay: Relay, user: User) -> None:
    live = call(bus, user, names.INTROSPECTABLE_INTERFACE, "Introspect")
    text = live.removeprefix('s "').rstrip()[:-1].replace('\\"', '"').replace("\\n", "\n")
    shown = interfaces(text)
    written = interfaces((PROJECT / "dbus/org.tetraslibre.Back.Relay.xml").read_text())
    assert shown[names.RELAY_INTERFACE] == written[names.RELAY_INTERFACE]
    assert shown.keys() == {
        names.RELAY_INTERFACE,
        names.PEER_INTERFACE,
        names.INTROSPECTABLE_INTERFACE,
        names.PROPERTIES_INTERFACE,
    }
    assert names.RELAY_PATH in busctl(bus, user, "tree", names.RELAY_NAME).stdout


def test_standard_interfaces_answer(bus: PrivateBus, relay: Relay, user: User) -> None:
    properties = names.PROPERTIES_INTERFACE
    here = names.RELAY_INTERFACE
    assert call(bus, user, names.PEER_INTERFACE, "Ping") == ""
    assert call(bus, user, properties, "Get", "ss", here, "Clients") == "v a(ss) 0\n"
    assert call(bus, user, properties, "GetAll", "s", "") == 'a{sv} 1 "Clients" a(ss) 0\n'
    assert "no property" in call(bus, user, properties, "Get", "ss", here, "Nothing")
    assert "can be set" in call(bus, user, properties, "Set", "ssv", here, "Clients", "s", "x")
    assert "no method" in call(bus, user, here, "Reload")
    assert 'type "ss"' in call(bus, user, here, "Register", "s", "/f")


async def test_changes_are_announced(bus: PrivateBus, relay: Relay, alice: Person) -> None:
    monitor = await asyncio.create_subprocess_exec(
        *("busctl", f"--address={bus.address}", "--json=short", "monitor", names.RELAY_NAME),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert monitor.stdout is not None
        assert monitor.stderr is not None
        assert b"Monitoring" in await monitor.stderr.readline()
        path = alice.fifo()
        await asyncio.to_thread(alice.register, path)
        await asyncio.to_thread(alice.ctl, "unregister", path)
        told = []
        async with asyncio.timeout(10):
            while len(told) < 2:
                message = json.loads(await monitor.stdout.readline())
                if message.get("member") == "PropertiesChanged":
                    told.append(message["payload"]["data"])
    finally:
        monitor.kill()
        await monitor.communicate()
    assert [(data[0], data[1]["Clients"]["data"], data[2]) for data in told] == [
        (names.RELAY_INTERFACE, [[str(path), "events"]], []),
        (names.RELAY_INTERFACE, [], []),
    ]


async def test_own_user_and_no_other_may_register(
    relay: Relay, polkitd: Polkitd, operator: User, workspace: Path
) -> None:
    """Nobody may by default but an active user at the server; root always may."""
    operator_person = Person(operator, workspace, relay.bus, relay.library)
    path = operator_person.fifo()
    done = await asyncio.to_thread(operator_person.ctl, "register", path)
    assert done.returncode == 3
    done = run([PYTHON, "-m", "tetrasback.ctl", "register", path], env=operator_person.environment)
    assert "is registered" in done.stdout


@asynccontextmanager
async def attacked(bus: PrivateBus, user: User, *modes: str) -> AsyncIterator[None]:
    """While this holds, USER does what flooder calls MODES."""
    attacks = [
        await asyncio.create_subprocess_exec(
            *command_as(user, [PYTHON, "-c", SOURCE, bus.address, *mode.split()]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for mode in modes
    ]
    try:
        for attack in attacks:
            assert attack.stdout is not None
            async with asyncio.timeout(30):
                assert (await attack.stdout.readline()).startswith(b"ready")
        yield
        assert all(attack.returncode is None for attack in attacks)
    finally:
        for attack in attacks:
            if attack.returncode is None:
                attack.kill()
            await attack.communicate()


def connections(bus: PrivateBus, relay: Relay) -> list[str]:
    """The unique names of the relay."""
    shown = run(["busctl", f"--address={bus.address}", "list", "--no-legend"]).stdout
    found = [line.split() for line in shown.splitlines()]
    pid = str(relay.process.pid)
    return [words[0] for words in found if words[0].startswith(":") and words[1] == pid]


async def test_strangers_cannot_hinder_it(bus: PrivateBus, relay: Relay, alice: Person) -> None:
    path = alice.fifo()
    await asyncio.to_thread(alice.register, path)
    own = connections(bus, relay)
    assert len(own) == 2
    before = relay.resident()
    destinations = [names.RELAY_NAME, *own]
    modes = [f"forge_large {destination}" for destination in destinations]
    with User() as stranger:
        async with attacked(bus, stranger, *modes, "ping_at org.tetraslibre.Back.Relay 20"):
            worst = 0.0
            for _ in range(8):
                start = time.monotonic()
                await asyncio.to_thread(alice.register, path)
                worst = max(worst, time.monotonic() - start)
    print(f"at worst {worst:.2f} s for tetras-backctl register, {relay.resident() >> 20} MB")
    assert worst < 15.0  # one of these signals takes the library as long to decode
    assert relay.resident() - before < 48 << 20
    assert connections(bus, relay) == own
    assert "Traceback" not in relay.process.tail(1 << 20)
    with reading(path) as reader:
        reader.until("DaemonGone")
