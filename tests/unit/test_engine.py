"""The engine on the simulated ports: what becomes of effects that fail, hang or come late."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tetrasback import performer
from tetrasback.adapters.sim import SimScript, SimWorld
from tetrasback.adapters.sim_mail import SimMail
from tetrasback.adapters.sim_wholes import BLANK
from tetrasback.control import Control
from tetrasback.core import events, signals
from tetrasback.core.news import BackupEnded, DiskSafe, Letter
from tetrasback.engine import Engine
from tetrasback.errors import Busy
from tetrasback.ports import Ports

CONFIG = """
[disks."00000000-0000-4000-8000-000000000000"]
name = "bleu"
[scripts."backup_nocloud.sh"]
interrupt = ["db.service"]
"""
UUID = "00000000-0000-4000-8000-000000000000"


class Audience:
    """Keeps what it is told; `show` can be made to fail."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.control: Control | None = None
        self.faults: list[Exception] = []

    def show(self, state: Any, config: Any) -> None:
        assert self.control is not None
        if self.faults:
            raise self.faults.pop()
        self.control.show(state, config)

    def tell(self, signal: signals.Signal) -> None:
        self.told.append(signal)

    def of(self, kind: type) -> list[Any]:
        return [signal for signal in self.told if isinstance(signal, kind)]


class Server:
    """An engine with its control, as the daemon puts them together."""

    def __init__(self, world: SimWorld, **ports: Any) -> None:
        made = world.ports()
        parts = {name: getattr(made, name) for name in Ports.__dataclass_fields__} | ports
        self.audience = Audience()
        self.engine = Engine(Ports(**parts), self.audience)
        self.control = Control(self.engine)
        self.audience.control = self.control

    async def __aenter__(self) -> "Server":
        await self.engine.start()
        self.engine.begin()
        return self

    async def __aexit__(self, *error: object) -> None:
        async with asyncio.timeout(20):
            await self.engine.stop()

    async def told(self, kind: type) -> Any:
        """The first signal of a kind, when it has been told."""
        async with asyncio.timeout(20):
            while not self.audience.of(kind):
                await self.engine.next(lambda event: True)
                await self.engine.shown()
        return self.audience.of(kind)[-1]


@pytest.fixture
def world() -> SimWorld:
    return SimWorld(scripts={"backup_nocloud.sh": SimScript(seconds=0.05)}, toml=CONFIG)


class Units:
    """systemd as wanted."""

    def __init__(self, running: Sequence[str] = (), slow: float = 0.0) -> None:
        self.running, self.slow, self.calls = running, slow, []

    async def stop(self, units: Sequence[str]) -> Sequence[str]:
        self.calls.append("stop")
        return self.running

    async def restore(self) -> Sequence[str]:
        await asyncio.sleep(self.slow)
        self.calls.append("restore")
        return ()


async def test_a_preparation_ends_though_its_caller_leaves_as_it_begins(world: SimWorld) -> None:
    """It was begun for ever: no disk could be prepared any more, and the daemon did not end."""
    async with Server(world) as server:
        asking = asyncio.create_task(
            server.control.prepare_disk("/dev/sim3", "vert", "ext4", erase=False)
        )
        begun = server.engine.next(
            lambda event: isinstance(event, events.PrepareRequested) and asking.cancel()
        )
        with pytest.raises(asyncio.CancelledError):
            await asking
        await begun
        async with asyncio.timeout(20):
            await server.engine.until(lambda: server.engine.state.preparing is None)
        assert "vert" in {disk.name for disk in server.control.disks().values()}


async def test_who_authorises_is_told_which_appearance_of_a_disk_is_meant(world: SimWorld) -> None:
    """Another disk of the same model and size is another disk."""
    order = ("/dev/sim3", "vert", "ext4", True)
    async with Server(world) as server:
        await server.engine.shown()
        before = server.control.check("PrepareDisk", order)
        assert server.control.check("PrepareDisk", order) == before
        await server.engine.happened(events.WholeSeen(replace(BLANK, diskseq=5)))
        after = server.control.check("PrepareDisk", order)
        assert after["device"] == before["device"]
        assert after != before


async def test_verdict_that_could_not_be_written_is_written_later(world: SimWorld) -> None:
    async with Server(world) as server:
        await server.told(signals.BackupStarted)
        world.history.failure = OSError(28, "No space left on device")
        assert (await server.told(signals.BackupFinished)).verdict == "success"
        assert server.control.manager().alerts[0].code == "history"
        world.history.failure = None
        await server.control.save_disk(UUID, "rouge")
        rows = await server.control.history("", 0, 5)
        assert [row.verdict for row in rows] == ["success"]
        await server.engine.shown()
        assert "history" not in {alert.code for alert in server.control.manager().alerts}


async def test_failure_to_show_a_state_keeps_no_backup_from_ending(world: SimWorld) -> None:
    server = Server(world)
    async with server:
        server.audience.faults = [RuntimeError("on purpose") for _ in range(3)]
        assert (await server.told(signals.BackupFinished)).verdict == "success"


async def test_unit_that_would_not_stop_is_a_warning(world: SimWorld) -> None:
    async with Server(world, units=Units(running=("db.service",))) as server:
        finished = await server.told(signals.BackupFinished)
    assert finished.verdict == "warning"
    assert "db.service" in finished.message


async def test_units_that_cannot_even_be_asked_end_no_backup_in_the_middle(
    world: SimWorld,
) -> None:
    class Broken(Units):
        async def restore(self) -> Sequence[str]:
            raise OSError(5, "Input/output error")

    async with Server(world, units=Broken()) as server:
        finished = await server.told(signals.BackupFinished)
    assert finished.verdict == "warning"
    assert "db.service" in finished.message


async def test_history_that_fails_in_an_unknown_way_ends_no_backup(world: SimWorld) -> None:
    async with Server(world) as server:
        await server.told(signals.BackupStarted)
        world.history.failure = RuntimeError("on purpose")
        assert (await server.told(signals.BackupFinished)).verdict == "success"
        assert server.control.manager().alerts[0].code == "history"
        world.history.failure = None


async def test_start_does_not_wait_for_units_but_the_script_does(world: SimWorld) -> None:
    units = Units(slow=0.2)
    async with Server(world, units=units) as server:
        assert units.calls == []
        await server.told(signals.BackupFinished)
    assert units.calls == ["restore", "stop", "restore"]


async def test_hanging_logind_holds_no_backup_up(world: SimWorld) -> None:
    class Inhibitor:
        async def hold(self, why: str) -> None:
            await asyncio.Event().wait()

        async def release(self) -> None:
            return

    async with Server(world, inhibitor=Inhibitor()) as server:
        assert (await server.told(signals.BackupFinished)).verdict == "success"


async def test_unplug_is_not_answered_with_yes_while_a_new_backup_begins(world: SimWorld) -> None:
    async with Server(world) as server:
        await server.told(signals.SafeToUnplug)
        unplugging = asyncio.ensure_future(server.control.unplug("/dev/sim0"))
        await asyncio.sleep(0)
        await server.control.run_backup(UUID)
        with pytest.raises(Busy):
            await unplugging


async def test_end_of_a_backup_is_mailed_and_called_out(world: SimWorld) -> None:
    world.configuration.toml = f'language = "fr"\n{CONFIG}\n[alerts]\nconsole = true\n'
    async with Server(world) as server:
        await server.told(signals.SafeToUnplug)
    (letter,) = world.mail.letters
    assert isinstance(letter, BackupEnded)
    assert letter.backup.verdict == "success"
    assert world.mail.languages == ["fr"]
    assert world.mail.settings.to == ("root",)
    assert world.history.mailed == {letter.backup.id}
    assert world.console.calls == [DiskSafe(UUID, "bleu")]


async def test_trouble_with_mail_is_an_alert(world: SimWorld) -> None:
    async with Server(world) as server:
        world.mail.told("1 mail waits")
        await server.engine.shown()
        assert "mail" in {alert.code for alert in server.control.manager().alerts}
        world.mail.told("")
        await server.engine.shown()
        assert "mail" not in {alert.code for alert in server.control.manager().alerts}


async def test_mail_that_is_never_kept_holds_up_neither_backups_nor_the_end(
    world: SimWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stuck(SimMail):
        async def post(self, letter: Letter, language: str) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr(performer, "POST_SECONDS", 0.1)
    async with Server(world, mail=Stuck()) as server:
        await server.told(signals.SafeToUnplug)
        await server.control.run_backup(UUID)
        await server.engine.until(lambda: not server.engine.state.busy)
        assert len(server.audience.of(signals.BackupFinished)) == 2
    assert world.history.mailed == set()


async def test_mail_that_fails_in_an_unknown_way_ends_no_backup(world: SimWorld) -> None:
    class Broken(SimMail):
        async def post(self, letter: Letter, language: str) -> None:
            raise RuntimeError("on purpose")

    async with Server(world, mail=Broken()) as server:
        assert (await server.told(signals.SafeToUnplug)).uuid == UUID
