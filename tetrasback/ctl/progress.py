"""How fast a backup or a job goes and how long it will still take, and showing that."""

import time
from collections import deque
from typing import Any, Final

from tetrasback.ctl.output import Output
from tetrasback.ctl.sentences import Progress, amount, backup_step, progress_line
from tetrasback.lang.i18n import _
from tetrasback.lang.units import duration, percent, speed
from tetrasback.lang.words import about

WINDOW: Final = 15.0
"""Seconds over which the speed is averaged."""


class Pace:
    """Speed and remaining time, from what `see` was told and when."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int, float]] = deque()

    def see(self, backup: Progress, at: float) -> None:
        """BACKUP was so far AT this time (seconds on a steady clock)."""
        if self._seen and backup.bytes_done < self._seen[-1][1]:
            self._seen.clear()  # another script counts anew
        self._seen.append((at, backup.bytes_done, backup.fraction))
        while len(self._seen) > 2 and at - self._seen[0][0] > WINDOW:
            self._seen.popleft()

    @property
    def speed(self) -> float:
        """Bytes a second, 0 = unknown."""
        if len(self._seen) < 2:
            return 0.0
        (begin, first, _), (end, last, _) = self._seen[0], self._seen[-1]
        return (last - first) / (end - begin) if end > begin else 0.0

    def remaining(self, backup: Progress) -> float | None:
        """Seconds still to go, or None where nothing tells."""
        if backup.bytes_total > backup.bytes_done and self.speed > 0:
            return (backup.bytes_total - backup.bytes_done) / self.speed
        if len(self._seen) < 2:
            return None
        (begin, _, first), (end, _, last) = self._seen[0], self._seen[-1]
        if first < 0 or last <= first or end <= begin:
            return None
        return (1 - last) * (end - begin) / (last - first)


class Display:
    """Shows a backup or a job while it runs: a bar on a terminal, a line at each step elsewhere.

    NAME stands beside the bar, TITLE before a line.
    """

    def __init__(self, out: Output, name: str, title: str) -> None:
        self._out = out
        self._name = name
        self._title = title
        self._pace = Pace()
        self._live: Any = None
        self._told = ("", -1)

    def __enter__(self) -> "Display":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the bar away; the next `show` brings it back."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def show(self, backup: Progress) -> None:
        """It is so far now."""
        self._pace.see(backup, time.monotonic())
        if self._out.json:
            return
        if not self._out.terminal:
            # A line for each step and each tenth: a log is to be read afterwards.
            mark = (backup_step(backup), int(backup.fraction * 10))
            if mark != self._told:
                self._told = mark
                self._out.line(progress_line(self._title, backup))
            return
        if self._live is None:
            from rich.live import Live

            self._live = Live(console=self._out.console, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(progress_row(self._name, backup, self._pace), refresh=True)


def progress_row(name: str, backup: Progress, pace: Pace) -> Any:
    """A bar with step, percentage, bytes, speed and remaining time, for rich."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    from tetrasback.lang.text import clean

    row = Table.grid(padding=(0, 1, 0, 0), expand=True)
    known = backup.fraction >= 0
    done = min(1.0, backup.fraction) if known else 0.0
    remaining = pace.remaining(backup)
    facts = [
        f"{percent(done):>4}" if known else "",
        amount(backup),
        speed(pace.speed) if pace.speed >= 1 else "",
        _("{time} left").format(time=duration(remaining)) if remaining is not None else "",
    ]
    row.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    row.add_column(width=20)
    row.add_column(no_wrap=True, justify="right")
    row.add_row(
        Text(clean(about(name, backup_step(backup)), 80)),
        ProgressBar(total=1.0, completed=done, pulse=not known and backup.state != "queued"),
        Text("  ".join(fact for fact in facts if fact)),
    )
    return row
