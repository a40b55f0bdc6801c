"""What is shown of one disk, to root and to others: opened one after the other, ended together."""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tetrasback import names
from tetrasback.adapters.userview import UserViews
from tetrasback.adapters.window import Window
from tetrasback.core.task import Snapshot, chosen, no_snapshot
from tetrasback.ports import Fault, TaskOrder

log = logging.getLogger(__name__)

MOST: Final = 16
"""Views of one disk: each is a process and a mount."""
OVER: Final = "the backup is shown no longer: the journal says why"


class Showing:
    """Shows SNAPSHOTS on the disk of ORDER."""

    def __init__(
        self, window: Window, views: UserViews, order: TaskOrder, snapshots: Sequence[Snapshot]
    ) -> None:
        self.job_id = order.job_id
        self._window = window
        self._views = views
        self._order = order
        self._snapshots = snapshots
        self._name = names.escape(order.task.uuid)
        self._opened: Path | None = None
        self._places: dict[tuple[int, str], Path] = {}
        self._turn = asyncio.Lock()
        self._stopped = asyncio.Event()
        self._died = asyncio.Event()

    async def add(self, snapshot: str, user: int) -> Path:
        """Show the backup in the folder SNAPSHOT ('' = the newest) to USER; where. Raises Fault."""
        found = chosen(self._snapshots, snapshot)
        if found is None:
            raise Fault(*no_snapshot(snapshot))
        if user:
            self._views.check()
        async with self._turn:
            if self._stopped.is_set() or self._died.is_set():
                raise Fault("job-failed", OVER)
            if self._opened is None:
                order = self._order
                self._opened = await self._window.show(order.device, order.fstype, self._name)
            whole = self._opened / found.snapshot
            if not user:
                return whole
            key = user, found.snapshot
            if key not in self._places:
                if len(self._places) >= MOST:
                    raise Fault("job-failed", "too many backups are shown: end that, then retry")
                self._places[key] = await self._views.show(whole, user, self._died.set)
            return self._places[key]

    async def last(self, seconds: float) -> None:
        """Back after `stop` or SECONDS; raises Fault where a view has ended before."""
        waits = [asyncio.ensure_future(item.wait()) for item in (self._stopped, self._died)]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if self._died.is_set() and not self._stopped.is_set():
            log.error("what showed a backup on %s has ended before its time", self._order.name)
            raise Fault("job-failed", OVER)

    def stop(self) -> None:
        """It is to end."""
        self._stopped.set()

    async def close(self) -> None:
        """End it, whoever still looks."""
        self.stop()
        async with self._turn:
            # All at once: each may take as long as a dying disk has it wait.
            await asyncio.gather(*map(self._views.hide, self._places.values()))
            await self._window.hide(self._name)
