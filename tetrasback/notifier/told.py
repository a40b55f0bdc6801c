"""What has been told, so that no session tells it again too soon."""

from collections.abc import Iterable, Mapping
from typing import Final

REPEAT_DAYS: Final = 7
MAX_TOLD: Final = 1000
_DAY: Final = 86_400_000_000
"""µs."""


class Told:
    """Occasions, each with the time (µs since the epoch) that it was told at."""

    def __init__(self, known: Mapping[str, int] | None = None) -> None:
        self._told = dict(known or {})
        self.changed = False
        """Something was added or taken away; whoever has saved it sets this back."""

    def recently(self, occasion: str, now: int) -> bool:
        """Whether it was told less than `REPEAT_DAYS` ago; in the future, as after a change of the
        clock, counts too."""
        at = self._told.get(occasion)
        return at is not None and now - at < REPEAT_DAYS * _DAY

    def add(self, occasions: Iterable[str], now: int) -> None:
        """They have been told; what was told recently keeps its time."""
        for occasion in occasions:
            if not self.recently(occasion, now):
                self._told.pop(occasion, None)
                self._told[occasion] = now
                self.changed = True
        while len(self._told) > MAX_TOLD:
            del self._told[next(iter(self._told))]

    def discard(self, occasions: Iterable[str]) -> None:
        """They must be told again."""
        for occasion in occasions:
            if self._told.pop(occasion, None) is not None:
                self.changed = True

    def items(self) -> dict[str, int]:
        """All of it, the oldest first."""
        return dict(self._told)
