"""Runs backup scripts, each below a supervisor process (`supervise`) that ends what it started.

Script → two pipes → here: what it prints goes to the log and the journal, bounded (`core.chatter`);
what it says on the progress descriptor becomes a `Progress` (`core.speech`).
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from tetrasback.core.chatter import Chatter
from tetrasback.core.speech import Listener
from tetrasback.core.state import Code, Progress
from tetrasback.ports import Job, JobResult, Logs, ScriptFile

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


class Finder(Protocol):
    """The script directories (`adapters.scripts`)."""

    def scripts(self) -> Sequence[ScriptFile]:
        """As `ports.Jobs.scripts`."""
        ...

    def find(self, name: str, takes: str) -> ScriptFile:
        """As `ports.Jobs.find`."""
        ...


class Jobs:
    """`ports.Jobs`. GRACE: seconds between TERM and KILL; PATIENCE: seconds after KILL until a
    script that hangs in the kernel is no longer waited for."""

    def __init__(
        self,
        finder: Finder,
        logs: Logs,
        *,
        grace: float = 10.0,
        patience: float = 120.0,
        key: Path | None = None,
        python: str = sys.executable,
    ) -> None:
        self._finder = finder
        self._logs = logs
        self._grace = grace
        self._patience = patience
        self._key = key
        self._python = python
        self._runs: dict[int, _Run] = {}
        self._stopped = 0

    def scripts(self) -> Sequence[ScriptFile]:
        """Every script in the script directories, by name; the first directory wins."""
        return self._finder.scripts()

    def find(self, name: str, takes: str) -> ScriptFile:
        """One script, also one that may not be run: `problem` says why."""
        return self._finder.find(name, takes)

    async def run(self, job: Job, progress: Callable[[Progress], None]) -> JobResult:
        """Run one script until it and all it started have ended. Never raises for the script."""
        if job.backup_id == self._stopped:
            return JobResult(None, Progress())  # the stop came while its units were being stopped
        script = self._finder.find(job.script, job.takes)
        if script.problem:
            return JobResult(None, Progress(), Code.SCRIPT_REFUSED, script.problem)
        run = _Run(job, self._logs, progress, self._grace, self._patience, self._key)
        self._runs[job.backup_id] = run
        try:
            run.start([self._python, "-I", "-S", str(SUPERVISOR)], script.path)
        except (OSError, ValueError) as error:
            run.close()
            why = error.strerror if isinstance(error, OSError) else str(error)
            text = f"{job.script} cannot be started: {why}"
            return JobResult(None, Progress(), Code.SCRIPT_REFUSED, text)
        else:
            try:
                return await run.finish()
            finally:
                run.close()
        finally:
            del self._runs[job.backup_id]

    def stop(self, backup_id: int) -> None:
        """End the backup's script: TERM to its group, KILL to all that is left. None runs: the
        backup's next one does not begin."""
        self._stopped = backup_id
        if backup_id in self._runs:
            self._runs[backup_id].stop()


class _Run:
    """One script from its start to the end of its last process."""

    def __init__(
        self,
        job: Job,
        logs: Logs,
        progress: Callable[[Progress], None],
        grace: float,
        patience: float,
        key: Path | None,
    ) -> None:
        self._job = job
        self._environment = environment(job, key)
        self._logs = logs
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

    def start(self, supervisor: Sequence[str], path: str) -> None:
        """Start the supervisor. Raises OSError or ValueError (a NUL in an argument)."""
        job = self._job
        with contextlib.ExitStack() as stack:
            ends = {name: self._pipe(name, stack) for name in ("output", "progress", "report")}
            progress, report = ends["progress"], ends["report"]
            directory = job.mount or "/"
            words = [str(job.nice), directory, str(progress), str(report)]
            self._process = subprocess.Popen(
                [*supervisor, *words, path, *job.args, job.mount or job.device],
                stdin=subprocess.PIPE,
                stdout=ends["output"],
                stderr=ends["output"],
                pass_fds=(progress, report),
                env=self._environment,
                cwd="/",
                start_new_session=True,
                bufsize=0,
            )
        self._loop.add_reader(self._readers["output"], self._output)
        self._loop.add_reader(self._readers["progress"], self._progress)
        self._loop.add_reader(self._readers["report"], self._reported)
        self._timers["limit"] = self._loop.call_later(job.timeout, self._time_is_up)

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
            await asyncio.to_thread(_sweep, self._job)
        progress = self._listener.progress
        if report[0] == "ended" and report[2] != "0":
            self._log(f"ended what the script left running: {report[2]} ({report[3]})")
        if self._stopped:
            return JobResult(None, progress, self._code, self._message)
        if report[0] == "ended":
            return JobResult(int(report[1]), progress)
        if report[0] == "refused":
            text = f"{self._job.script} cannot be started: {os.strerror(int(report[1]))}"
            return JobResult(None, progress, Code.SCRIPT_REFUSED, text)
        text = f"{self._job.script} was ended from outside, with its supervisor"
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
            hours = f"{self._job.timeout / 3600:.3g}"
            self._message = f"{self._job.script} was stopped: it ran longer than {hours} hours"
            self.stop()

    def _kill(self) -> None:
        self._command(b"k")
        self._timers["leave"] = self._loop.call_later(self._patience, self._leave)

    def _leave(self) -> None:
        self._code = self._code or Code.SCRIPT_FAILED
        self._message = f"{self._job.script} hangs in the kernel and could not be ended"
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
            self._say(self._chatter.feed(data, self._loop.time()))
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
        self._logs.add(self._job.backup_id, line)
        self._journalled += 1
        if self._journalled <= JOURNAL_LINES:
            journal.info("%s: %s", self._job.script, line)
        elif self._journalled == JOURNAL_LINES + 1:
            journal.info("%s: the rest is in the backup's log", self._job.script)

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


def environment(job: Job, key: Path | None) -> Mapping[str, str]:
    """The clean environment of a script; the supervisor adds the progress descriptor.

    KEY is the file that seals manifests.
    """
    values = {
        "PATH": SEARCH_PATH,
        "LANG": "C.UTF-8",
        "HOME": "/root",
        "TETRAS_BACK_UUID": job.uuid,
        "TETRAS_BACK_NAME": job.name,
        "TETRAS_BACK_DEVICE": job.device,
        "TETRAS_BACK_SOURCE": job.source,
        "TETRAS_BACK_HOSTNAME": socket.gethostname(),
        "TETRAS_BACK_ID": str(job.backup_id),
        "TETRAS_BACK_EXCLUDE": "\n".join(job.exclude),
        "TETRAS_BACK_KEEP": job.keep,
        "TETRAS_BACK_SHRINK_ALERT": f"{job.shrink_alert:g}",
        "TETRAS_BACK_VERIFY_MINUTES": f"{job.verify_minutes:g}",
    }
    if job.mount:
        values["TETRAS_BACK_MOUNT"] = job.mount
    if key is not None:
        values["TETRAS_BACK_KEY"] = str(key)
    return values


def _sweep(job: Job) -> None:
    """End what a killed supervisor has left behind: known by its environment, in our mounts."""
    marks = (f"TETRAS_BACK_ID={job.backup_id}\0", f"TETRAS_BACK_UUID={job.uuid}\0")
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
