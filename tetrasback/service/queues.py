"""Two queues that strangers cannot grow: what came in and waits, what is to go out.

Both are for one event loop and are never waited for by more than one task.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from tetrasback.core.signals import Signal

WAITING_FROM_ONE: Final = 512
WAITING_BYTES_FROM_ONE: Final = 1 << 20
WAITING_BYTES: Final = 16 << 20

OUT_MESSAGES: Final = 20_000
OUT_BYTES: Final = 16 << 20
OUT_TO_ONE: Final = 1024
OUT_BYTES_TO_ONE: Final = 4 << 20


class Inbox:
    """Messages that came in, taken one of each sender in turn: a flooder waits for itself.

    What the daemon asked for itself (the empty sender) comes before everything else.
    """

    def __init__(self) -> None:
        self._urgent: deque[bytes] = deque()
        self._waiting: dict[str, deque[bytes]] = {}
        self._bytes_from: dict[str, int] = {}
        self._bytes = 0
        self._some = asyncio.Event()

    def put(self, sender: str, frame: bytes) -> bool:
        """Keep FRAME; False if its sender, or all of them, have too much waiting already."""
        if not sender:
            self._urgent.append(frame)
            self._some.set()
            return True
        waiting = self._waiting.setdefault(sender, deque())
        size = self._bytes_from.get(sender, 0) + len(frame)
        if (
            len(waiting) >= WAITING_FROM_ONE
            or size > WAITING_BYTES_FROM_ONE
            or self._bytes + len(frame) > WAITING_BYTES
        ):
            if not waiting:
                del self._waiting[sender]
            return False
        waiting.append(frame)
        self._bytes_from[sender] = size
        self._bytes += len(frame)
        self._some.set()
        return True

    async def get(self) -> bytes:
        """The next message; waits for one."""
        await self._some.wait()
        if self._urgent:
            frame = self._urgent.popleft()
        else:
            sender = next(iter(self._waiting))
            waiting = self._waiting.pop(sender)
            frame = waiting.popleft()
            self._bytes -= len(frame)
            if waiting:
                self._waiting[sender] = waiting  # again, behind all others
                self._bytes_from[sender] -= len(frame)
            else:
                del self._bytes_from[sender]
        if not self._urgent and not self._waiting:
            self._some.clear()
        return frame


class Rank(IntEnum):
    """What goes first when there is no room: replies to strangers, and last our own questions."""

    REPLY = 0
    PROGRESS = 1
    SIGNAL = 2
    OWN = 3


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """A message to go out: the library's, or bytes that are ready.

    ``size`` is an estimate in bytes, ``signal`` what it tells, should it have to be told again;
    ``sent`` is called with the bytes when it is its turn, or with None should it be dropped.
    """

    message: Any
    rank: Rank
    size: int = 256
    destination: str = ""
    signal: Signal | None = None
    sent: Callable[[bytes | None], None] | None = None


class Outbox:
    """Messages that are to go out, in their order; bounded, as a whole and for each destination."""

    def __init__(self) -> None:
        self._items: dict[Rank, deque[tuple[int, Item]]] = {rank: deque() for rank in Rank}
        self._order = 0
        self._bytes = 0
        self._to: dict[str, tuple[int, int]] = {}
        self._some = asyncio.Event()
        self._few = asyncio.Event()
        self._few.set()

    def __len__(self) -> int:
        return sum(len(items) for items in self._items.values())

    def put(self, item: Item) -> bool:
        """Queue ITEM, or drop it where its destination has too much; False if it was dropped.

        Where all together is too much, the oldest of the lowest rank makes room.
        """
        if item.destination:
            count, size = self._to.get(item.destination, (0, 0))
            if count >= OUT_TO_ONE or (count and size + item.size > OUT_BYTES_TO_ONE):
                return False
        while len(self) >= OUT_MESSAGES or (len(self) and self._bytes + item.size > OUT_BYTES):
            lowest = next(rank for rank in Rank if self._items[rank])
            if lowest > item.rank:
                return False
            dropped = self._take(lowest)
            if dropped.sent:
                dropped.sent(None)
        if item.destination:
            count, size = self._to.get(item.destination, (0, 0))
            self._to[item.destination] = (count + 1, size + item.size)
        self._order += 1
        self._items[item.rank].append((self._order, item))
        self._bytes += item.size
        self._note()
        return True

    async def get(self) -> Item:
        """The next item, which is taken out; waits for one."""
        await self._some.wait()
        return self.take()

    def take(self) -> Item:
        """The next item, which is taken out. There must be one."""
        return self._take(self._next())

    def ready_bytes(self) -> list[Item]:
        """Items at the head that are bytes already and fit into one write with the one before."""
        found: list[Item] = []
        size = 0
        while self._some.is_set() and size < 1 << 16:
            rank = self._next()
            head = self._items[rank][0][1]
            if not isinstance(head.message, bytes) or head.sent:
                break
            size += head.size
            found.append(self._take(rank))
        return found

    def few(self) -> Awaitable[object]:
        """Waits until there are so few that more may be made."""
        return self._few.wait()

    def _next(self) -> Rank:
        return min((r for r in Rank if self._items[r]), key=lambda rank: self._items[rank][0][0])

    def _take(self, rank: Rank) -> Item:
        item = self._items[rank].popleft()[1]
        self._bytes -= item.size
        if item.destination:
            count, size = self._to[item.destination]
            if count == 1:
                del self._to[item.destination]
            else:
                self._to[item.destination] = (count - 1, size - item.size)
        self._note()
        return item

    def _note(self) -> None:
        for event, state in ((self._some, len(self) > 0), (self._few, len(self) < 64)):
            if state:
                event.set()
            else:
                event.clear()
