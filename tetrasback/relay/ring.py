"""The lines for FIFOs of the format events: kept once for all, read by each at its own pace.

Pure. The newest lines are kept, however many readers there are; one that falls behind them is told
how many it has lost, then how everything stands, and goes on from there. So what a FIFO costs that
nobody reads is a few numbers.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol

LINES: Final = 8192
BYTES: Final = 4 << 20
"""What is kept at most."""

ATOMIC: Final = 4096
"""Bytes that a pipe takes as a whole or not at all (PIPE_BUF in pipe(7))."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of JSON around the number that is each reader's own."""

    head: bytes
    tail: bytes

    def numbered(self, seq: int) -> bytes:
        """The line, with its end."""
        return b"%s%d%s" % (self.head, seq, self.tail)


class Facts(Protocol):
    """How everything stands."""

    def keys(self) -> Iterable[Any]:
        """What there is to say, in its order."""
        ...

    def line(self, key: Any) -> Line | None:
        """What is to be said of one now; None where it has gone meanwhile."""
        ...


class Ring:
    """Lines by their position, a number that only grows; those from `begin` to before `end` are
    kept."""

    def __init__(self, lines: int = LINES, size: int = BYTES) -> None:
        self.begin = self.end = 0
        self._most_lines, self._most_bytes = lines, size
        self._lines: dict[int, Line] = {}
        self._bytes = 0

    def append(self, line: Line) -> None:
        """Add the newest line; the oldest may have to go."""
        self._lines[self.end] = line
        self.end += 1
        self._bytes += len(line.head) + len(line.tail)
        while len(self._lines) > self._most_lines or self._bytes > self._most_bytes:
            gone = self._lines.pop(self.begin)
            self.begin += 1
            self._bytes -= len(gone.head) + len(gone.tail)

    def __getitem__(self, position: int) -> Line:
        return self._lines[position]


class Cursor:
    """One reader of RING, who is first told FACTS. LOST makes the line that tells a loss.

    Its lines are numbered from 1. The line that tells of COUNT lost ones has the number of the last
    of them, so that no number is missing but theirs.
    """

    def __init__(self, ring: Ring, facts: Facts, lost: Callable[[int], Line]) -> None:
        self._ring = ring
        self._facts = facts
        self._lost = lost
        self._first = deque(facts.keys())
        self._at = ring.end
        self._seq = 1
        self._ahead = b""

    def take(self) -> bytes:
        """The next whole lines, as many as a pipe takes at once; empty = there is nothing more."""
        taken = b""
        while line := self._ahead or self._next():
            if taken and len(taken) + len(line) > ATOMIC:
                self._ahead = line
                break
            taken += line
            self._ahead = b""
        return taken

    def _next(self) -> bytes:
        if self._at < self._ring.begin:
            count = self._ring.end - self._at
            self._at = self._ring.end
            self._first = deque(self._facts.keys())
            self._seq += count - 1
            return self._number(self._lost(count))
        while self._first:
            line = self._facts.line(self._first.popleft())
            if line:
                return self._number(line)
        if self._at == self._ring.end:
            return b""
        self._at += 1
        return self._number(self._ring[self._at - 1])

    def _number(self, line: Line) -> bytes:
        self._seq += 1
        return line.numbered(self._seq - 1)
