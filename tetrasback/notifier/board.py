"""What is on the screen, and what must be sent to make it what is wanted. Pure: clock given."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from tetrasback.notifier.note import Note

INTERVAL: Final = 1.0
"""Seconds between two notifications in one place: progress is no film."""
REMEMBERED: Final = 16
"""Notes that were closed lately and whose buttons still count."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A note on the screen, and the server's number for it."""

    id: int
    note: Note


@dataclass(frozen=True, slots=True)
class Plan:
    """``close`` these places, ``send`` these notes now, look again in ``wait`` seconds (None =
    when something has changed). ``same`` stand as they should."""

    close: tuple[str, ...] = ()
    send: tuple[Note, ...] = ()
    same: tuple[Note, ...] = ()
    wait: float | None = None


class Board:
    """Places, by the key of their note."""

    def __init__(self) -> None:
        self._shown: dict[str, Shown] = {}
        self._sent_at: dict[str, float] = {}
        self._closed: deque[Shown] = deque(maxlen=REMEMBERED)

    def plan(self, wanted: Iterable[Note], now: float) -> Plan:
        """How to get from what is shown to WANTED; NOW in seconds, of any clock."""
        self._sent_at = {key: at for key, at in self._sent_at.items() if now - at < INTERVAL}
        notes = {note.key: note for note in wanted}
        send, same, waits = [], [], []
        for key, note in notes.items():
            shown = self._shown.get(key)
            if shown is not None and _look(shown.note) == _look(note):
                same.append(note)
            elif key in self._sent_at:
                waits.append(self._sent_at[key] + INTERVAL - now)
            else:
                send.append(note)
        close = tuple(key for key in self._shown if key not in notes)
        return Plan(close, tuple(send), tuple(same), min(waits, default=None))

    def shown(self, key: str) -> Shown | None:
        """What is in this place."""
        return self._shown.get(key)

    def all_shown(self) -> list[Shown]:
        """What is in all places."""
        return list(self._shown.values())

    def note(self, number: int) -> Note | None:
        """What the server shows, or has just shown, as NUMBER; None where it is none of ours."""
        for shown in (*self._shown.values(), *self._closed):
            if shown.id == number:
                return shown.note
        return None

    def sent(self, note: Note, number: int, now: float) -> None:
        """NOTE is shown, as NUMBER."""
        self._shown[note.key] = Shown(number, note)
        self._sent_at[note.key] = now

    def closed(self, number: int) -> str | None:
        """NUMBER is not shown any more: the place that is free now; None where it is none of
        ours."""
        for key, shown in self._shown.items():
            if shown.id == number:
                # Some servers tell of a button only after they have closed what it stood on.
                self._closed.append(self._shown.pop(key))
                return key
        return None

    def forget(self) -> list[str]:
        """Another server: nothing is shown. The places that were in use."""
        keys = list(self._shown)
        for kept in (self._shown, self._sent_at, self._closed):
            kept.clear()
        return keys


def _look(note: Note) -> Note:
    """What a person would see of it."""
    return replace(note, occasion="", lasting=(), besides=())
