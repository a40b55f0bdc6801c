"""Two queues that strangers cannot grow: what came in and waits, what is to go out.

Both are for one event loop and are never waited for by more than one task.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, Generic, TypeVar

WAITING_FROM_ONE: Final = 512
WAITING_BYTES_FROM_ONE: Final = 1 << 20
WAITING_BYTES: Final = 16 << 20
URGENT_BYTES: Final = 16 << 20

OUT_MESSAGES: Final = 20_000
OUT_BYTES: Final = 16 << 20
OUT_TO_ONE: Final = 1024
OUT_BYTES_TO_ONE: Final = 4 << 20

NEW_TURNS: Final = 4
"""Things after which a stranger is no longer new: who they are, a watch, polkit and one more."""

T = TypeVar("T")


class Turns(Generic[T]):
    """Things of many strangers, taken one of each in turn.

    Every other turn is for the newest of those who had nothing waiting before: who asks little
    does not wait for hundreds that flood, and those still have all the other turns.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, deque[T]] = {}
        self._new: dict[str, int] = {}
        self._new_first = True
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def put(self, whose: str, thing: T) -> None:
        """Keep THING behind the others of the same stranger."""
        if whose not in self._waiting:
            self._waiting[whose] = deque()
            self._new[whose] = 0
        self._waiting[whose].append(thing)
        self._count += 1

    def take(self) -> tuple[str, T]:
        """The next, which is taken out, and whose it is. There must be one."""
        new = self._new_first and bool(self._new)
        self._new_first = not new
        whose = next(reversed(self._new)) if new else next(iter(self._waiting))
        thing = self._take(whose)
        if whose in self._waiting:
            self._waiting[whose] = self._waiting.pop(whose)  # again, behind all others
        if whose in self._new:
            self._new[whose] += 1
            if self._new[whose] == NEW_TURNS:
                del self._new[whose]
        return whose, thing

    def drop(self) -> T:
        """The oldest of the stranger who has most, which is taken out. There must be one."""
        return self._take(max(self._waiting, key=lambda whose: len(self._waiting[whose])))

    def _take(self, whose: str) -> T:
        self._count -= 1
        thing = self._waiting[whose].popleft()
        if not self._waiting[whose]:
            del self._waiting[whose]
            self._new.pop(whose, None)
        return thing


class Inbox:
    """Messages that came in, taken in turns: a flooder waits for itself.

    What the program asked for itself (the empty sender) comes before everything else.
    """

    def __init__(self) -> None:
        self._urgent: deque[bytes] = deque()
        self._urgent_bytes = 0
        self._waiting: Turns[bytes] = Turns()
        self._from: dict[str, tuple[int, int]] = {}
        self._bytes = 0
        self._some = asyncio.Event()

    def put(self, sender: str, frame: bytes) -> bool:
        """Keep FRAME; False if its sender, or all of them, have too much waiting already."""
        if not sender:
            if self._urgent and self._urgent_bytes + len(frame) > URGENT_BYTES:
                return False
            self._urgent.append(frame)
            self._urgent_bytes += len(frame)
            self._some.set()
            return True
        count, size = self._from.get(sender, (0, 0))
        if (
            count >= WAITING_FROM_ONE
            or size + len(frame) > WAITING_BYTES_FROM_ONE
            or self._bytes + len(frame) > WAITING_BYTES
        ):
            return False
        self._waiting.put(sender, frame)
        self._from[sender] = (count + 1, size + len(frame))
        self._bytes += len(frame)
        self._some.set()
        return True

    async def get(self) -> bytes:
        """The next message; waits for one."""
        await self._some.wait()
        if self._urgent:
            frame = self._urgent.popleft()
            self._urgent_bytes -= len(frame)
        else:
            sender, frame = self._waiting.take()
            self._bytes -= len(frame)
            count, size = self._from.pop(sender)
            if count > 1:
                self._from[sender] = (count - 1, size - len(frame))
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
    ``behalf``: the stranger that it is for, if it may overtake what is for others: a refusal, a
    question about them. Answers and signals may not, for a state must not overtake its change.
    """

    message: Any
    rank: Rank
    size: int = 256
    destination: str = ""
    signal: Any = None
    sent: Callable[[bytes | None], None] | None = None
    behalf: str = ""


class Outbox:
    """Messages that are to go out; bounded, as a whole and for each destination.

    Every other one is of those on behalf of a stranger, in turns; the others keep their order.
    """

    def __init__(self) -> None:
        self._items: dict[Rank, deque[tuple[int, Item]]] = {rank: deque() for rank in Rank}
        self._behalf: Turns[Item] = Turns()
        self._behalf_first = True
        self._order = 0
        self._bytes = 0
        self._to: dict[str, tuple[int, int]] = {}
        self._some = asyncio.Event()
        self._few = asyncio.Event()
        self._few.set()

    def __len__(self) -> int:
        return len(self._behalf) + self._ordered()

    def put(self, item: Item) -> bool:
        """Queue ITEM, or drop it where its destination has too much; False if it was dropped.

        Where all together is too much, room is made by the stranger who has most on their behalf,
        then by the oldest of the lowest rank.
        """
        if item.destination:
            count, size = self._to.get(item.destination, (0, 0))
            if count >= OUT_TO_ONE or (count and size + item.size > OUT_BYTES_TO_ONE):
                return False
        while len(self) >= OUT_MESSAGES or (len(self) and self._bytes + item.size > OUT_BYTES):
            if self._behalf:
                dropped = self._out(self._behalf.drop())
            else:
                lowest = next(rank for rank in Rank if self._items[rank])
                if lowest > item.rank:
                    return False
                dropped = self._out(self._items[lowest].popleft()[1])
            if dropped.sent:
                dropped.sent(None)
        if item.destination:
            count, size = self._to.get(item.destination, (0, 0))
            self._to[item.destination] = (count + 1, size + item.size)
        if item.behalf:
            self._behalf.put(item.behalf, item)
        else:
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
        waiting = [rank for rank, items in self._items.items() if items]
        if self._behalf and (self._behalf_first or not waiting):
            self._behalf_first = False
            return self._out(self._behalf.take()[1])
        self._behalf_first = True
        rank = min(waiting, key=lambda rank: self._items[rank][0][0])
        return self._out(self._items[rank].popleft()[1])

    def few(self) -> Awaitable[object]:
        """Waits until there are so few, those on behalf aside, that more may be made."""
        return self._few.wait()

    def _ordered(self) -> int:
        return sum(len(items) for items in self._items.values())

    def _out(self, item: Item) -> Item:
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
        for event, state in ((self._some, len(self) > 0), (self._few, self._ordered() < 64)):
            if state:
                event.set()
            else:
                event.clear()
