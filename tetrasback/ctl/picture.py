"""The live picture of `watch` on a terminal."""

import time
from collections import deque
from typing import Any, Final

from tetrasback.client.events import Event, Signal
from tetrasback.client.mirror import Mirror
from tetrasback.ctl.happenings import clock, sentence
from tetrasback.ctl.output import Output, rich_table
from tetrasback.ctl.progress import Pace, progress_row
from tetrasback.ctl.sentences import alert_line, disks_table
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
        self._paces: dict[int, Pace] = {}
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
            if text and not (isinstance(event, Signal) and event.name == "BackupProgress"):
                self._events.append(f"{clock()} {text}")
        moving = any(not backup.verdict for backup in self._mirror.backups.values())
        if (self._stale or moving) and time.monotonic() - self._drawn >= REDRAW:
            self._draw()

    def end(self) -> None:
        """Leave the last picture as it is."""
        self._live.stop()

    def _draw(self) -> None:
        self._drawn, self._stale = time.monotonic(), False
        self._live.update(self._picture(), refresh=True)

    def _picture(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        parts: list[Any] = []
        at = now()
        for alert in self._mirror.manager.alerts[:MAX_SHOWN]:
            line = Text(no_wrap=True, overflow="ellipsis")
            disk = self._mirror.disks.get(alert.uuid)
            for cell in alert_line(alert, disk, at, self._mirror.manager.preparable):
                text, style = (cell, "") if isinstance(cell, str) else cell
                line.append(clean(text), style)
            parts.append(line)
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
        for number, backup in sorted(self._mirror.backups.items()):
            if backup.verdict:
                self._paces.pop(number, None)
                continue
            pace = self._paces.setdefault(number, Pace())
            pace.see(backup, time.monotonic())
            disk = self._mirror.disks.get(backup.uuid)
            parts.append(progress_row(disk.name if disk else backup.uuid, backup, pace))
        parts += [
            Text(clean(line), style="dim", no_wrap=True, overflow="ellipsis")
            for line in self._events
        ]
        return Group(*parts)
