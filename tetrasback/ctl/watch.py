"""`watch`: everything, live. A picture on a terminal, a line for each event elsewhere."""

from typing import Any, Final

from tetrasback.client import shapes
from tetrasback.client.events import DaemonBack, DaemonGone, Event, Lost, Signal
from tetrasback.client.mirror import Mirror
from tetrasback.ctl.context import Context
from tetrasback.ctl.happenings import clock, sentence
from tetrasback.ctl.output import Output
from tetrasback.ctl.picture import REDRAW, Picture
from tetrasback.errors import EXIT_OK, TetrasBackError
from tetrasback.lang.units import iso, now
from tetrasback.lang.words import DISK_STATES, about, say

PASSING: Final = frozenset({"BackupProgress", "JobProgress"})
"""Signals of which most tell nothing new."""
SILENCE: Final = 60.0
"""Seconds after which waiting for an event is begun anew where nothing moves by itself."""


async def watch(context: Context) -> int:
    """Runs until it is interrupted, or the bus ends."""
    context.on_interrupt, context.interrupt_code = "", EXIT_OK  # how it is meant to end
    mirror = Mirror()
    show: _Lines | _Json | Picture = _Lines(context.out, mirror)
    if context.out.json:
        show = _Json(context.out, mirror)
    elif context.out.terminal:
        show = Picture(context.out, mirror)
    async with context.client.events() as events:
        await mirror.load(context.client)
        show.begin()
        try:
            while True:
                event = await events.next(REDRAW if show.restless else SILENCE)
                if isinstance(event, Lost | DaemonBack):
                    await _reload(context, mirror)
                if event is not None:
                    mirror.apply(event)
                show.event(event)
        finally:
            show.end()
    return EXIT_OK


async def _reload(context: Context, mirror: Mirror) -> None:
    try:
        await mirror.load(context.client)
    except TetrasBackError:
        # It went away again, or is not ready: what comes will be announced. Not so without a bus.
        if context.client.connection.closed.done():
            raise


class _Lines:
    """A line for each event, progress only at each step and tenth."""

    restless = False

    def __init__(self, out: Output, mirror: Mirror) -> None:
        self._out = out
        self._mirror = mirror
        self._progress: dict[str, tuple[str, int]] = {}

    def begin(self) -> None:
        for disk in self._mirror.disks.values():
            if disk.state != "absent":
                state = say(DISK_STATES, disk.state)
                self._out.line(f"{clock()} {about(disk.name or disk.uuid, state)}")

    def event(self, event: Event | None) -> None:
        if event is None or not self._worth(event):
            return
        text = sentence(event, self._mirror)
        if text:
            self._out.line(f"{clock()} {text}")

    def _worth(self, event: Event) -> bool:
        if not isinstance(event, Signal):
            return True
        path = str(event.arguments.get("backup") or event.arguments.get("job") or "")
        if event.name not in PASSING:
            self._progress.pop(path, None)
            return True
        mark = (str(event.arguments["step"]), int(event.arguments["fraction"] * 10))
        new = self._progress.get(path) != mark
        self._progress[path] = mark
        return new

    def end(self) -> None:
        """Nothing is left open."""


class _Json:
    """A JSON object a line: first every disk, then the signals, and the daemon itself."""

    restless = False

    def __init__(self, out: Output, mirror: Mirror) -> None:
        self._out = out
        self._mirror = mirror

    def begin(self) -> None:
        for disk in self._mirror.disks.values():
            self._write("State", shapes.disk_shape(disk))

    def event(self, event: Event | None) -> None:
        match event:
            case Signal(name, arguments):
                self._write(name, dict(arguments))
            case DaemonGone():
                self._write("DaemonGone", {})
            case DaemonBack() | Lost():
                self._write(type(event).__name__, {})
                self.begin()

    def _write(self, name: str, members: dict[str, Any]) -> None:
        self._out.data_line({"event": name, "time": iso(now()), **members})

    def end(self) -> None:
        """Nothing is left open."""
