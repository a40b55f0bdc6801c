"""What is on the screen, and what must be sent to make it what is wanted. Pure: clock given."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from tetrasback.notifier.note import Note

INTERVAL: Final = 1.0
"""Seconds between two notifications in one place: progress is no film."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A note on the screen: the server's number for it, and when it was last sent."""

    id: int
    note: Note
    at: float


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

    def key_of(self, number: int) -> str | None:
        """The place of the server's NUMBER; None where it is none of ours."""
        return next((key for key, shown in self._shown.items() if shown.id == number), None)

    def sent(self, note: Note, number: int, now: float) -> None:
        """NOTE is shown, as NUMBER."""
        self._shown[note.key] = Shown(number, note, now)
        self._sent_at[note.key] = now

    def closed(self, key: str) -> None:
        """Nothing is in this place any more."""
        self._shown.pop(key, None)

    def forget(self) -> list[str]:
        """Another server: nothing is shown. The places that were in use."""
        keys, self._shown, self._sent_at = list(self._shown), {}, {}
        return keys


def _look(note: Note) -> Note:
    """What a person would see of it."""
    return replace(note, occasion="", lasting=(), besides=())
