"""What a script prints, made bounded: head and tail are kept, a flood in the middle is left out.

A leaky bucket: lines pass while there is room in it. Then only the newest bytes are remembered,
without looking at them, until there is room again or the script has ended.
"""

from typing import Final

from tetrasback.core.speech import LINE_MAX, cleaned

BURST: Final = 128 * 1024
"""Bytes that may come at once."""

RATE: Final = 64 * 1024
"""Bytes a second that may come for ever."""

LINE_COST: Final = 100
"""What a line costs besides its bytes, so that short lines are no cheap way to flood."""

TAIL: Final = 64 * 1024
TAIL_LINES: Final = 200


class Chatter:
    """One stream of output. NOW is a clock in seconds."""

    def __init__(self, now: float) -> None:
        self._room = float(BURST)
        self._then = now
        self._partial = b""
        self._flooded = False
        self._tail = b""
        self._left_out = 0

    def feed(self, data: bytes, now: float) -> list[str]:
        """Take DATA; the lines that are to be logged, each fit for it."""
        self._room = min(BURST, self._room + (now - self._then) * RATE)
        self._then = now
        if self._flooded and self._room < BURST / 2:
            self._drop(data)
            return []
        return self._resume() + self._take(data)

    def end(self) -> list[str]:
        """The output has ended: what is left to be logged."""
        lines = self._resume()
        if self._partial:
            lines.append(self._line(b""))
        return lines

    def _take(self, data: bytes) -> list[str]:
        lines: list[str] = []
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            lines.append(self._line(data[start:end]))
            start = end + 1
            if self._room <= 0:
                self._flooded = True
                self._drop(data[start:])
                return lines
        self._partial = (self._partial + data[start:])[: LINE_MAX + 1]
        return lines

    def _line(self, rest: bytes) -> str:
        whole = (self._partial + rest[: LINE_MAX + 1]).rstrip(b"\r")
        self._partial = b""
        self._room -= min(len(whole), LINE_MAX) + LINE_COST
        return cleaned(whole.rpartition(b"\r")[2])  # what a terminal would show in the end

    def _drop(self, data: bytes) -> None:
        self._tail += data
        if len(self._tail) > 2 * TAIL:
            self._left_out += len(self._tail) - TAIL
            self._tail = self._tail[-TAIL:]

    def _resume(self) -> list[str]:
        """After a flood: how much is left out, and its last lines."""
        if not self._flooded:
            return []
        self._flooded = False
        *whole, rest = self._tail.split(b"\n")
        kept = whole[-TAIL_LINES:]
        if self._left_out and len(kept) == len(whole):
            kept = kept[1:]  # its beginning is lost
        left_out = self._left_out + len(self._tail) - len(rest) - sum(len(x) + 1 for x in kept)
        self._tail, self._left_out = b"", 0
        self._partial = b""
        lines = [self._line(line) for line in kept]
        self._partial = rest[: LINE_MAX + 1]
        return [f"… {left_out} bytes left out …", *lines] if left_out else lines
