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
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tetrasback.adapters import blockdev

KMSG: Final = Path("/dev/kmsg")
_RECORD: Final = 8192
_COMPLAINT: Final = re.compile(rb"error|data loss", re.IGNORECASE)


class KernelLog:
    """Errors of the block devices NAMES (such as sdb1) from now on.

    Where the log may not be read (some containers) it never tells anything.
    """

    def __init__(self, names: Iterable[str], path: Path = KMSG) -> None:
        any_of_them = b"|".join(re.escape(os.fsencode(name)) for name in names)
        self._about = re.compile(rb"(?<![\w.-])(?:" + any_of_them + rb")(?!\w)")
        self._complained = False
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            self._descriptor = -1
        else:
            os.lseek(self._descriptor, 0, os.SEEK_END)

    def complained(self) -> bool:
        """Whether there was an error so far."""
        while self._descriptor >= 0:
            try:
                record = os.read(self._descriptor, _RECORD)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno == errno.EPIPE:  # some were overwritten; it goes on with the next
                    continue
                break
            text = record.partition(b"\n")[0].partition(b";")[2]
            if self._about.search(text) and _COMPLAINT.search(text):
                self._complained = True
        return self._complained

    def close(self) -> None:
        """Listen no more."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            blockdev.close(descriptor)
