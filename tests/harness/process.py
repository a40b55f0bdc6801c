"""Child processes that end with us, and waiting for a condition instead of sleeping."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

PROJECT = Path(__file__).resolve().parents[2]
"""The checkout that is tested."""

PYTHON = "/usr/bin/python3"
"""Debian's own Python: what the installed programs run on, and readable by every user."""

BASE_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
}

OWN_MOUNTS = ("unshare", "--mount", "--propagation=slave")
"""Before a command: with mounts of its own.

Slaves, as private ones would keep the disk of a test beside this one after it was unmounted there.
"""

VISITOR = "TETRAS_BACK_VISITOR"
"""Set in the terminal of a person who looks around in what we keep running."""


class HarnessError(RuntimeError):
    """A real part did not come up, or did not do its work in time."""


def wait_until(
    condition: Callable[[], T], what: str, seconds: float = 60.0, pause: float = 0.02
) -> T:
    """Return CONDITION's first true value; raise HarnessError naming WHAT after SECONDS.

    It is asked again after a PAUSE, of more seconds where asking is much work.
    """
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise HarnessError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(pause)


def run(
    argv: Sequence[str | Path],
    *,
    seconds: float = 60.0,
    check: bool = True,
    env: Mapping[str, str] | None = None,
    text_input: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run ARGV to its end, output captured; with CHECK a failure raises with its error text."""
    done = subprocess.run(
        [str(word) for word in argv],
        input=text_input,
        stdin=subprocess.DEVNULL if text_input is None else None,
        capture_output=True,
        text=True,
        errors="backslashreplace",
        timeout=seconds,
        env=None if env is None else dict(env),
        check=False,
    )
    if check and done.returncode != 0:
        raise HarnessError(f"{argv[0]} failed ({done.returncode}): {done.stderr.strip()[-500:]}")
    return done


class Process:
    """A long-running child; the kernel sends it `death_signal` should we be killed."""

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str],
        death_signal: str = "KILL",
        cwd: Path | None = None,
    ) -> None:
        self.log = log
        with log.open("ab") as output:
            self.popen = subprocess.Popen(
                ["setpriv", "--pdeathsig", death_signal, "--", *(str(word) for word in argv)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(env),
                cwd=cwd or "/",
                start_new_session=True,  # Ctrl-C is for us alone, we end it in our order
            )

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def running(self) -> bool:
        return self.popen.poll() is None

    def send(self, number: int) -> None:
        """Send a signal; a process that has ended already is no error."""
        if self.running:
            self.popen.send_signal(number)

    def pause(self) -> None:
        """Stop it as a hang would, until `resume`."""
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        self.send(signal.SIGCONT)

    def kill(self) -> None:
        """End it as a crash would."""
        self.send(signal.SIGKILL)
        self.popen.wait(60)

    def stop(self, seconds: float = 60.0) -> int:
        """Ask it to end, insist after SECONDS; its exit status."""
        self.resume()
        self.send(signal.SIGTERM)
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.popen.wait(60)

    def tail(self, characters: int = 2000) -> str:
        """The end of its output, for an error message."""
        return self.log.read_text(errors="backslashreplace")[-characters:]


def only_line(text: str) -> str:
    """The one line that TEXT is; HarnessError with all of it where it is not one."""
    lines = text.strip().splitlines()
    if len(lines) != 1:
        raise HarnessError(f"this is not one line: {text!r}")
    return lines[0]


def users_of(directory: Path) -> list[int]:
    """Processes that stand in DIRECTORY or were started with a path in it, but not ourselves.

    What carries `VISITOR` in its environment is a person's own and only passes by, unless it
    stands there.
    """
    needle = os.fsencode(directory)
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            cwd = os.fsencode((entry / "cwd").readlink())
            words = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
        except OSError:
            continue  # it ended meanwhile, or is a kernel thread
        ours = needle + b"/" in words and VISITOR.encode() + b"=" not in words
        if cwd.startswith(needle) or ours:
            found.append(int(entry.name))
    return found
