"""The format events, from the daemon's news to a reader, whatever becomes of either."""

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.bus.relaying import Person, Reader, reading, relay_on, told_of
from tests.bus.serving import UUID, eventually
from tests.harness import Polkitd, PrivateBus, Relay, User
from tests.harness.process import PROJECT
from tetrasback.client.events import SIGNALS
from tetrasback.core import signals
from tetrasback.relay.ring import BYTES
from tetrasback.service import Service
from tetrasback.wire import Alert

STALE = Alert("stale", UUID, 1_795_298_280_000_000, "no good backup on bleu for 20 days")
HELD = Alert("held", UUID, 1_795_298_290_000_000, "do not pull it out")
SCHEMA = json.loads((PROJECT / "docs/tetras-back-events.schema.json").read_text())
ALL = (
    signals.DiskSaved(UUID, "bleu"),
    signals.DiskForgotten(UUID),
    signals.DiskPlugged(UUID, "/dev/sdz1"),
    signals.DiskUnplugged(UUID, "/dev/sdz1"),
    signals.DiskRejected(UUID, "/dev/sdz1", "damaged"),
    signals.BackupStarted(7, UUID, "bleu"),
    signals.BackupProgress(7, 0.5, "home"),
    signals.BackupFinished(7, UUID, "warning", "3 files could not be read"),
    signals.SafeToUnplug(UUID, "/dev/sdz1"),
)

Daemon = tuple[Service, Callable[..., None]]


@pytest.fixture
async def daemon(bus: PrivateBus) -> AsyncIterator[Daemon]:
    async with told_of(bus, STALE) as running:
        yield running


@pytest.fixture
async def relay(daemon: Daemon, bus: PrivateBus, workspace: Path) -> AsyncIterator[Relay]:
    """It begins beside the daemon, which tells it how everything stands."""
    async with relay_on(bus, workspace) as running:
        yield running


@pytest.fixture
def alice(relay: Relay, allowed: Polkitd, user: User, workspace: Path) -> Person:
    return Person(user, workspace, relay.bus, relay.library)


async def registered(person: Person, name: str = "f") -> Path:
    """A new FIFO that is registered."""
    path = person.fifo(name)
    await asyncio.to_thread(person.register, path)
    return path


async def told(reader: Reader, event: str, **members: Any) -> dict[str, Any]:
    """The next line that tells EVENT; the daemon goes on while it is waited for."""
    return await asyncio.to_thread(reader.until, event, **members)


async def test_how_everything_stands_then_every_event(daemon: Daemon, alice: Person) -> None:
    service, publish = daemon
    path = await registered(alice)
    with reading(path) as reader:
        lines = [await told(reader, "State"), await told(reader, "Alert")]
        assert (lines[0]["uuid"], lines[0]["name"], lines[0]["saved"]) == (UUID, "bleu", True)
        assert (lines[1]["code"], lines[1]["active"]) == ("stale", True)
        for signal in ALL:
            service.tell(signal)
            lines.append(await told(reader, type(signal).__name__))
        publish(HELD)
        lines += [await told(reader, "Alert"), await told(reader, "Alert")]
        assert [(line["code"], line["active"]) for line in lines[-2:]] == [
            ("stale", False),
            ("held", True),
        ]
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    for line in lines:
        jsonschema.validate(line, SCHEMA, format_checker=jsonschema.FormatChecker())
        if line["event"] in SIGNALS:
            assert list(line)[3:] == list(SIGNALS[line["event"]][1])


async def test_readers_come_and_go_and_miss_nothing(daemon: Daemon, alice: Person) -> None:
    service, _ = daemon
    path = await registered(alice)
    seen = []
    for round_ in range(5):
        service.tell(signals.DiskSaved(UUID, f"name {round_}"))
        with reading(path) as reader:
            seen.append((await told(reader, "DiskSaved"))["name"])
    assert seen == [f"name {round_}" for round_ in range(5)]


async def test_who_reads_nothing_hinders_nobody_and_is_told_the_loss(
    daemon: Daemon, alice: Person, relay: Relay
) -> None:
    service, publish = daemon
    stalled, path = await registered(alice, "stalled"), await registered(alice)
    with reading(stalled) as late, reading(path) as reader:
        await told(reader, "State")
        before = relay.resident()
        count = 2 * BYTES // 3000
        for number in range(count):
            service.tell(signals.BackupFinished(7, UUID, "failed", f"{number} " + "x" * 3000))
            if number % 100 == 0:
                await told(reader, "BackupFinished", seq=3 + number)
        await told(reader, "BackupFinished", seq=2 + count)
        assert relay.resident() - before < 3 * BYTES
        publish()
        await told(reader, "Alert", active=False)
        lost = await told(late, "Lost")
        after = [await told(late, "State")]
        service.tell(signals.SafeToUnplug(UUID, "/dev/sdz1"))
        after.append(await told(late, "SafeToUnplug"))
    # Two lines at the beginning, COUNT events, and the alert that has ended.
    assert lost["seq"] == 3 + count
    assert count // 2 < lost["count"] < count
    assert [line["seq"] for line in after] == [lost["seq"] + 1, lost["seq"] + 2]


async def test_registrations_outlive_a_restart(daemon: Daemon, alice: Person, relay: Relay) -> None:
    service, _ = daemon
    path = await registered(alice)
    with reading(path) as reader:
        await told(reader, "State")
        for end in (relay.stop, relay.kill):
            await asyncio.to_thread(end)
            await asyncio.to_thread(relay.start)
            assert (await told(reader, "State"))["seq"] == 1
            service.tell(signals.DiskForgotten(UUID))
            await told(reader, "DiskForgotten")
    [state] = relay.state_dir.iterdir()
    assert (state.stat().st_mode & 0o777, state.stat().st_uid) == (0o600, relay.user.uid)


async def test_daemon_and_bus_come_and_go(
    bus: PrivateBus, allowed: Polkitd, user: User, workspace: Path
) -> None:
    async with relay_on(bus, workspace) as relay:
        alice = Person(user, workspace, bus, relay.library)
        path = await registered(alice)
        with reading(path) as reader:
            await told(reader, "DaemonGone", seq=1)
            async with told_of(bus):
                await told(reader, "DaemonBack")
                await told(reader, "State", uuid=UUID)
            await told(reader, "DaemonGone")
            async with told_of(bus) as (service, _):
                await told(reader, "DaemonBack")
                await told(reader, "State")
                await asyncio.to_thread(bus.restart)
                await told(reader, "DaemonGone")
                await told(reader, "DaemonBack")
                await told(reader, "State")
                await eventually(lambda: service._connection is not None, "the service")
                service.tell(signals.DiskForgotten(UUID))
                await told(reader, "DiskForgotten")
        done = await asyncio.to_thread(alice.ctl, "clients")
        assert str(path) in done.stdout


@pytest.mark.parametrize("what", ["nothing", "file", "link", "directory", "fifo of another"])
async def test_what_takes_the_place_of_a_fifo_is_left_alone(
    daemon: Daemon, alice: Person, relay: Relay, workspace: Path, what: str
) -> None:
    service, _ = daemon
    path, other = await registered(alice), await registered(alice, "other")
    victim = workspace / "victim"
    victim.write_text("precious")
    victim.chmod(0o666)
    path.unlink()
    match what:
        case "file":
            path.write_text("precious")
            path.chmod(0o666)
        case "link":
            path.symlink_to(victim)
        case "directory":
            path.mkdir(mode=0o777)
        case "fifo of another":
            os.mkfifo(path)
            path.chmod(0o666)
    await eventually(lambda: f"{path} is away" in relay.process.tail(), "the relay to see it")
    with reading(other) as reader:
        await told(reader, "State")
        for _ in range(10):
            service.tell(signals.DiskForgotten(UUID))
            await told(reader, "DiskForgotten")
    if what == "file":
        assert path.read_text() == "precious"
    if what == "directory":
        assert list(path.iterdir()) == []
        path.rmdir()
    if what == "fifo of another":
        with reading(path) as reader:
            assert not reader.lines
            assert os.read(reader.descriptor, 10) == b""
    assert victim.read_text() == "precious"
    # A FIFO that may be opened is found again by itself.
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    shutil.chown(path, alice.user.uid)
    path.chmod(0o666)
    with reading(path) as reader:
        assert (await told(reader, "State"))["seq"] == 1


async def test_forged_news_are_not_told_on(daemon: Daemon, alice: Person, bus: PrivateBus) -> None:
    service, _ = daemon
    path = await registered(alice)
    listed = await asyncio.to_thread(alice.sh, f'busctl --address="{bus.address}" list')
    connections = [
        line.split()[0]
        for line in listed.stdout.splitlines()
        if line.startswith(":") and "python" in line
    ]
    assert len(connections) >= 2
    with reading(path) as reader:
        await told(reader, "State")
        for destination in connections:
            forged = await asyncio.to_thread(
                alice.sh,
                f'gdbus emit --address="{bus.address}" --dest={destination}'
                " --object-path=/org/tetraslibre/Back"
                f" --signal=org.tetraslibre.Back.SafeToUnplug '{UUID}' /dev/forged",
            )
            assert forged.returncode == 0, forged.stderr
        service.tell(signals.SafeToUnplug(UUID, "/dev/sdz1"))
        assert (await told(reader, "SafeToUnplug"))["device"] == "/dev/sdz1"
