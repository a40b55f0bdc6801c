"""What the program says: lines as in the contract of backup scripts, one at a time, bounded."""

import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final, Protocol

SHOWN_MAX: Final = 100
"""Entries named of each kind; the rest is counted."""

_SENTENCES: Final = {
    "unreadable": "warning source-unreadable: cannot read {path}: {why}",
    "changing": "warning source-unreadable: changed each time it was read: {path}",
    "lacking": "warning source-unreadable: too large for the disk, left out of {path}: {why}",
    "damaged": "warning disk-damaged: not as it was written, copied anew: {path}",
    "corrupt": "warning damaged: {path}: {why}",
    "vanished": "note vanished while it was read: {path}",
    "touched": "note changed since it was copied: {path}",
    "different": "warning not as in the source: {path}: {why}",
    "left-out": "warning not restored: {path}: {why}",
    "incomplete": "warning restored in part: {path}: {why}",
}
_REST: Final = {
    "unreadable": "warning source-unreadable: {count} more could not be read",
    "changing": "warning source-unreadable: {count} more changed each time they were read",
    "lacking": "warning source-unreadable: {count} more have attributes too large for the disk",
    "damaged": "warning disk-damaged: {count} more were not as they were written",
    "corrupt": "warning damaged: {count} more",
    "vanished": "note {count} more vanished while they were read",
    "touched": "note {count} more changed since they were copied",
    "different": "warning not as in the source: {count} more",
    "left-out": "warning not restored: {count} more",
    "incomplete": "warning restored in part: {count} more",
}


class Stream(Protocol):
    """Where lines go."""

    def write(self, text: str, /) -> object:
        """Write TEXT, all of it."""

    def flush(self) -> object:
        """Have it out."""


class _Descriptor:
    """An open file that belongs to whoever started the program; nothing is kept back.

    (What is in a buffer when the program ends would be written then, to a reader that may be gone.)
    """

    def __init__(self, number: int) -> None:
        os.fstat(number)
        self._number = number

    def write(self, text: str) -> None:
        data = text.encode("utf-8", "replace")
        while data:
            data = data[os.write(self._number, data) :]

    def flush(self) -> None:
        pass


def progress_stream(environment: Mapping[str, str], otherwise: Stream) -> Stream:
    """Where a program that the daemon started tells how far it is."""
    text = environment.get("TETRAS_BACK_PROGRESS_FD", "")
    if text.isascii() and text.isdecimal():
        with suppress(OSError, OverflowError):
            return _Descriptor(int(text))
    return otherwise


class Speaker:
    """Writes to STREAM of what lies below ROOT; `warnings` counts what was said as a warning."""

    def __init__(self, stream: Stream, root: str) -> None:
        self._stream = stream
        self._root = root.rstrip("/")
        self._counts = dict.fromkeys(_SENTENCES, 0)
        self._last = 0.0
        self._progress = (0, 0)
        self.warnings = 0

    def met(self, kind: str, path: str, why: str) -> None:
        """An entry was not read as it should be; see `teamwork.Listener`."""
        self._counts[kind] += 1
        self.warnings += _SENTENCES[kind].startswith("warning ")
        if self._counts[kind] <= SHOWN_MAX:
            self.say(_SENTENCES[kind].format(path=f"{self._root}/{path}", why=why))

    def progress(self, size: int, files: int) -> None:
        """So much is done; told at most four times a second."""
        self._progress = size, files
        now = time.monotonic()
        if now - self._last >= 0.25:
            self._last = now
            self._tell_progress()

    def advance(self, size: int, files: int, label: str, fraction: Callable[[], float]) -> None:
        """As `progress`, with the step under way, and how much of all is done."""
        self._progress = size, files
        now = time.monotonic()
        if now - self._last >= 0.25:
            self._last = now
            self.say(f"progress {fraction():.3f} {label}")
            self._tell_progress()

    def _tell_progress(self) -> None:
        size, files = self._progress
        self.say(f"bytes {size}")
        self.say(f"files {files}")

    def note(self, text: str) -> None:
        """Something that a person may want to know."""
        self.say(f"note {text}")

    def warn(self, text: str) -> None:
        """Something that a person must know."""
        self.warnings += 1
        self.say(f"warning {text}")

    def end(self) -> None:
        """Everything is done: what was only counted, and the last figures."""
        for kind, count in self._counts.items():
            if count > SHOWN_MAX:
                self.say(_REST[kind].format(count=count - SHOWN_MAX))
        self._tell_progress()

    def complain(self, text: str) -> None:
        """Why it could not be done. Past Python's own buffer, which would fail a second time at the
        end if there is no room where the words go: the exit status must say so."""
        line = f"tetras-back-snapshot: {_safe(text)}\n"
        with suppress(OSError):
            os.write(sys.stderr.fileno(), line.encode("utf-8", "replace"))

    def answer(self, text: str) -> None:
        """One line of what was asked for, on standard output."""
        sys.stdout.write(_safe(text) + "\n")
        sys.stdout.flush()

    def say(self, text: str) -> None:
        """One line of the protocol."""
        self._stream.write(_safe(text) + "\n")
        self._stream.flush()


def _safe(text: str) -> str:
    """TEXT on one line, in characters that any stream takes."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "?" for char in text)
