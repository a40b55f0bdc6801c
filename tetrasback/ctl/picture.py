"""The live picture of `watch` on a terminal."""

import time
from collections import deque
from collections.abc import Iterator
from typing import Any, Final

from tetrasback import names
from tetrasback.client.events import Event, Signal
from tetrasback.client.mirror import Mirror
from tetrasback.ctl.happenings import clock, sentence
from tetrasback.ctl.holds import hold_line
from tetrasback.ctl.output import Output, rich_table
from tetrasback.ctl.progress import Pace, progress_row
from tetrasback.ctl.sentences import (
    Progress,
    alert_line,
    beside_jobs,
    disk_name,
    disks_table,
    job_title,
)
from tetrasback.ctl.wholes import without_disk
from tetrasback.lang.i18n import ngettext
from tetrasback.lang.text import clean
from tetrasback.lang.units import now

REDRAW: Final = 0.25
"""Seconds: at most four pictures each."""
EVENTS_SHOWN: Final = 8
MAX_SHOWN: Final = 15


class Picture:
    """Alerts, disks, running backups and the last events, redrawn in place."""

    restless = True

    def __init__(self, out: Output, mirror: Mirror) -> None:
        from rich.live import Live

        self._mirror = mirror
        self._console = out.console
        self._events: deque[str] = deque(maxlen=EVENTS_SHOWN)
        self._paces: dict[str, Pace] = {}
        self._live = Live(console=out.console, auto_refresh=False)
        self._drawn = 0.0
        self._stale = True

    def begin(self) -> None:
        """Draw it for the first time."""
        self._live.start()
        self._draw()

    def event(self, event: Event | None) -> None:
        """EVENT has happened (None: only time has passed), and the mirror knows."""
        if event is not None:
            self._stale = True
            text = sentence(event, self._mirror)
            if text and not (isinstance(event, Signal) and event.name.endswith("Progress")):
                self._events.append(f"{clock()} {text}")
        moving = any(True for _ in self._going())
        if (self._stale or moving) and time.monotonic() - self._drawn >= REDRAW:
            self._draw()

    def end(self) -> None:
        """Leave the last picture as it is."""
        self._live.stop()

    def _draw(self) -> None:
        self._drawn, self._stale = time.monotonic(), False
        self._live.update(self._picture(), refresh=True)

    def _going(self) -> Iterator[tuple[str, tuple[str, Progress]]]:
        """Backups and jobs that have not ended: their object's path, what to call them, they."""
        for number, backup in sorted(self._mirror.backups.items()):
            if not backup.verdict:
                yield names.backup_path(number), (self._name(backup.uuid), backup)
        for number, job in sorted(self._mirror.jobs.items()):
            if not job.verdict:
                yield names.job_path(number), (job_title(job.kind, self._name(job.uuid)), job)

    def _name(self, uuid: str) -> str:
        disk = self._mirror.disks.get(uuid)
        return disk_name(disk) if disk else uuid

    def _picture(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        parts: list[Any] = []
        at = now()
        alerts = beside_jobs(self._mirror.manager.alerts, self._mirror.jobs.values())
        for alert in alerts[:MAX_SHOWN]:
            line = Text(no_wrap=True, overflow="ellipsis")
            disk = self._mirror.disks.get(alert.uuid)
            for cell in alert_line(alert, disk, at, self._mirror.manager.preparable):
                text, style = (cell, "") if isinstance(cell, str) else cell
                line.append(clean(text), style)
            parts.append(line)
        for hold in self._mirror.manager.holds[:MAX_SHOWN]:
            text = hold_line(hold, self._mirror.disks.get(hold.uuid))
            parts.append(Text(clean(text), style="cyan", no_wrap=True, overflow="ellipsis"))
        present = [disk for disk in self._mirror.disks.values() if disk.device]
        absent = [disk for disk in self._mirror.disks.values() if not disk.device]
        shown = [*present, *sorted(absent, key=lambda disk: -disk.last_seen)][:MAX_SHOWN]
        blank = without_disk(self._mirror.manager.preparable, present)
        table = disks_table(shown, full=False, blank=blank)
        parts += [Text(""), rich_table(table, self._console.width)]
        if len(shown) < len(self._mirror.disks):
            left = len(self._mirror.disks) - len(shown)
            more = ngettext("and {n} more", "and {n} more", left).format(n=left)
            parts.append(Text(more, style="dim"))
        parts.append(Text(""))
        going = dict(self._going())
        self._paces = {path: self._paces.get(path) or Pace() for path in going}
        for path, (title, one) in going.items():
            self._paces[path].see(one, time.monotonic())
            parts.append(progress_row(title, one, self._paces[path]))
        parts += [
            Text(clean(line), style="dim", no_wrap=True, overflow="ellipsis")
            for line in self._events
        ]
        return Group(*parts)
