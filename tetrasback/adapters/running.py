"""One program below a supervisor process (`supervise`) that ends what it started; for adapters.

Program → two pipes → here: what it prints goes to a log and the journal, bounded (`core.chatter`),
or is handed back; what it says on the progress descriptor becomes a `Progress` (`core.speech`).
"""

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tetrasback.core.chatter import Chatter
from tetrasback.core.speech import Listener
from tetrasback.core.state import Code, Progress
from tetrasback.ports import JobResult

journal = logging.getLogger("tetrasback.script")

SUPERVISOR: Final = Path(__file__).with_name("supervise.py")
SEARCH_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
JOURNAL_LINES: Final = 1000
INTERVAL: Final = 0.25
"""Seconds between two reports of progress."""

PROGRESS_CHUNK: Final = 16 * 1024
OUTPUT_CHUNK: Final = 64 * 1024
LAST_WORDS: Final = 1024 * 1024
"""Bytes that are still read from a pipe once everything has ended."""

SWEEP: Final = 5.0
"""Seconds for ending what a killed supervisor left; what then still hangs, unmounting will tell."""

PLAIN_ENVIRONMENT: Final[Mapping[str, str]] = {
    "PATH": SEARCH_PATH,
    "LANG": "C.UTF-8",
    "HOME": "/root",
}


@dataclass(frozen=True, slots=True)
class Child:
    """A program to be run, for the backup or job ``id``; ``label`` names it to people.

    The environment holds TETRAS_BACK_ID and TETRAS_BACK_UUID, by which what a killed supervisor
    has left behind is known. ``timeout`` in seconds. ``capture``: so many bytes of what it prints
    are handed back instead of logged.
    """

    id: int
    label: str
    command: tuple[str, ...]
    directory: str
    environment: Mapping[str, str]
    nice: int
    timeout: float
    capture: int = 0


class Run:
    """A CHILD from its start to the end of its last process; LOG takes the lines for its log.

    GRACE: seconds between TERM and KILL; PATIENCE: seconds after KILL until one that hangs in the
    kernel is no longer waited for.
    """

    def __init__(
        self,
        child: Child,
        log: Callable[[str], None],
        progress: Callable[[Progress], None],
        grace: float,
        patience: float,
    ) -> None:
        self.captured = b""
        self._child = child
        self._write = log
        self._tell = progress
        self._grace = grace
        self._patience = patience
        self._loop = asyncio.get_running_loop()
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._listener = Listener()
        self._chatter = Chatter(self._loop.time())
        self._journalled = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._readers: dict[str, int] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._report = b""
        self._stopped = False
        self._code = ""
        self._message = ""
        self._told = Progress()
        self._told_at = 0.0

    # --- start and end --------------------------------------------------------------------------

    def start(self, python: str = sys.executable) -> None:
        """Start the supervisor. Raises OSError or ValueError (a NUL in an argument)."""
        child = self._child
        supervisor = (python, "-I", "-S", str(SUPERVISOR))
        with contextlib.ExitStack() as stack:
            ends = {name: self._pipe(name, stack) for name in ("output", "progress", "report")}
            progress, report = ends["progress"], ends["report"]
            words = (str(child.nice), child.directory, str(progress), str(report))
            self._process = subprocess.Popen(
                [*supervisor, *words, *child.command],
                stdin=subprocess.PIPE,
                stdout=ends["output"],
                stderr=ends["output"],
                pass_fds=(progress, report),
                env=child.environment,
                cwd="/",
                start_new_session=True,
                bufsize=0,
            )
        self._loop.add_reader(self._readers["output"], self._output)
        self._loop.add_reader(self._readers["progress"], self._progress)
        self._loop.add_reader(self._readers["report"], self._reported)
        self._timers["limit"] = self._loop.call_later(child.timeout, self._time_is_up)

    def _pipe(self, name: str, stack: contextlib.ExitStack) -> int:
        reading, writing = os.pipe()
        stack.callback(os.close, writing)
        os.set_blocking(reading, False)
        self._readers[name] = reading
        return writing

    async def finish(self) -> JobResult:
        """Wait until all is over; what came of it."""
        await self._over
        await self._last_words()
        process = self._process
        assert process is not None
        report = self._report.decode("utf-8", "replace").rstrip("\n").split("\t")
        if report == [""] and not self._code:
            await asyncio.to_thread(_sweep, self._child)
        progress = self._listener.progress
        if report[0] == "ended" and report[2] != "0":
            self._log(f"ended what the script left running: {report[2]} ({report[3]})")
        if self._stopped:
            return JobResult(None, progress, self._code, self._message)
        if report[0] == "ended":
            return JobResult(int(report[1]), progress)
        if report[0] == "refused":
            text = f"{self._child.label} cannot be started: {os.strerror(int(report[1]))}"
            return JobResult(None, progress, Code.SCRIPT_REFUSED, text)
        text = f"{self._child.label} was ended from outside, with its supervisor"
        return JobResult(None, progress, Code.SCRIPT_FAILED, text)

    def close(self) -> None:
        """Let go of everything. A supervisor that still runs ends its script now."""
        for timer in self._timers.values():
            timer.cancel()
        for reader in self._readers.values():
            self._loop.remove_reader(reader)
            os.close(reader)
        process = self._process
        if process and process.stdin:
            process.stdin.close()
            try:
                process.wait(1 if self._report else 0)  # at its last instruction, if it reported
            except subprocess.TimeoutExpired:  # somebody has to collect it
                threading.Thread(target=process.wait, name="supervisor", daemon=True).start()

    # --- being ended ----------------------------------------------------------------------------

    def stop(self) -> None:
        """TERM now, KILL when the grace is over."""
        if not self._stopped:
            self._stopped = True
            self._command(b"t")
            self._timers["kill"] = self._loop.call_later(self._grace, self._kill)

    def _time_is_up(self) -> None:
        if not self._stopped:
            self._code = Code.TIMED_OUT
            hours = f"{self._child.timeout / 3600:.3g}"
            self._message = f"{self._child.label} was stopped: it ran longer than {hours} hours"
            self.stop()

    def _kill(self) -> None:
        self._command(b"k")
        self._timers["leave"] = self._loop.call_later(self._patience, self._leave)

    def _leave(self) -> None:
        self._code = self._code or Code.SCRIPT_FAILED
        self._message = f"{self._child.label} hangs in the kernel and could not be ended"
        if not self._over.done():
            self._over.set_result(None)

    def _command(self, word: bytes) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(word)

    # --- what comes in --------------------------------------------------------------------------

    def _read(self, name: str, size: int) -> bytes | None:
        """What has come; b'' at the end (not watched any more then), None for nothing yet."""
        try:
            data = os.read(self._readers[name], size)
        except BlockingIOError:
            return None
        if not data:
            self._loop.remove_reader(self._readers[name])
        return data

    def _reported(self) -> None:
        data = self._read("report", 4096)
        self._report += data or b""
        if data == b"" and not self._over.done():
            self._over.set_result(None)

    def _output(self) -> None:
        data = self._read("output", OUTPUT_CHUNK)
        if data:
            self._printed(data)

    def _printed(self, data: bytes) -> None:
        room = self._child.capture - len(self.captured)
        if room > 0:
            self.captured += data[:room]
        elif not self._child.capture:
            self._say(self._chatter.feed(data, self._loop.time()))

    def _progress(self) -> None:
        data = self._read("progress", PROGRESS_CHUNK)
        if data:
            self._say(self._listener.feed(data))
            self._changed()
        if data and len(data) == PROGRESS_CHUNK:  # a flood: every line counts, but it may wait
            reader = self._readers["progress"]
            self._loop.remove_reader(reader)
            self._timers["flood"] = self._loop.call_later(
                0.02, self._loop.add_reader, reader, self._progress
            )

    async def _last_words(self) -> None:
        """What still lies in the pipes; their ends may be held by a stranger, so no waiting."""
        for _ in range(LAST_WORDS // OUTPUT_CHUNK):
            data = self._read("output", OUTPUT_CHUNK)
            if not data:
                break
            self._printed(data)
        for _ in range(LAST_WORDS // PROGRESS_CHUNK):
            data = self._read("progress", PROGRESS_CHUNK)
            if not data:
                break
            self._say(self._listener.feed(data))
            await asyncio.sleep(0)
        self._say(self._listener.end())
        self._say(self._chatter.end())

    def _say(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._log(line)

    def _log(self, line: str) -> None:
        self._write(line)
        self._journalled += 1
        if self._journalled <= JOURNAL_LINES:
            journal.info("%s: %s", self._child.label, line)
        elif self._journalled == JOURNAL_LINES + 1:
            journal.info("%s: the rest is in its log", self._child.label)

    def _changed(self) -> None:
        """Tell the newest progress, but not more often than every `INTERVAL`."""
        if "tell" not in self._timers and self._listener.progress != self._told:
            wait = max(0.0, self._told_at + INTERVAL - self._loop.time())
            self._timers["tell"] = self._loop.call_later(wait, self._tell_now)

    def _tell_now(self) -> None:
        del self._timers["tell"]
        self._told_at = self._loop.time()
        self._told = self._listener.progress
        self._tell(self._told)


def _sweep(child: Child) -> None:
    """End what a killed supervisor has left behind: known by its environment, in our mounts."""
    names = ("TETRAS_BACK_ID", "TETRAS_BACK_UUID")
    marks = [f"{name}={child.environment[name]}\0" for name in names]
    needed = [mark.encode() for mark in marks]
    ours = os.stat("/proc/self/ns/mnt")
    end = time.monotonic() + SWEEP
    found = True
    while found and time.monotonic() < end:
        found = False
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):  # it has ended, or is a kernel thread
                handle = os.pidfd_open(int(entry.name))
                try:
                    words = (entry / "environ").read_bytes()
                    if all(mark in words for mark in needed) and os.path.samestat(
                        os.stat(entry / "ns/mnt"), ours
                    ):
                        signal.pidfd_send_signal(handle, signal.SIGKILL)
                        found = True
                finally:
                    os.close(handle)
        time.sleep(0.02)  # in a thread of its own
