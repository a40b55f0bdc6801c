"""The simulated world, driven by the real engine."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tetrasback.adapters.sim import SCRIPTS, SimWorld
from tetrasback.config.model import Config
from tetrasback.core import events
from tetrasback.core.signals import Signal
from tetrasback.core.state import Backup, DiskState, State
from tetrasback.engine import Engine
from tetrasback.errors import NoSuchDevice

QUICK = {name: replace(script, seconds=0.1) for name, script in SCRIPTS.items()}
SIM0 = "00000000-0000-4000-8000-000000000000"
SAVED = f'[disks."{SIM0}"]\nname = "bleu"\n'


class Listener:
    def __init__(self) -> None:
        self.signals: list[Signal] = []

    def show(self, state: State, config: Config) -> None:
        """Looked at in the engine instead."""

    def tell(self, signal: Signal) -> None:
        self.signals.append(signal)


@pytest.fixture
def world() -> SimWorld:
    return SimWorld(scripts=QUICK)


@pytest.fixture
async def engine(world: SimWorld) -> AsyncIterator[Engine]:
    running = Engine(world.ports(), Listener())
    await running.start()
    running.begin()
    yield running
    await running.stop()


async def _ended(engine: Engine, uuid: str = SIM0) -> Backup:
    def found() -> list[Backup]:
        return [item for item in engine.state.backups.values() if item.uuid == uuid and item.over]

    await asyncio.wait_for(engine.until(lambda: bool(found())), 10)
    return found()[-1]


async def test_three_disks_are_there_and_one_can_be_backed_up(
    engine: Engine, world: SimWorld
) -> None:
    assert sorted(disk.fstype for disk in engine.state.disks.values()) == [
        *("crypto_LUKS", "ext4", "vfat"),
    ]
    await engine.request(events.SaveRequested(SIM0, "bleu"))
    await engine.request(events.RunRequested(SIM0))
    backup = await _ended(engine)
    assert backup.verdict == "success"
    await asyncio.wait_for(
        engine.until(lambda: engine.state.disks[SIM0].state is DiskState.SAFE), 10
    )
    (row,) = await world.history.list("", 0, 10)
    assert (row.id, row.verdict, row.files) == (backup.id, "success", 20_000)
    assert "archive" in await world.logs.read(backup.id)
    assert 'name = "bleu"' in world.configuration.toml


@pytest.mark.parametrize(
    ("script", "verdict", "code"),
    [
        ("warns.sh", "warning", "source-unreadable"),
        ("fails.sh", "failed", "script-failed"),
        ("refused.sh", "failed", "script-refused"),
    ],
)
async def test_scripts_end_as_they_are_said_to(script: str, verdict: str, code: str) -> None:
    world = SimWorld(scripts=QUICK, toml=f'[backup]\nscripts = ["{script}"]\n{SAVED}')
    engine = Engine(world.ports(), Listener())
    await engine.start()
    engine.begin()
    backup = await _ended(engine)
    assert (backup.verdict, backup.code) == (verdict, code)
    await engine.stop()


async def test_a_disk_can_be_pulled_out_and_plugged_in_again(
    engine: Engine, world: SimWorld
) -> None:
    device = world.devices.present["/dev/sim0"]
    world.devices.unplug("/dev/sim0")
    with pytest.raises(NoSuchDevice):
        await world.devices.lookup("/dev/sim0")
    await engine.request(events.SaveRequested(SIM0, "bleu"))
    assert world.devices.plug(device).diskseq > device.diskseq
    assert (await _ended(engine)).trigger == "plug"


async def test_a_broken_configuration_keeps_the_last_good_one(
    engine: Engine, world: SimWorld, caplog: pytest.LogCaptureFixture
) -> None:
    world.configuration.toml = "not toml"
    with caplog.at_level(logging.ERROR):
        engine.file_changed()
        await asyncio.wait_for(engine.until(lambda: engine.state.configuration_error != ""), 5)
    assert "/sim/configuration.toml" in engine.state.configuration_error
