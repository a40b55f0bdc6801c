"""Locks between all test runs, benches and demos of one machine, which leave no file behind."""

import fcntl
import os
from pathlib import Path
from types import TracebackType


class MachineLock:
    """A lock named NAME; SHARED ones exclude only the others. Waits until it is free."""

    def __init__(self, name: str, *, shared: bool = False) -> None:
        self._path = Path(f"/run/tetras-back-harness-{name}.lock")
        self._kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        self._file = -1

    def __enter__(self) -> "MachineLock":
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def acquire(self) -> None:
        while True:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._file, self._kind)
            if self._is_current():
                return
            os.close(self._file)  # whoever held it removed the file: what we got is no lock

    def is_held(self) -> bool:
        """Whether anybody holds it now."""
        return self._path.exists()

    def _is_current(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._file), self._path.stat())
        except FileNotFoundError:
            return False

    def release(self) -> bool:
        """Let go; whether nobody else held it (and the file could be removed)."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._path.unlink()
        except BlockingIOError:
            return False
        finally:
            os.close(self._file)
        return True
