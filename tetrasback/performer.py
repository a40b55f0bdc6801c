"""Carries out, through the ports, what the core has called for. It decides nothing.

What takes long runs beside, one task each; whatever becomes of it comes back as an event.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

from tetrasback.core import effects, events
from tetrasback.core.devices import Reason
from tetrasback.core.news import Letter
from tetrasback.core.signals import Signal
from tetrasback.core.state import Code, Progress
from tetrasback.core.task import Kind, Task
from tetrasback.core.verdict import STATUS_WARNING
from tetrasback.errors import TetrasBackError
from tetrasback.ports import Fault, Job, Ports, TaskOrder

log = logging.getLogger(__name__)

POST_SECONDS: Final = 5.0
"""How long the daemon's end waits for letters to be written onto the server's disk."""

T = TypeVar("T")


class Performer:
    """The way out to PORTS. SUBMIT takes what comes of it, TELL the signals."""

    def __init__(
        self,
        ports: Ports,
        submit: Callable[[events.Event], object],
        tell: Callable[[Signal], None],
    ) -> None:
        self._ports = ports
        self._submit = submit
        self._tell = tell
        self._tasks: set[asyncio.Task[Any]] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._posts: set[asyncio.Task[None]] = set()
        self._inhibiting = asyncio.Lock()
        self._units_restored: asyncio.Task[None] | None = None

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run WORK beside, until it or the daemon ends."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            if isinstance(error, TetrasBackError):
                log.info("%s", error)
            else:
                log.error("a task failed", exc_info=error)

    async def finish_mail(self) -> None:
        """Give letters the time to be kept, and mail the time to be sent; both are short."""
        if self._posts:
            await asyncio.wait(self._posts, timeout=POST_SECONDS)
        await self._ports.mail.close()

    async def close(self) -> None:
        """End every timer and task, and give back the lock against shutdown."""
        for timer in self._timers.values():
            timer.cancel()
        for task in list(self._tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self._ports.inhibitor.release()

    def restore_units(self) -> None:
        """Start what an earlier life of the daemon stopped for a script and left stopped."""
        self._units_restored = self.spawn(self._restore_units())

    async def _restore_units(self) -> None:
        self._submit(events.UnitsChecked(await self._start_again(())))

    # --- effects --------------------------------------------------------------------------------

    def perform(self, effect: effects.Effect) -> None:
        """Begin to carry out one effect."""
        ports = self._ports
        match effect:
            case effects.Tell(signal):
                self._tell(signal)
            case effects.SetTimer(key, seconds):
                self._clear_timer(key)
                loop = asyncio.get_running_loop()
                self._timers[key] = loop.call_later(seconds, self._timer_fired, key)
            case effects.ClearTimer(key):
                self._clear_timer(key)
            case effects.StopScript(backup_id):
                ports.jobs.stop(backup_id)
                ports.tasks.stop(backup_id)  # it may just be looked at what it has made
            case effects.RunTask():
                self.spawn(self._run_task(effect))
            case effects.StopTask(job_id):
                ports.tasks.stop(job_id)
            case effects.StopPreparing():
                ports.preparer.stop()
            case effects.Inhibit(on):
                self.spawn(self._inhibit(on))
            case effects.OpenDisk(backup_id, device, mode):
                self._ask(
                    ports.disks.open(backup_id, device, mode),
                    lambda room: events.DiskOpened(backup_id, free=room.free),
                    partial(events.DiskOpened, backup_id),
                )
            case effects.RunScript():
                self.spawn(self._run_script(effect))
            case effects.ProbeDisk(backup_id):
                self._ask(
                    ports.disks.probe(backup_id),
                    lambda _: events.DiskProbed(backup_id),
                    partial(events.DiskProbed, backup_id),
                )
            case effects.SyncDisk(backup_id):
                self._ask(
                    ports.disks.sync(backup_id),
                    lambda room: events.DiskSynced(backup_id, free=room.free),
                    partial(events.DiskSynced, backup_id),
                )
            case effects.CloseDisk(backup_id, gone):
                self._ask(
                    ports.disks.close(backup_id, gone),
                    lambda present: events.DiskClosed(backup_id, present=present),
                    partial(events.DiskClosed, backup_id),
                )
            case effects.CheckRelease(uuid, device):
                checked = partial(events.ReleaseChecked, uuid, device.whole, diskseq=device.diskseq)
                self._ask(
                    ports.disks.released(device),
                    lambda reason: checked(reason=reason),
                    lambda code, message: checked(reason=Reason.IN_USE),
                )
            case effects.SpinDown(device):
                self.spawn(ports.disks.spin_down(device))
            case effects.KeepFromAutomounters(uuids):
                self.spawn(ports.automounters.keep_from(uuids))
            case effects.SetMail(settings):
                ports.mail.configure(settings)
            case effects.Mail(letter, language):
                task = self.spawn(self._post(letter, language))
                self._posts.add(task)
                task.add_done_callback(self._posts.discard)
            case effects.CallOut(call, language):
                self.spawn(ports.console.call_out(call, language))

    async def _post(self, letter: Letter, language: str) -> None:
        await self._ports.mail.post(letter, language)
        self._submit(events.MailKept(letter))

    def _clear_timer(self, key: str) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()

    def _timer_fired(self, key: str) -> None:
        self._timers.pop(key, None)
        self._submit(events.TimerFired(key))

    async def _inhibit(self, on: bool) -> None:
        async with self._inhibiting:  # in the order in which it was wanted
            if on:
                await self._ports.inhibitor.hold("A backup disk is in use")
            else:
                await self._ports.inhibitor.release()

    def _ask(
        self,
        step: Coroutine[Any, Any, T],
        done: Callable[[T], events.Fact],
        failed: Callable[[str, str], events.Fact],
    ) -> None:
        """Take a step on a disk; what comes of it, or the fault's word and line, is the answer."""
        self.spawn(self._answer(step, done, failed))

    async def _answer(
        self,
        step: Coroutine[Any, Any, T],
        done: Callable[[T], events.Fact],
        failed: Callable[[str, str], events.Fact],
    ) -> None:
        try:
            result = await step
        except Fault as fault:
            self._submit(failed(fault.code, fault.message))
        except Exception:  # whatever it is, the backup must hear of it and end
            log.exception("a step on a disk failed")
            message = "an internal error: the journal has the details"
            self._submit(failed(Code.DISK_ERROR, message))
        else:
            self._submit(done(result))

    async def _run_script(self, effect: effects.RunScript) -> None:
        ports, script, backup_id = self._ports, effect.script, effect.backup_id
        running: tuple[str, ...] = ()
        failed: tuple[str, ...] = ()
        progress, status, code, message = Progress(), None, "", ""
        try:
            if script.interrupt:
                if self._units_restored is not None:
                    await self._units_restored  # it must not start what is to be stopped now
                running = tuple(await ports.units.stop(script.interrupt))
            result = await ports.jobs.run(
                Job(
                    backup_id=backup_id,
                    script=script.name,
                    args=script.args,
                    takes=script.takes,
                    mount=ports.disks.mount_point(backup_id),
                    uuid=effect.device.uuid,
                    name=effect.name,
                    device=effect.device.node,
                    source=effect.source,
                    nice=effect.nice,
                    timeout=effect.timeout,
                    exclude=effect.exclude,
                    keep=effect.keep,
                    shrink_alert=effect.shrink_alert,
                    verify_minutes=effect.verify_minutes,
                ),
                lambda said: self._said(backup_id, said),
            )
            progress, status = result.progress, result.status
            code, message = result.code, result.message
        except Exception:
            log.exception("script %s could not be run", script.name)
            code, message = Code.SCRIPT_FAILED, f"{script.name} could not be run: see the journal"
        if script.interrupt:
            failed = await self._start_again(script.interrupt)
        if progress.snapshot and status in (0, STATUS_WARNING):
            await self._look(effect)
        self._submit(
            events.ScriptFinished(backup_id, status, progress, code, message, running, failed)
        )

    async def _look(self, effect: effects.RunScript) -> None:
        """While the disk is still there: what is remembered of it has the new backup, too."""
        device = effect.device
        order = TaskOrder(
            job_id=effect.backup_id,
            task=Task(Kind.LIST, device.uuid),
            mount=self._ports.disks.mount_point(effect.backup_id),
            name=effect.name,
            device=device.node,
            fstype=device.fstype,
            source=effect.source,
            nice=effect.nice,
            timeout=effect.timeout,
        )
        try:
            result = await self._ports.tasks.run(order, lambda _: None)
        except Exception:  # the backup is whole all the same
            log.exception("disk %s could not be looked at", effect.name)
            return
        if result.snapshots is not None:
            self._submit(events.SnapshotsSeen(device.uuid, result.snapshots))

    async def _run_task(self, effect: effects.RunTask) -> None:
        job_id = effect.job_id
        order = TaskOrder(
            job_id=job_id,
            task=effect.task,
            mount=self._ports.disks.mount_point(job_id),
            name=effect.name,
            device=effect.device.node,
            fstype=effect.device.fstype,
            source=effect.source,
            nice=effect.nice,
            timeout=effect.timeout,
        )
        try:
            if effect.task.kind is Kind.BROWSE:
                result = await self._ports.tasks.browse(
                    order,
                    lambda path, seconds: self._shown(events.ViewShown(job_id, path, seconds)),
                )
            else:
                result = await self._ports.tasks.run(order, lambda said: self._said(job_id, said))
        except Exception:
            log.exception("job %d could not be done", job_id)
            self._submit(events.TaskFinished(job_id, None, Progress()))
        else:
            self._submit(
                events.TaskFinished(
                    job_id,
                    result.status,
                    result.progress,
                    result.code,
                    result.message,
                    result.snapshot,
                    result.snapshots,
                    result.unproved,
                )
            )

    async def _start_again(self, units: Sequence[str]) -> tuple[str, ...]:
        """Start what was stopped for a script; those that are not started, as far as is known."""
        try:
            return tuple(await self._ports.units.restore())
        except Exception:  # the script has ended all the same, and its backup must go on
            log.exception("units could not be started again")
            return tuple(units)

    def _shown(self, event: events.ViewShown) -> None:
        self._submit(event)

    def _said(self, backup_id: int, progress: Progress) -> None:
        self._submit(events.ScriptProgressed(backup_id, progress))
