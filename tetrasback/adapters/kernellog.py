"""What the kernel says of a disk: the only witness where a script mounts and unmounts it itself.

An error of writing back is told to whoever has the file system open. A script that writes, never
syncs and unmounts is told nothing, and afterwards nobody can ask any more; but the kernel's log
has it.

Format of /dev/kmsg: https://www.kernel.org/doc/Documentation/ABI/testing/dev-kmsg, a record a read:
``PRIORITY,SEQUENCE,TIME,FLAGS;TEXT``, then lines that begin with a space. The service's sandbox
keeps it from us (ProtectKernelLogs=); systemd's journal has the same texts.
"""

import contextlib
import errno
import os
import re
import select
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Protocol

from tetrasback.adapters import blockdev

JOURNALCTL: Final = "journalctl"
KMSG: Final = Path("/dev/kmsg")
_RECORD: Final = 8192
_COMPLAINT: Final = re.compile(rb"error|data loss", re.IGNORECASE)
_DMESG: Final = ("--dmesg", "--quiet", "--no-pager", "--output=cat")
_SYNC_SECONDS: Final = 30.0
_CURSOR: Final = b"-- cursor: "


class Log(Protocol):
    """What the kernel has said of some block devices since we began to listen."""

    def complained(self) -> bool:
        """Whether there was an error so far."""
        ...

    def close(self) -> None:
        """Listen no more."""
        ...


def listen(names: Iterable[str], kmsg: Path = KMSG) -> Log:
    """Errors of the block devices NAMES (such as sdb1) from now on."""
    about = _about(names)
    try:
        descriptor = os.open(kmsg, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return JournalLog(about)
    return KernelLog(about, descriptor)


def _about(names: Iterable[str]) -> re.Pattern[bytes]:
    any_of_them = b"|".join(re.escape(os.fsencode(name)) for name in names)
    return re.compile(rb"(?<![\w.-])(?:" + any_of_them + rb")(?!\w)")


def _is_complaint(text: bytes, about: re.Pattern[bytes]) -> bool:
    return bool(about.search(text) and _COMPLAINT.search(text))


class JournalLog:
    """The same from systemd's journal. Where there is none it never tells anything."""

    def __init__(self, about: re.Pattern[bytes], journalctl: str = JOURNALCTL) -> None:
        self._about = about
        self._journalctl = journalctl
        self._since = f"--since=@{int(time.time())}"
        for line in self._said("--lines=1", "--show-cursor"):
            if line.startswith(_CURSOR):
                cursor = line.removeprefix(_CURSOR).decode("ascii", "replace").strip()
                self._since = f"--after-cursor={cursor}"

    def complained(self) -> bool:
        """Whether there was an error so far."""
        return any(_is_complaint(text, self._about) for text in self._said(self._since))

    def close(self) -> None:
        """Listen no more."""

    def _said(self, *which: str) -> Iterator[bytes]:
        """Lines of the kernel, up to what it says at this moment."""
        null, shown = subprocess.DEVNULL, (*_DMESG, *which)
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                [self._journalctl, "--sync"],
                stdin=null, stdout=null, stderr=null, timeout=_SYNC_SECONDS, check=False,
            )  # fmt: skip
            with subprocess.Popen(
                [self._journalctl, *shown], stdin=null, stdout=subprocess.PIPE, stderr=null
            ) as process:
                assert process.stdout is not None
                try:
                    yield from process.stdout
                finally:
                    process.kill()


class KernelLog:
    """The same from /dev/kmsg, open as DESCRIPTOR, which is ours from now on.

    A thread reads as the kernel writes: a script runs for hours, and the log holds some hundred
    kilobytes.
    """

    def __init__(self, about: re.Pattern[bytes], descriptor: int) -> None:
        self._about = about
        self._complained = False
        self._lock = threading.Lock()
        self._descriptor = descriptor
        os.lseek(descriptor, 0, os.SEEK_END)
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
            if _is_complaint(text, self._about):
                self._complained = True
        return False
