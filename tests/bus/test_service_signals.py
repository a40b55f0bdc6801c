"""What everybody is told, also after the bus was away."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bus import flooder
from tests.bus.serving import (
    DISK_PATH,
    UUID,
    call,
    error_of,
    listening,
    make_service,
    serving,
)
from tests.harness import PrivateBus, User
from tests.harness.process import PYTHON
from tests.harness.users import command_as
from tetrasback import names
from tetrasback.core import signals
from tetrasback.errors import Failed, Unreachable
from tetrasback.service import service

FLOODER = Path(flooder.__file__).read_text()
# The thirty seconds are for those who have the time.
BUS_STOPPED_FOR = float(os.environ.get("TETRAS_BACK_TEST_BUS_STOPPED_FOR", "3"))


async def test_published_changes_and_signals_arrive_in_their_order(bus: PrivateBus) -> None:
    async with serving(bus) as (served, control), listening(bus) as listener:
        disk, backup = control.disks()[UUID], control.backups()[7]
        manager = replace(control.manager(), busy=True)
        done = replace(backup, state="done", verdict="success")
        running = {UUID: replace(disk, state="running")}
        served.publish(manager, running, {7: done}, control.jobs())
        served.tell(signals.BackupFinished(7, UUID, "success", "all is well\n"))
        served.publish(manager, {}, {}, {})
        served.tell(signals.DiskForgotten(UUID))
        await listener.next("DiskForgotten")
        path = "/org/tetraslibre/Back/backups/7"
        assert [(where, member) for where, member, _ in listener.signals] == [
            (DISK_PATH, "PropertiesChanged"),
            (path, "PropertiesChanged"),
            (names.ROOT_PATH, "PropertiesChanged"),
            (names.ROOT_PATH, "BackupFinished"),
            (names.ROOT_PATH, "InterfacesRemoved"),
            (names.ROOT_PATH, "InterfacesRemoved"),
            (names.ROOT_PATH, "InterfacesRemoved"),
            (names.ROOT_PATH, "DiskForgotten"),
        ]
        changed = listener.signals[1][2]
        assert changed[0] == names.BACKUP_INTERFACE
        assert sorted(changed[1]) == ["State", "Verdict"]
        assert listener.signals[3][2] == [path, UUID, "success", "all is well "]


@pytest.mark.parametrize(
    ("signal", "arguments"),
    [
        (signals.DiskSaved("u", "n"), ["u", "n"]),
        (signals.DiskForgotten("u"), ["u"]),
        (signals.DiskPlugged("u", "/dev/x"), ["u", "/dev/x"]),
        (signals.DiskUnplugged("u", "/dev/x"), ["u", "/dev/x"]),
        (signals.DiskRejected("u", "/dev/x", "encrypted"), ["u", "/dev/x", "encrypted"]),
        (signals.BackupStarted(7, "u", "n"), [names.backup_path(7), "u", "n"]),
        (signals.BackupProgress(7, 0.5, "s"), [names.backup_path(7), 0.5, "s"]),
        (signals.BackupFinished(7, "u", "failed", "m"), [names.backup_path(7), "u", "failed", "m"]),
        (signals.SafeToUnplug("u", "/dev/x"), ["u", "/dev/x"]),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, list) else "",
)
async def test_every_signal_is_carried(
    bus: PrivateBus, signal: signals.Signal, arguments: list[object]
) -> None:
    async with serving(bus) as (served, _), listening(bus) as listener:
        served.tell(signal)
        assert await listener.next(type(signal).__name__) == (names.ROOT_PATH, arguments)


async def test_bus_killed_and_started_again_is_told_what_it_missed(
    bus: PrivateBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that the listener is there before the name is claimed again, and not a moment later.
    monkeypatch.setattr(service, "FIRST_PAUSE", 2.0)
    async with serving(bus) as (served, control):
        assert (await call(bus, "Ping", interface=names.PEER_INTERFACE)).returncode == 0
        await asyncio.to_thread(bus.kill)
        manager = replace(control.manager(), version="2")
        served.publish(manager, control.disks(), {}, {})
        for number in range(1000):
            served.tell(signals.BackupProgress(7, number / 1000, "copy"))
        served.tell(signals.BackupFinished(7, UUID, "success", "told late"))
        await asyncio.to_thread(bus.restart)
        async with listening(bus) as listener:
            _, arguments = await listener.next("BackupFinished", 20)
            assert arguments[2:] == ["success", "told late"]
            assert len(listener.signals) <= service.BACKLOG
        version = await call(bus, "Get", "ss", "", "Version", interface=names.PROPERTIES_INTERFACE)
        assert version.stdout == 'v s "2"\n'


async def test_bus_that_hangs_is_told_when_it_goes_on(bus: PrivateBus) -> None:
    async with serving(bus) as (served, _), listening(bus) as listener:
        bus.pause()
        try:
            # More than a socket holds; the event loop goes on meanwhile.
            for number in range(5000):
                served.tell(signals.BackupProgress(7, number / 5000, "copy"))
            served.tell(signals.BackupFinished(7, UUID, "success", "told late"))
            end = asyncio.get_running_loop().time() + BUS_STOPPED_FOR
            while (before := asyncio.get_running_loop().time()) < end:
                await asyncio.sleep(0.01)
                assert asyncio.get_running_loop().time() - before < 0.5
        finally:
            bus.resume()
        _, arguments = await listener.next("BackupFinished", 30)
        assert arguments[2] == "success"
        assert (await call(bus, "Ping", interface=names.PEER_INTERFACE)).returncode == 0


async def test_message_that_cannot_be_encoded_harms_no_other(
    bus: PrivateBus, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(bus) as (served, control), listening(bus) as listener:
        control.text = 7  # type: ignore[assignment]  # a log that is no text
        refused = error_of(await call(bus, "GetLog", "t", "7"))
        assert "internal error" in refused
        served.tell(signals.DiskForgotten("told"))
        await listener.next("DiskForgotten")
    assert "GetLog failed" in caplog.text


async def test_a_hundred_listeners_are_told_by_the_bus(bus: PrivateBus, user: User) -> None:
    argv = [PYTHON, "-c", FLOODER, bus.address, "listen", "100"]
    async with serving(bus) as (served, _):
        process = await asyncio.create_subprocess_exec(
            *command_as(user, argv), stdout=asyncio.subprocess.PIPE
        )
        try:
            assert process.stdout is not None
            async with asyncio.timeout(30):
                assert await process.stdout.readline() == b"ready\n"
                served.tell(signals.SafeToUnplug(UUID, "/dev/sdz1"))
                # One message has left us; who gets it is the bus's work.
                assert len(served._connection._outbox) == 1  # type: ignore[union-attr]
                assert await process.stdout.readline() == b'{"told": 100}\n'
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()


async def test_second_daemon_is_told_that_there_is_one(bus: PrivateBus) -> None:
    async with serving(bus) as (_, control):
        other = make_service(bus.address, control)
        with pytest.raises(Failed, match="has an owner already"):
            await other.start()
        await other.stop()


@pytest.mark.parametrize("address", ["unix:path=/nonexistent/bus", "tcp:host=localhost", "", "x"])
async def test_no_bus_is_told_in_one_line(address: str, bus: PrivateBus) -> None:
    async with serving(bus) as (_, control):
        other = make_service(address, control)
        with pytest.raises(Unreachable) as caught:
            await other.start()
        assert "\n" not in str(caught.value)
        await other.stop()


async def test_bus_that_hangs_at_the_start_is_told(
    bus: PrivateBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tetrasback.service.connection.CONNECT_LIMIT", 0.5)
    service = make_service(bus.address)
    bus.pause()
    try:
        with pytest.raises(Unreachable, match="dbus-daemon"):
            await service.start()
    finally:
        bus.resume()
    await service.stop()


async def test_stop_leaves_the_bus_and_answers_who_waits(bus: PrivateBus) -> None:
    async with serving(bus) as (_, control):
        waiting = asyncio.create_task(call(bus, "Unplug", "s", "/dev/sdz1"))
        async with asyncio.timeout(10):
            await control.unplugging.wait()
    assert "is being stopped" in error_of(await waiting)
    assert not bus.has_owner(names.BUS_NAME)
