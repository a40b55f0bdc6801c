"""One log for each backup, bounded: ``STATE/logs/ID.log``, and its older part in ``ID.log.1``.

A line is ``YYYY-MM-DDTHH:MM:SS+HH:MM text``. When the newer part is full it becomes the older one,
so that the last MiB is always there and a backup's log never takes more than two.
"""

import asyncio
import logging
import os
import time
from pathlib import Path
from typing import Final

from tetrasback.core.speech import LINE_MAX, cleaned

log = logging.getLogger(__name__)

SEGMENT: Final = 1024 * 1024
"""Bytes in each of the two parts, and the most that `Logs.read` returns."""

KEPT: Final = 200
"""Backups whose logs are kept, the newest."""

_OLDER: Final = ".log.1"
_NEWER: Final = ".log"


class Logs:
    """`ports.Logs`. A log that cannot be written is told to the journal once, and never raises."""

    def __init__(self, directory: Path, *, kept: int = KEPT) -> None:
        self._directory = directory
        self._kept = kept
        self._id = 0
        self._file = -1
        self._size = 0
        self._broken = False

    def add(self, backup_id: int, text: str) -> None:
        """Add one line; line ends and control characters in TEXT are escaped."""
        line = f"{_now()} {cleaned(text, LINE_MAX)}\n".encode()
        try:
            if backup_id != self._id:
                self._open(backup_id)
            if self._size + len(line) > SEGMENT:
                self._turn_over()
            written = os.write(self._file, line)
            self._size += written
            if written < len(line):
                raise OSError(28, "No space left on device")
        except OSError as error:
            if not self._broken:
                log.error("the log of backup %d cannot be written: %s", backup_id, error)
            self._broken = True
        else:
            self._broken = False

    async def read(self, backup_id: int) -> str:
        """The last 1 MiB, whole lines of valid text; empty if there is none."""
        return await asyncio.to_thread(self._read, backup_id)

    def newest(self) -> int:
        """The highest id that has a log, 0 if there is none: an id not to be given again."""
        return max(self._ids(), default=0)

    def close(self) -> None:
        """Close the open log, if any."""
        if self._file >= 0:
            os.close(self._file)
        self._id, self._file = 0, -1

    def _path(self, backup_id: int, part: str) -> Path:
        return self._directory / f"{backup_id}{part}"

    def _ids(self) -> set[int]:
        try:
            names = os.listdir(self._directory)
        except OSError:
            return set()
        heads = (name.removesuffix(".1").removesuffix(".log") for name in names)
        return {int(head) for head in heads if head.isascii() and head.isdigit()}

    def _open(self, backup_id: int) -> None:
        self.close()
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        path = self._path(backup_id, _NEWER)
        fresh = not path.exists()
        self._file = os.open(path, flags, 0o600)
        self._size = os.fstat(self._file).st_size
        self._id = backup_id
        if fresh:
            self._prune()

    def _turn_over(self) -> None:
        backup_id = self._id
        os.replace(self._path(backup_id, _NEWER), self._path(backup_id, _OLDER))
        self._open(backup_id)

    def _prune(self) -> None:
        for backup_id in sorted(self._ids(), reverse=True)[self._kept :]:
            if backup_id != self._id:
                for part in (_NEWER, _OLDER):
                    self._path(backup_id, part).unlink(missing_ok=True)

    def _read(self, backup_id: int) -> str:
        data = b"".join(self._part(backup_id, part) for part in (_OLDER, _NEWER))
        if len(data) > SEGMENT:
            data = data[-SEGMENT:].partition(b"\n")[2]
        text = data.decode("utf-8", "ignore")
        # Written clean, but root may have had an editor in it, and a disk its own ideas.
        return "".join(char for char in text if char in "\n\t" or char.isprintable())

    def _part(self, backup_id: int, part: str) -> bytes:
        try:
            descriptor = os.open(
                self._path(backup_id, part), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
            )
        except OSError:
            return b""
        with os.fdopen(descriptor, "rb") as file:
            file.seek(max(0, os.fstat(descriptor).st_size - SEGMENT))
            return file.read(SEGMENT)


def _now() -> str:
    now = time.localtime()
    offset = now.tm_gmtoff // 60
    sign = "-" if offset < 0 else "+"
    hours, minutes = divmod(abs(offset), 60)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', now)}{sign}{hours:02}:{minutes:02}"
