"""The shell around the core: one stream of events → `step` → effects → their results as events.

It decides nothing. Steps are taken at once, in the order in which events come; what they call for
is carried out in the same order: first what must be on the server's disk (`DURABLE`), then the new
state is shown, then the rest is done. Effects that take long run beside, one task each, and their
results come back as events.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from tetrasback.config.edits import Edit
from tetrasback.config.model import Config
from tetrasback.core import effects, events
from tetrasback.core.devices import BlockDevice
from tetrasback.core.machine import step
from tetrasback.core.signals import Signal
from tetrasback.core.state import State
from tetrasback.core.wholes import WholeDisk
from tetrasback.errors import ConfigurationError, TetrasBackError
from tetrasback.performer import Performer
from tetrasback.ports import Loaded, Ports
from tetrasback.recorder import DURABLE, Durable, Recorder

log = logging.getLogger(__name__)


class Audience(Protocol):
    """Who is shown the state and told the signals."""

    def show(self, state: State, config: Config) -> None:
        """This is how things are now."""
        ...

    def tell(self, signal: Signal) -> None:
        """This has happened."""
        ...


@dataclass(slots=True)
class _Work:
    """What one step called for, and when it has been carried out."""

    state: State
    config: Config
    effects: tuple[effects.Effect, ...]
    done: asyncio.Future[None] = field(default_factory=lambda: _future())


def _future() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


class Engine:
    """Runs the core on real or simulated ports. All of it lives on one event loop."""

    def __init__(self, ports: Ports, audience: Audience) -> None:
        self.ports = ports
        self.state = State()
        self.config = Config()
        self._audience = audience
        self._work: asyncio.Queue[_Work] = asyncio.Queue()
        self._watchers: set[Callable[[events.Event], None]] = set()
        self._editing = asyncio.Lock()
        self._worker: asyncio.Task[None] | None = None
        self._recorder = Recorder(ports.history, ports.logs, self._history_failed, self._everything)
        self._performer = Performer(ports, self.submit, audience.tell)

    # --- life -----------------------------------------------------------------------------------

    async def start(self) -> None:
        """Remember what was, look at what is. No backup starts before `begin`."""
        history = self.ports.history
        loaded = await self._load()
        self.config = loaded.config
        self._worker = asyncio.create_task(self._carry_out(), name="engine")
        self.ports.mail.start(self._mail_failed)
        await self.happened(
            events.Started(
                boot_id=self.ports.system.boot_id(),
                next_id=history.next_id(),
                remembered=tuple(history.remembered()),
                unfinished=tuple(history.unfinished()),
                untold=tuple(history.untold()),
                holds=tuple(history.holds()),
                jobs=tuple(history.unfinished_jobs()),
            )
        )
        await self.happened(events.ConfigChanged(loaded.error))
        await self.happened(events.HistoryFailed(history.problem))
        self._performer.restore_units()
        await self.ports.tasks.clear()
        devices = await self.ports.devices.start(self._device_seen, self._device_gone)
        for device in devices:
            self._device_seen(device)
        for whole in await self.ports.wholes.start(self._whole_seen, self._whole_gone):
            self._whole_seen(whole)

    def begin(self) -> None:
        """Let backups start as soon as the system is up."""
        self._performer.spawn(self._wait_until_up())

    async def come_to_rest(self) -> None:
        """Wait until a restart would cut off and forget nothing; from then on nothing begins."""
        while not self.state.at_rest:  # looked at again: another event may have come first
            await self.until(lambda: self.state.at_rest)
        self.submit(events.StopRequested())

    async def stop(self) -> None:
        """End the running backup in good order, then everything else."""
        await self.happened(events.StopRequested())
        await self.until(lambda: not self._holds_disks())
        await self._work.join()
        await self._performer.finish_mail()
        await self._work.join()
        await self._recorder.catch_up()
        self._recorder.close()
        await self.ports.devices.close()
        await self.ports.wholes.close()
        await self._performer.close()
        if self._worker is not None:
            self._worker.cancel()
            with suppress(asyncio.CancelledError):
                await self._worker
        self.ports.history.close()

    def _holds_disks(self) -> bool:
        state = self.state
        is_working = state.running is not None or state.job is not None
        return bool(is_working or state.checking or state.preparing)

    async def _wait_until_up(self) -> None:
        await self.ports.system.wait_until_up()
        self.submit(events.SystemReady())

    # --- events ---------------------------------------------------------------------------------

    def submit(self, event: events.Event) -> asyncio.Future[None]:
        """Take a step. The future ends when what the step called for has been begun.

        Raises what `step` raises for a request that is refused; nothing has changed then.
        """
        return self._taken(event, *self._step(event))

    def _step(self, event: events.Event) -> tuple[State, tuple[effects.Effect, ...]]:
        return step(self.state, event, self.config, self.ports.system.now())

    def _taken(
        self, event: events.Event, state: State, wanted: tuple[effects.Effect, ...]
    ) -> asyncio.Future[None]:
        self.state = state
        work = _Work(state, self.config, wanted)
        self._work.put_nowait(work)
        for watcher in list(self._watchers):
            watcher(event)
        return work.done

    def _device_seen(self, device: BlockDevice) -> None:
        self.submit(events.DeviceSeen(device))

    def _device_gone(self, syspath: str) -> None:
        self.submit(events.DeviceGone(syspath))

    def _whole_seen(self, whole: WholeDisk) -> None:
        self.submit(events.WholeSeen(whole))

    def _whole_gone(self, syspath: str) -> None:
        self.submit(events.WholeGone(syspath))

    async def happened(self, event: events.Fact) -> None:
        """Submit a fact and wait until its effects have been begun."""
        await self.submit(event)

    async def request(self, event: events.Request) -> None:
        """Submit a request and wait until it is done; raises an error of `errors` if refused."""
        state, wanted = self._step(event)
        edits = [item.edit for item in wanted if isinstance(item, effects.EditConfig)]
        for edit in edits:  # a caller that leaves must not leave half an edit behind
            await asyncio.shield(self._performer.spawn(self.edit(edit)))
        if not edits:  # a step that edits the configuration changes nothing else
            await self._taken(event, state, wanted)

    async def edit(self, edit: Edit) -> None:
        """Change the configuration file, then take what it says. Raises ConfigurationError."""
        async with self._editing:
            config = await asyncio.to_thread(self.ports.configuration.edit, edit)
            await self._take(config, "")

    async def reload(self) -> None:
        """Read the configuration file again. Raises ConfigurationError if it is refused."""
        async with self._editing:
            loaded = await self._load()
            await self._take(loaded.config, loaded.error)
        if loaded.error:
            raise ConfigurationError(loaded.error)

    async def _load(self) -> Loaded:
        loaded = await asyncio.to_thread(self.ports.configuration.load)
        for warning in loaded.warnings:
            log.warning("configuration: %s", warning)
        return loaded

    async def _take(self, config: Config, error: str) -> None:
        self.config = config
        await self.happened(events.ConfigChanged(error))

    def file_changed(self) -> None:
        """The configuration file has been touched: read it soon. A bad one becomes an alert."""
        self._performer.spawn(self._reload_quietly())

    async def _reload_quietly(self) -> None:
        try:
            await self.reload()
        except TetrasBackError as error:
            log.error("configuration not taken: %s", error)

    async def shown(self) -> None:
        """Wait until what has happened so far is recorded, shown and told."""
        await self._work.join()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until CONDITION, looked at after every event, holds."""
        if not condition():
            await self.next(lambda event: condition())

    def next(self, wanted: Callable[[events.Event], bool]) -> asyncio.Future[events.Event]:
        """The first event from now on that is WANTED. Cancel it to stop looking."""
        found: asyncio.Future[events.Event] = asyncio.get_running_loop().create_future()

        def look(event: events.Event) -> None:
            if not found.done() and wanted(event):
                found.set_result(event)

        self._watchers.add(look)
        found.add_done_callback(lambda _: self._watchers.discard(look))
        return found

    # --- effects --------------------------------------------------------------------------------

    async def _carry_out(self) -> None:
        while True:
            work = await self._work.get()
            for effect in work.effects:
                if isinstance(effect, DURABLE):
                    await self._recorder.record(effect)
            self._begun(partial(self._audience.show, work.state, work.config))
            for effect in work.effects:
                if not isinstance(effect, DURABLE):
                    self._begun(partial(self._performer.perform, effect))
            self._work.task_done()
            if not work.done.done():
                work.done.set_result(None)

    def _begun(self, perform: Callable[[], None]) -> None:
        """Do one thing; what goes wrong with it must not keep the others from being done."""
        try:
            perform()
        except Exception:
            log.exception("an effect could not be carried out")

    def _everything(self) -> Iterator[Durable]:
        for disk in self.state.disks.values():
            if disk.saved:
                yield effects.RecordDisk(disk)
                if disk.plug is not None:
                    yield effects.RecordPlug(disk.uuid, disk.plug)
        for uuid, until in self.state.holds.items():
            yield effects.RecordHold(uuid, until)

    def _history_failed(self, trouble: str) -> None:
        self.submit(events.HistoryFailed(trouble))

    def _mail_failed(self, trouble: str) -> None:
        self.submit(events.MailFailed(trouble))
