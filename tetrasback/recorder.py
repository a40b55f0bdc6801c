"""Writes what must outlive the daemon, and remembers what could not be written.

A backup does not wait for room on the server's own disk. What cannot be written is kept (the newest
word on each backup, disk and plug), tried again before anything newer and every `RETRY_SECONDS`,
and told meanwhile.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Final

from tetrasback.core import effects
from tetrasback.errors import TetrasBackError
from tetrasback.ports import History, Logs

log = logging.getLogger(__name__)

RETRY_SECONDS: Final = 60.0

Durable = (
    effects.Log
    | effects.RecordBackup
    | effects.RecordMailed
    | effects.RecordDisk
    | effects.RecordPlug
    | effects.RecordHold
    | effects.RecordJob
    | effects.RecordSnapshots
)
DURABLE: Final = (
    effects.Log,
    effects.RecordBackup,
    effects.RecordMailed,
    effects.RecordDisk,
    effects.RecordPlug,
    effects.RecordHold,
    effects.RecordJob,
    effects.RecordSnapshots,
)


class Recorder:
    """The way into HISTORY and LOGS.

    TOLD is called with the history's trouble in one line whenever it changes, '' = none.
    EVERYTHING gives the records of all that is known, for a history that had to begin anew.
    """

    def __init__(
        self,
        history: History,
        logs: Logs,
        told: Callable[[str], None],
        everything: Callable[[], Iterable[Durable]],
    ) -> None:
        self._history = history
        self._logs = logs
        self._told = told
        self._everything = everything
        self._kept: dict[tuple[type, object], Durable] = {}
        self._trouble = ""
        self._seen_problem = history.problem
        self._retry: asyncio.TimerHandle | None = None
        self._writing = asyncio.Lock()

    async def record(self, effect: Durable) -> None:
        """Write EFFECT after what is still kept, or keep it too. Never raises."""
        if isinstance(effect, effects.Log):
            self._logs.add(effect.backup_id, effect.text)
            return
        key = (type(effect), _subject(effect))
        self._kept.pop(key, None)
        self._kept[key] = effect
        await self.catch_up()

    async def catch_up(self) -> None:
        """Write what is kept, as far as it can be written."""
        async with self._writing:
            trouble = ""
            while self._kept and not trouble:
                key, effect = next(iter(self._kept.items()))
                try:
                    await self._write(effect)
                except (OSError, TetrasBackError) as error:
                    trouble = f"the history cannot be written: {error}"
                except Exception:  # backups must not end because of how the history fails
                    log.exception("the history failed")
                    trouble = "the history cannot be written: see the journal"
                else:
                    if self._kept.get(key) is effect:
                        del self._kept[key]
                self._heed_new_beginning()
            self._tell(trouble or self._history.problem)
        if self._kept and self._retry is None:
            loop = asyncio.get_running_loop()
            self._retry = loop.call_later(RETRY_SECONDS, self._try_again)

    def close(self) -> None:
        """Try no more."""
        if self._retry is not None:
            self._retry.cancel()

    def _try_again(self) -> None:
        self._retry = None
        self._again = asyncio.ensure_future(self.catch_up())

    async def _write(self, effect: Durable) -> None:
        match effect:
            case effects.RecordBackup(backup):
                await self._history.record_backup(backup)
            case effects.RecordMailed(backup_id):
                await self._history.record_mailed(backup_id)
            case effects.RecordDisk(disk):
                await self._history.record_disk(disk)
            case effects.RecordPlug(uuid, plug):
                await self._history.record_plug(uuid, plug)
            case effects.RecordHold(uuid, until):
                await self._history.record_hold(uuid, until)
            case effects.RecordJob(job):
                await self._history.record_job(job)
            case effects.RecordSnapshots(uuid, snapshots):
                await self._history.record_snapshots(uuid, snapshots)

    def _heed_new_beginning(self) -> None:
        """A history found damaged begins anew by itself: what is known is not lost with it."""
        problem = self._history.problem
        if problem and problem != self._seen_problem:
            self._seen_problem = problem
            for effect in self._everything():
                self._kept.setdefault((type(effect), _subject(effect)), effect)

    def _tell(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            if trouble:
                log.error("%s", trouble)
            self._told(trouble)


def _subject(effect: Durable) -> object:
    match effect:
        case effects.RecordBackup(backup):
            return backup.id
        case effects.RecordMailed(backup_id):
            return backup_id
        case effects.RecordDisk(disk):
            return disk.uuid
        case effects.RecordJob(job):
            return job.id
        case (
            effects.RecordPlug(uuid, _)
            | effects.RecordHold(uuid, _)
            | effects.RecordSnapshots(uuid, _)
        ):
            return uuid
    return None
