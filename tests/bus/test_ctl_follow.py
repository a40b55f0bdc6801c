"""`backup` and `watch` against a stand-in that lives, dies and comes back; forged signals."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from dbus_next.message import Message

from tests.bus.standin import UUID, Ctl, Ended, StandIn, finish, standing_in
from tests.harness import PrivateBus
from tetrasback import names
from tetrasback.wire import BackupView, DiskView, HistoryEntry

BLEU = DiskView(uuid=UUID, name="bleu", saved=True, device="/dev/sdz1", state="running")
RUNNING = BackupView(id=7, uuid=UUID, state="running", step="home", fraction=0.5)
PATH = names.backup_path(7)


def prepare(daemon: StandIn) -> None:
    daemon.add(BLEU)
    daemon.backups[7] = RUNNING
    daemon.history = [HistoryEntry(id=7, uuid=UUID, name="bleu")]


def end(daemon: StandIn, verdict: str, state: str = "safe-to-unplug", reason: str = "") -> None:
    daemon.add(replace(BLEU, state=state, reason=reason))
    daemon.history = [HistoryEntry(id=7, uuid=UUID, name="bleu", verdict=verdict, message="why")]
    daemon.show_backup(replace(RUNNING, state="done", verdict=verdict))


@pytest.fixture
async def daemon(bus: PrivateBus) -> AsyncIterator[StandIn]:
    async with standing_in(bus) as running:
        prepare(running)
        yield running


@pytest.fixture
def ctl(bus: PrivateBus) -> Ctl:
    return Ctl(bus)


@pytest.mark.parametrize(
    ("verdict", "code"),
    [("success", 0), ("warning", 7), ("failed", 6), ("cancelled", 9), ("interrupted", 9)],
)
async def test_the_exit_code_is_the_verdicts(
    daemon: StandIn, ctl: Ctl, verdict: str, code: int
) -> None:
    process = await ctl.start("backup", "bleu", "--json")
    await daemon.called("RunBackup")
    end(daemon, verdict)
    ended = await finish(process)
    assert ended.code == code
    assert json.loads(ended.out)["backup"]["verdict"] == verdict


async def test_a_held_disk_is_not_called_safe(daemon: StandIn, ctl: Ctl) -> None:
    process = await ctl.start("backup", "bleu")
    await daemon.called("RunBackup")
    end(daemon, "success", "held", "in-use")
    ended = await finish(process)
    assert ended.code == 0
    assert "do not unplug bleu" in ended.out
    assert "safe" not in ended.out


async def test_interrupting_only_stops_following(daemon: StandIn, ctl: Ctl) -> None:
    process = await ctl.start("backup", "bleu")
    assert process.stdout is not None
    await process.stdout.readline()  # it shows how far the backup is
    process.send_signal(signal.SIGINT)
    ended = await finish(process)
    assert ended.code == 1
    assert "goes on" in ended.err
    assert "tetras-backctl cancel bleu" in ended.err


async def test_a_daemon_that_dies_is_waited_for(bus: PrivateBus, ctl: Ctl) -> None:
    async with AsyncExitStack() as first:
        daemon = await first.enter_async_context(standing_in(bus))
        prepare(daemon)
        process = await ctl.start("backup", "bleu")
        assert process.stdout is not None
        assert process.stderr is not None
        await process.stdout.readline()
    assert b"gone away" in await asyncio.wait_for(process.stderr.readline(), 15)
    async with standing_in(bus) as daemon:
        daemon.add(replace(BLEU, state="safe-to-unplug"))
        daemon.history = [HistoryEntry(id=7, uuid=UUID, name="bleu", verdict="interrupted")]
        ended = await finish(process)
    assert ended.code == 9


async def test_a_bus_that_dies_is_waited_for(bus: PrivateBus, ctl: Ctl) -> None:
    async with standing_in(bus) as daemon:
        prepare(daemon)
        process = await ctl.start("backup", "bleu")
        assert process.stdout is not None
        await process.stdout.readline()
        bus.kill()
    bus.restart()
    async with standing_in(bus) as daemon:
        prepare(daemon)
        await daemon.called("GetAll")
        end(daemon, "success")
        ended = await finish(process)
    assert ended.code == 0


async def test_forged_signals_are_not_believed(bus: PrivateBus, daemon: StandIn, ctl: Ctl) -> None:
    process = await ctl.start("watch", "--json")
    assert process.stdout is not None
    first = json.loads(await process.stdout.readline())
    assert (first["event"], first["uuid"]) == ("State", UUID)
    async with standing_in(bus, "") as stranger:
        for _ in range(3):
            stranger.tell("SafeToUnplug", UUID, "/dev/forged")
            for client in (f":1.{number}" for number in range(30)):
                message = Message.new_signal(
                    names.ROOT_PATH, names.MANAGER_INTERFACE, "SafeToUnplug", "ss", [UUID, "/x"]
                )
                message.destination = client
                await stranger.bus.send(message)
    daemon.tell("SafeToUnplug", UUID, "/dev/sdz1")
    event = json.loads(await asyncio.wait_for(process.stdout.readline(), 10))
    assert (event["event"], event["device"]) == ("SafeToUnplug", "/dev/sdz1")
    assert (await stop(process)).code == 0


async def test_watch_tells_every_signal_and_the_daemons_coming_and_going(
    bus: PrivateBus, ctl: Ctl
) -> None:
    async with standing_in(bus) as daemon:
        prepare(daemon)
        process = await ctl.start("watch")
        assert process.stdout is not None
        lines = [await process.stdout.readline()]
        for name, *arguments in (
            ("DiskSaved", UUID, "bleu"),
            ("DiskPlugged", UUID, "/dev/sdz1"),
            ("DiskRejected", UUID, "/dev/sdz1", "encrypted"),
            ("BackupStarted", PATH, UUID, "bleu"),
            ("BackupProgress", PATH, 0.5, "home"),
            ("BackupProgress", PATH, 0.51, "home"),
            ("BackupFinished", PATH, UUID, "failed", "why\x1b[0m"),
            ("SafeToUnplug", UUID, "/dev/sdz1"),
            ("DiskUnplugged", UUID, "/dev/sdz1"),
            ("DiskForgotten", UUID),
        ):
            daemon.tell(name, *arguments)
        lines += [await process.stdout.readline() for _ in range(9)]
    lines.append(await asyncio.wait_for(process.stdout.readline(), 10))
    async with standing_in(bus):
        lines.append(await asyncio.wait_for(process.stdout.readline(), 10))
        assert (await stop(process)).code == 0
    text = b"".join(lines).decode()
    for word in ("encrypted", "50% home", "FAILED: why", "safe to unplug", "forgotten", "stopped"):
        assert word in text
    assert "started" in lines[-1].decode()
    assert "51%" not in text
    assert "\x1b" not in text


async def stop(process: asyncio.subprocess.Process) -> Ended:
    process.send_signal(signal.SIGINT)
    return await finish(process)
