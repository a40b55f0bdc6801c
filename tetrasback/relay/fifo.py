"""A registered FIFO: looked for, held while it is there, looked for again when it was away."""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from tetrasback.errors import TetrasBackError
from tetrasback.relay.doors import Doors, Found, find
from tetrasback.relay.watcher import MOVED, Watcher

log = logging.getLogger(__name__)

SETTLE: Final = 0.2
"""Seconds after a change to its name or rights until it is looked at."""
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
"""Seconds between looks for one that is away."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What is kept of a FIFO: UID has registered it, OWNER it belongs to (None: not known yet)."""

    path: str
    format: str
    uid: int
    owner: int | None


class Fifo(ABC):
    """One FIFO. `look` opens it; nothing here ever waits for a reader."""

    def __init__(self, registration: Registration, doors: Doors, watcher: Watcher) -> None:
        self.registration = registration
        self.identity: tuple[int, int] | None = None
        """Of the file that is held; None where there is none."""
        self._doors = doors
        self._watcher = watcher
        self._watch = -1
        self._loop = asyncio.get_running_loop()
        self._looked = -LONGEST_PAUSE
        self._timer: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._pause = FIRST_PAUSE
        self._closed = False
        self._meanwhile = 0
        """What has happened since the look that is under way began, our own doing included."""

    @abstractmethod
    def opening(self) -> Callable[[str], int]:
        """How it is to be opened now: gets a path, gives a descriptor for writing or -1."""

    @abstractmethod
    def opened(self, found: Found) -> None:
        """It was opened; whether it is another file than before, `identity` still tells."""

    @abstractmethod
    def lost(self) -> None:
        """It cannot be reached any more: nothing is held from now on."""

    @abstractmethod
    def happened(self, mask: int) -> None:
        """Readers have come or gone (`watcher.OPENED`, `watcher.LEFT`), while it was not being
        looked for."""

    @abstractmethod
    def wake(self) -> None:
        """There may be something to say."""

    async def look(self) -> None:
        """Open it, or see that it is still what it was. Raises NotAFifo, NotYours, CannotWrite;
        then it is looked for again later."""
        async with self._turn:
            one = self.registration
            work = partial(find, one.path, one.uid, one.owner, self._watcher.watch, self.opening())
            try:
                found = await self._doors.run(one.uid if one.owner is None else one.owner, work)
            except TetrasBackError as error:
                self._away(error)
                raise
            if self._closed:
                found.drop()
                self._watcher.forget(found.watch, self._told)
                return
            self.registration = replace(one, owner=found.owner)
            self._looked = self._loop.time()
            self._pause = FIRST_PAUSE
            if found.watch != self._watch:
                self._watcher.forget(self._watch, self._told)
                self._watch = found.watch
                self._watcher.listen(found.watch, self._told)
            if self.identity is None:
                log.info("%s is there", one.path)
            self.opened(found)
            self.identity = found.identity

    def look_in(self, seconds: float) -> None:
        """Look in so many seconds, if it is not looked for earlier anyway."""
        at = self._loop.time() + seconds
        if self._closed or (self._timer and self._timer.when() <= at):
            return
        if self._timer:
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self._begin)

    def close(self) -> None:
        """Let go of it for ever."""
        self._closed = True
        if self._timer:
            self._timer.cancel()
        self._watcher.forget(self._watch, self._told)
        self.lost()

    @property
    def looked(self) -> float:
        """When it was last seen to be there, in the loop's time."""
        return self._looked

    def _begin(self) -> None:
        self._timer = None
        if self._looking and not self._looking.done():
            self.look_in(SETTLE)
        else:
            self._looking = self._loop.create_task(self._look_quietly())

    async def _look_quietly(self) -> None:
        try:
            await self.look()
        except TetrasBackError:
            pass  # logged
        except Exception:
            log.exception("%s could not be looked at", self.registration.path)
            self._away(None)

    def _away(self, error: TetrasBackError | None) -> None:
        if self.identity or self._pause == FIRST_PAUSE:
            log.info("%s is away: %s", self.registration.path, error or "an error of ours")
        if self._closed:
            return
        self._watcher.forget(self._watch, self._told)
        self._watch = -1
        self.identity = None
        self.lost()
        self.look_in(self._pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def _told(self, mask: int) -> None:
        if self._closed:
            return
        if mask & MOVED:
            self.look_in(SETTLE)
        if self._turn.locked():
            self._meanwhile |= mask
        else:
            self.happened(mask)
