"""What the kernel says of a disk: the only witness where a script mounts and unmounts it itself.

An error of writing back is told to whoever has the file system open. A script that writes, never
syncs and unmounts is told nothing, and afterwards nobody can ask any more; but the kernel's log
has it.

Format: https://www.kernel.org/doc/Documentation/ABI/testing/dev-kmsg, a record a read:
``PRIORITY,SEQUENCE,TIME,FLAGS;TEXT``, then lines that begin with a space.
"""

import errno
import os
import re
import select
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tetrasback.adapters import blockdev

KMSG: Final = Path("/dev/kmsg")
_RECORD: Final = 8192
_COMPLAINT: Final = re.compile(rb"error|data loss", re.IGNORECASE)


class KernelLog:
    """Errors of the block devices NAMES (such as sdb1) from now on.

    A thread reads as the kernel writes: a script runs for hours, and the log holds some hundred
    kilobytes. Where the log may not be read (some containers) it never tells anything.
    """

    def __init__(self, names: Iterable[str], path: Path = KMSG) -> None:
        any_of_them = b"|".join(re.escape(os.fsencode(name)) for name in names)
        self._about = re.compile(rb"(?<![\w.-])(?:" + any_of_them + rb")(?!\w)")
        self._complained = False
        self._lock = threading.Lock()
        self._ended = -1
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            self._descriptor = -1
        else:
            os.lseek(self._descriptor, 0, os.SEEK_END)
            self._ended = os.eventfd(0)
            self._thread = threading.Thread(target=self._listen, name="kernel log", daemon=True)
            self._thread.start()

    def complained(self) -> bool:
        """Whether there was an error so far."""
        with self._lock:
            self._read()
        return self._complained

    def close(self) -> None:
        """Listen no more."""
        if self._ended >= 0:
            os.eventfd_write(self._ended, 1)
            self._thread.join()
            os.close(self._ended)
            self._ended = -1
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            blockdev.close(descriptor)

    def _listen(self) -> None:
        readable = True
        while (
            readable
            and self._ended not in select.select([self._descriptor, self._ended], [], [])[0]
        ):
            with self._lock:
                readable = self._read()

    def _read(self) -> bool:
        """Take what is there; False if nothing more can be had."""
        while self._descriptor >= 0:
            try:
                record = os.read(self._descriptor, _RECORD)
            except BlockingIOError:
                return True
            except OSError as error:
                if error.errno == errno.EPIPE:  # some were overwritten; it goes on with the next
                    continue
                return False
            text = record.partition(b"\n")[0].partition(b";")[2]
            if self._about.search(text) and _COMPLAINT.search(text):
                self._complained = True
        return False
