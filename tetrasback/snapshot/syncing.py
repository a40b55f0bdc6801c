"""The last word on what was written: syncfs(2), on descriptors older than the first write.

Only that tells of every loss. fsync(2) of one file says nothing of the others, and a descriptor
that is opened after a loss does not hear of it.
"""

import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from tetrasback.snapshot.trees import DIRECTORY
from tetrasback.snapshot.troubles import DiskTrouble, words

PAUSE_SECONDS: Final = 1.0
"""Between two of the syncs beside the work: a short snapshot needs none."""


class Disk:
    """The file systems of some DIRECTORIES, before anything is written. Raises OSError."""

    def __init__(self, directories: Iterable[Path]) -> None:
        self._descriptors: dict[int, int] = {}
        for directory in directories:
            descriptor = os.open(directory, DIRECTORY & ~os.O_NOFOLLOW)
            device = os.fstat(descriptor).st_dev
            if device in self._descriptors:
                os.close(descriptor)
            else:
                self._descriptors[device] = descriptor
        self._thread: threading.Thread | None = None
        self._is_last = threading.Event()
        self._lost: OSError | None = None

    def keep_syncing(self) -> None:
        """From now on have what is written go to the disk beside it, not all of it in the end."""
        self._thread = threading.Thread(target=self._keep, daemon=True)
        self._thread.start()

    def begin_sync(self) -> None:
        """Have all that is written by now go to the disk, beside what the caller does next."""
        self._is_last.set()

    def _keep(self) -> None:
        while not self._is_last.wait(PAUSE_SECONDS):
            self._sync()
        self._sync()

    def await_sync(self) -> None:
        """Return once all that has ended; whether it went well, `sync` tells."""
        self._is_last.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def sync(self) -> None:
        """Return once everything is on the disk. Raises DiskTrouble if anything ever was not."""
        self.await_sync()
        self._sync()
        if self._lost is not None:
            # Room was given when it was written: whatever the kernel says, the disk took it back.
            raise DiskTrouble(f"cannot be synced: {words(self._lost)}") from self._lost

    def _sync(self) -> None:
        from tetrasback.snapshot.kernel import syncfs  # takes long to load, but now there is time

        for descriptor in self._descriptors.values():
            try:
                syncfs(descriptor)
            except OSError as error:
                self._lost = error  # each is told once only

    def close(self) -> None:
        """Let go of them."""
        self.await_sync()
        for descriptor in self._descriptors.values():
            os.close(descriptor)
