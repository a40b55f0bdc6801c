"""Mails that wait, as files: ``STATE/outbox/TIME-KEY.mail``, each written whole or not at all.

TIME, in µs since the epoch, puts them in their order; KEY says what the mail is about, and of two
about the same only the first is kept. Bounded: the oldest make room.
"""

import contextlib
import logging
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tetrasback.host import atomic

log = logging.getLogger(__name__)

MOST: Final = 100
"""Mails that are kept."""

MOST_BYTES: Final = 4 * 1024 * 1024
LARGEST: Final = 512 * 1024
"""Bytes of a file that can be one of ours."""

_NAME: Final = re.compile(r"[0-9]{20}-([A-Za-z0-9-]{1,150})\.mail")


def key_of(name: str) -> str:
    """What the mail of that name is about; '' where it is none of ours."""
    found = _NAME.fullmatch(name)
    return found[1] if found else ""


class Outbox:
    """The files in DIRECTORY, which is made when it is needed. All methods block, for a moment."""

    def __init__(self, directory: Path, *, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._directory = directory
        self._most = most
        self._most_bytes = most_bytes

    def names(self) -> list[str]:
        """The mails, oldest first."""
        return [name for name, _size in self._files()]

    def add(self, key: str, mail: bytes, now: int) -> tuple[str, int]:
        """Keep MAIL about KEY at NOW (µs): its name, and how many older ones had to go.

        It would survive a power cut when this returns. Raises OSError.
        """
        for name in self.names():
            if key_of(name) == key:
                return name, 0
        self._make()
        name = f"{max(now, 0):020}-{key}.mail"
        atomic.replace(self._directory / name, mail, 0o600, lambda: True)
        return name, self._make_room(name)

    def read(self, name: str) -> bytes:
        """The mail of that name. Raises OSError; it may have been removed."""
        descriptor = os.open(self._directory / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            return file.read(LARGEST)

    def remove(self, name: str) -> None:
        """It has been sent, or is not wanted any more; one that is gone already is no error."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._directory / name)

    def _make(self) -> None:
        if not self._directory.is_dir():
            self._directory.mkdir(mode=0o700, parents=True)
            parent = os.open(self._directory.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(parent)
            finally:
                os.close(parent)

    def _make_room(self, newest: str) -> int:
        files = list(self._files())
        size = sum(size for _, size in files)
        count, gone = len(files), 0
        for name, length in files:
            if count <= self._most and size <= self._most_bytes:
                break
            if name != newest:
                self.remove(name)
                count, size, gone = count - 1, size - length, gone + 1
        return gone

    def _files(self) -> Iterator[tuple[str, int]]:
        """Names and sizes of what is ours, oldest first; nothing that somebody else put there."""
        try:
            names = sorted(os.listdir(self._directory))
        except OSError:
            return
        for name in names:
            if _NAME.fullmatch(name):
                with contextlib.suppress(OSError):  # it went meanwhile
                    status = os.lstat(self._directory / name)
                    if stat.S_ISREG(status.st_mode) and status.st_size <= LARGEST:
                        yield name, status.st_size
