"""The inhibitor lock, from python-dbusmock's logind on a private bus."""

import asyncio
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness import PrivateBus, run, wait_until
from tests.harness.process import Process
from tetrasback.adapters.inhibitor import WHAT, Inhibitor
from tetrasback.names import LOGIND_INTERFACE, LOGIND_PATH, LOGIND_SERVICE

POLICY = f"""
<policy user="root">
  <allow own="{LOGIND_SERVICE}"/><allow send_destination="{LOGIND_SERVICE}"/>
</policy>
"""


@pytest.fixture
def bus(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PrivateBus]:
    with PrivateBus(workspace, POLICY) as running:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", running.address)
        yield running


@pytest.fixture
def logind(bus: PrivateBus) -> Iterator[Callable[..., Process]]:
    """`logind()`: a mock with the template of that name, or with CODE for Inhibit."""
    made: list[Process] = []

    def make(code: str = "") -> Process:
        words = (
            ["--system", LOGIND_SERVICE, LOGIND_PATH, LOGIND_INTERFACE]
            if code
            else ["--system", "--template", "logind"]
        )
        process = Process(
            ["/usr/bin/python3", "-m", "dbusmock", *words],
            log=bus.directory / "logind.log",
            env=bus.environment,
        )
        made.append(process)
        wait_until(lambda: bus.has_owner(LOGIND_SERVICE), "logind's name")
        if code:
            run(
                [
                    *("gdbus", "call", "--system", "-d", LOGIND_SERVICE, "-o", LOGIND_PATH),
                    *("-m", "org.freedesktop.DBus.Mock.AddMethod"),
                    *(LOGIND_INTERFACE, "Inhibit", "ssss", "h", code),
                ],
                env=bus.environment,
            )
        return process

    yield make
    for process in made:
        process.stop(5)


def _inhibitors(bus: PrivateBus) -> str:
    return run(
        [
            *("busctl", f"--address={bus.address}", "call", LOGIND_SERVICE, LOGIND_PATH),
            *(LOGIND_INTERFACE, "ListInhibitors"),
        ]
    ).stdout


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_hold_keeps_one_descriptor_until_release(
    bus: PrivateBus, logind: Callable[..., Process]
) -> None:
    logind()
    inhibitor = Inhibitor()
    before = _descriptors()
    await inhibitor.hold("a backup")
    await inhibitor.hold("again")
    assert f'"{WHAT}" "Tetras-back" "a backup" "block"' in _inhibitors(bus)
    assert _descriptors() == before + 1
    await inhibitor.release()
    await inhibitor.release()
    assert _descriptors() == before


async def test_without_logind_nothing_is_held(
    bus: PrivateBus, caplog: pytest.LogCaptureFixture
) -> None:
    before = _descriptors()
    with caplog.at_level(logging.WARNING):
        await Inhibitor().hold("a backup")
    assert caplog.records == []
    assert _descriptors() == before


async def test_without_a_bus_it_is_told(bus: PrivateBus, caplog: pytest.LogCaptureFixture) -> None:
    bus.stop()
    with caplog.at_level(logging.WARNING):
        await Inhibitor().hold("a backup")
    assert "no inhibitor lock" in caplog.text


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("import time; time.sleep(60)", "did not answer"),
        ("raise dbus.exceptions.DBusException('not now', name='org.x.No')", "not now"),
    ],
)
async def test_a_logind_that_hangs_or_refuses_is_told(
    bus: PrivateBus,
    logind: Callable[..., Process],
    caplog: pytest.LogCaptureFixture,
    code: str,
    says: str,
) -> None:
    process = logind(code)
    before = _descriptors()
    with caplog.at_level(logging.WARNING):
        await Inhibitor(limit=1).hold("a backup")
    process.kill()
    assert says in caplog.text
    assert _descriptors() == before


async def test_a_bus_that_hangs_up_in_the_greeting_does_not_spin(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    server = await asyncio.start_unix_server(greet, workspace / "bus")
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={workspace / 'bus'}")
    before = _descriptors()
    with caplog.at_level(logging.WARNING):
        await asyncio.wait_for(Inhibitor().hold("a backup"), 5)
    assert "no inhibitor lock" in caplog.text
    server.close()
    await server.wait_closed()
    assert _descriptors() <= before


async def test_the_bus_goes_away_meanwhile(
    bus: PrivateBus, logind: Callable[..., Process], caplog: pytest.LogCaptureFixture
) -> None:
    logind("import time; time.sleep(60)").pause()
    holding = asyncio.create_task(Inhibitor(limit=20).hold("a backup"))
    with caplog.at_level(logging.WARNING):
        await asyncio.sleep(0.2)  # long enough to be connected; the result is the same if not
        bus.kill()
        await asyncio.wait_for(holding, 5)
    assert "no inhibitor lock" in caplog.text
