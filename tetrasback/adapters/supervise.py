"""Runs one backup script and ends everything it started. A program of its own, run by `jobs`.

``python3 -I -S supervise.py NICE DIRECTORY PROGRESS_FD REPORT_FD SCRIPT [ARGUMENT]…``

Its environment is the script's, but for the number of the progress descriptor. Standard input is
the pipe by which the daemon commands: ``t`` asks the script to end (TERM), ``k`` ends everything at
once (KILL), and so does the end of the file, which comes also when the daemon is killed. Standard
output takes what the script prints. On REPORT_FD one line tells how it went, fields parted by tabs:

    ended STATUS LEFT NAMES     exit status, negative = signal; processes left behind, some names
    refused ERRNO               the script could not be started

It is a subreaper: whatever the script forks, however often, stays below it. Only what starting up
needs is imported, since a backup waits for it.
"""

import ctypes
import errno
import os
import select
import signal
import sys
from time import monotonic

GRACE = 2.0
"""Seconds for what a script left behind to end by itself once it was asked to."""

SCRIPT_PROGRESS_FD = 3
"""What the script has the progress descriptor as: ``sh`` can write to single digits only."""

NAMES = 10
"""Names of left processes that are reported."""

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "prctl")


def _stat(pid: int) -> tuple[int, str] | None:
    """Parent and start time of a process, None if it has ended (proc(5), fields 4 and 22)."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    if len(fields) < 20:
        return None
    return int(fields[1]), fields[19].decode()


def descendants() -> dict[int, str]:
    """Everything below this process that was not reaped yet: pid → start time.

    Zombies too: one whose first thread alone has ended looks like them.
    """
    parents: dict[int, list[int]] = {}
    started: dict[int, str] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            pid = int(entry)
            found = _stat(pid)
            if found:
                parents.setdefault(found[0], []).append(pid)
                started[pid] = found[1]
    below: dict[int, str] = {}
    waiting = [os.getpid()]
    while waiting:
        for pid in parents.get(waiting.pop(), ()):
            below[pid] = started[pid]
            waiting.append(pid)
    return below


def send(pid: int, start: str, number: int) -> None:
    """Signal exactly that process: its number may have gone to a stranger meanwhile."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return  # it has ended
    try:
        found = _stat(pid)
        if found and found[1] == start:
            signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        pass  # ended between the two
    finally:
        os.close(handle)


def _name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", "rb") as file:
            return file.read(64).decode("utf-8", "replace").strip().replace("\t", " ")
    except OSError:
        return "?"


def _execute(
    argv: list[str], directory: str, nice: int, progress: int, failure: int, parent: int
) -> None:
    """In the child: become the script. Returns only by an OSError."""
    os.setpgid(0, 0)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(1, 2)
    os.dup2(progress, SCRIPT_PROGRESS_FD)
    os.closerange(SCRIPT_PROGRESS_FD + 1, failure)
    os.closerange(failure + 1, 65536)
    os.umask(0o022)  # the usual one; the service's own is stricter
    try:  # noqa: SIM105 - contextlib costs as much time as all else that is imported here
        os.nice(nice)
    except PermissionError:
        pass  # below 0 only where the service has been given CAP_SYS_NICE
    os.chdir(directory)
    environment = {**os.environ, "TETRAS_BACK_PROGRESS_FD": str(SCRIPT_PROGRESS_FD)}
    try:
        os.execve(argv[0], argv, environment)
    except OSError as error:
        if error.errno != errno.ENOEXEC:
            raise
        # A script without "#!": what execvp(3), and with it the original, gave to the shell.
        os.execve("/bin/sh", ["/bin/sh", *argv], environment)


def _start(argv: list[str], directory: str, nice: int, progress: int) -> tuple[int, int]:
    """Start the script: (its pid, 0), or (0, errno) if it cannot be started."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        number = errno.EIO
        if writing == SCRIPT_PROGRESS_FD:
            writing = os.dup(writing)  # make way; a copy is closed by the exec as well
        try:
            _execute(argv, directory, nice, progress, writing, parent)
        except OSError as error:
            number = error.errno or errno.EIO
        finally:
            os.write(writing, str(number).encode())
            os._exit(127)
    os.close(writing)
    told = os.read(reading, 16)  # ends without a word when the script's exec closes the pipe
    os.close(reading)
    if told:
        os.waitpid(pid, 0)
        return 0, int(told)
    return pid, 0


class Supervisor:
    """Waits for the script, for the daemon's commands, and for everything to be over."""

    def __init__(self, main: int, wake: int) -> None:
        self.main = main
        self.wake = wake
        self.status: int | None = None
        self.childless = False
        self.killing = False
        self.left = 0
        self.names: list[str] = []
        self._listening = True

    def watch(self) -> None:
        """Until nothing below us is left."""
        while self.status is None and not self.killing:
            self._wait(None)
            self._reap()
        if not self.childless and not self.killing:
            self._note_left()
            for pid, start in descendants().items():
                send(pid, start, signal.SIGTERM)
                send(pid, start, signal.SIGCONT)
            end = monotonic() + GRACE
            while not self.childless and not self.killing and monotonic() < end:
                self._wait(end - monotonic())
                self._reap()
        pause = 0.01
        while not self.childless:
            self._kill_all()
            self._wait(pause)
            self._reap()
            pause = min(pause * 2, 1.0)  # one that hangs in the kernel may take very long

    def _note_left(self) -> None:
        below = descendants()
        self.left = len(below)
        self.names = [_name(pid) for pid in list(below)[:NAMES]]

    def _kill_all(self) -> None:
        """Freeze first: what does not run cannot fork away from the signal that follows."""
        frozen: dict[int, str] = {}
        while True:
            fresh = {pid: start for pid, start in descendants().items() if pid not in frozen}
            if not fresh:
                break
            for pid, start in fresh.items():
                send(pid, start, signal.SIGSTOP)
            frozen.update(fresh)
        for pid, start in frozen.items():
            send(pid, start, signal.SIGKILL)

    def _wait(self, seconds: float | None) -> None:
        """Sleep until a child ends, the daemon says something, or the time is up."""
        watched = [self.wake, 0] if self._listening else [self.wake]
        ready, _, _ = select.select(watched, [], [], None if seconds is None else max(0.0, seconds))
        if self.wake in ready and signal.SIGTERM in os.read(self.wake, 4096):
            self.killing = True
        if 0 in ready:
            command = os.read(0, 64)
            if not command:
                self._listening = False
            if not command or b"k" in command:
                self.killing = True
            elif self.status is None:
                self._ask_to_end()

    def _ask_to_end(self) -> None:
        try:
            os.killpg(self.main, signal.SIGTERM)
            os.killpg(self.main, signal.SIGCONT)
        except ProcessLookupError:  # the script went over to another group
            os.kill(self.main, signal.SIGTERM)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                self.childless = True
                return
            if pid == 0:
                return
            if pid == self.main:
                self.status = os.waitstatus_to_exitcode(status)


def main(argv: list[str]) -> None:
    """See the top of this file."""
    nice, directory = int(argv[0]), argv[1]
    progress, report = int(argv[2]), int(argv[3])
    wake, written = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(written, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    # Besides the pipe: a stray copy of its other end could keep it from ending.
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    pid, refused = _start(argv[4:], directory, nice, progress)
    os.close(progress)
    # Let go of the script's output, so that its end can be seen.
    null = os.open("/dev/null", os.O_WRONLY)
    os.dup2(null, 1)
    if refused:
        line = f"refused\t{refused}\n"
    else:
        supervisor = Supervisor(pid, wake)
        supervisor.watch()
        names = ", ".join(supervisor.names)
        line = f"ended\t{supervisor.status}\t{supervisor.left}\t{names}\n"
    try:
        os.write(report, line.encode("utf-8", "replace"))
    except BrokenPipeError:
        return  # the daemon is gone; everything is over all the same


if __name__ == "__main__":
    main(sys.argv[1:])
