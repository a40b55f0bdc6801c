"""Hands one mail to a sendmail: the program that every mail server for Linux brings along.

It is run with arguments only, never through a shell, in a session of its own and for a limited
time. What it reads and what it says are files in memory, so that neither a program that does not
read nor one that never stops talking, nor one that leaves a child behind to deliver in the
background, can hold anything up.
"""

import asyncio
import contextlib
import fcntl
import os
import signal
import subprocess
from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from typing import Final

from tetrasback.adapters import trust

LIMIT: Final = 60.0
"""Seconds that it may take."""

GRACE: Final = 1.0
"""Seconds between TERM and KILL for one that took longer."""

SAID_MAX: Final = 4096
"""Bytes of what it says that are kept; to write more is an error that it may ignore."""

ENVIRONMENT: Final = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/root",
    "LOGNAME": "root",
    "USER": "root",
}


class NotSent(Exception):
    """``reason``: one line without anything confidential; ``said``: what the program said."""

    def __init__(self, reason: str, said: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.said = said


async def hand_over(
    program: str, to: Sequence[str], mail: bytes, *, limit: float = LIMIT, owner: int = 0
) -> None:
    """Have PROGRAM, which must be OWNER's, send MAIL to the addresses TO. Raises NotSent.

    When this is cancelled, the program is ended; it may have taken the mail all the same.
    """
    problem = await asyncio.to_thread(_problem, program, owner)
    if problem:
        raise NotSent(problem)
    # -i: a line with a single dot does not end the mail. Addresses after "--" are never options.
    argv = [program, "-i", "--", *to]
    with _memory("mail") as given, _memory("said") as said:
        given.write(mail)
        given.seek(0)
        said.truncate(SAID_MAX)
        fcntl.fcntl(said, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
        process = _start(argv, given, said)
        try:
            await asyncio.wait_for(_end(process), limit)
        except TimeoutError:
            raise NotSent(f"{program} did not end within {limit:g} seconds", _read(said)) from None
        finally:
            if process.returncode is None:
                await _kill(process)
        if process.returncode != 0:
            raise NotSent(f"{program} {_how(process.returncode)}", _read(said))


def _start(argv: Sequence[str], given: FileIO, said: FileIO) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            argv,
            stdin=given,
            stdout=said,
            stderr=said,
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,
            umask=0o022,  # the usual one; the service's own is stricter
        )
    except OSError as error:
        raise NotSent(f"{argv[0]} cannot be run: {error.strerror}") from error


def _problem(program: str, owner: int) -> str:
    path = Path(program)
    if not os.path.lexists(path):
        return f"there is no {path}; install a mail server, or set to = [] in [mail]"
    return trust.problem(path, owner)


def _how(status: int) -> str:
    return f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"


def _memory(name: str) -> FileIO:
    descriptor = os.memfd_create(f"tetras-back-{name}", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    return open(descriptor, "w+b", buffering=0)


def _read(said: FileIO) -> str:
    """What has been written, as one line; the position is the one that the program left."""
    length = said.tell()
    said.seek(0)
    return " ".join(said.read(length).decode("utf-8", "replace").split())


async def _end(process: subprocess.Popen[bytes]) -> None:
    """Wait until it has ended; what it left behind is not waited for."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    handle = os.pidfd_open(process.pid)
    loop.add_reader(handle, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)
    process.wait()


async def _kill(process: subprocess.Popen[bytes]) -> None:
    """End it and its group, also while we are being cancelled."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        await asyncio.wait_for(_end(process), GRACE)
    except TimeoutError:
        os.killpg(process.pid, signal.SIGKILL)
        await _end(process)
