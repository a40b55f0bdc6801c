"""What a restore says: how far it is, and what it has met."""

from collections.abc import Callable
from typing import Final

from tetrasback.snapshot.speaking import Speaker

DAMAGED: Final = "corrupt"
LEFT_OUT: Final = "left-out"
INCOMPLETE: Final = "incomplete"


class Tally:
    """Counts, and passes on to SPEAKER. Paths are as on the server, without the first slash."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker
        self.bytes = 0
        self.files = 0
        self.label = ""
        self.fraction: Callable[[], float] = lambda: 0.0
        """How far the step is, of all."""

    def count(self, size: int) -> None:
        """So many bytes more are written."""
        self.bytes += size
        self._tell()

    def entry(self) -> None:
        """One entry more is there."""
        self.files += 1
        self._tell()

    def _tell(self) -> None:
        self._speaker.advance(self.bytes, self.files, self.label, self.fraction)

    def met(self, kind: str, path: str, why: str) -> None:
        """Something is wrong with the entry at PATH."""
        self._speaker.met(kind, path, why)

    def note(self, text: str) -> None:
        """Something that a person may want to know."""
        self._speaker.note(text)

    def warn(self, text: str) -> None:
        """Something that a person must know."""
        self._speaker.warn(text)

    @property
    def warnings(self) -> int:
        """How often something was wrong."""
        return self._speaker.warnings
