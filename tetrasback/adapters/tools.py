"""Programs that write to a disk: children with a clean environment that do not outlive us.

How long they may take only the disk can tell: one is ended once the disk has not moved for some
time. A program that hangs in the kernel even then is left to it.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from tetrasback.adapters import hang
from tetrasback.adapters.probing import plain
from tetrasback.ports import Fault

ENVIRONMENT: Final[Mapping[str, str]] = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
    "HOME": "/",
}

_MOST_BYTES: Final = 16 * 1024
_END_SECONDS: Final = 5.0


class Tools:
    """Runs one program after the other; `stop` ends the one that runs and lets none follow."""

    def __init__(self, patience: float = hang.PATIENCE) -> None:
        self._patience = patience
        self._running: asyncio.subprocess.Process | None = None
        self.stopped = False

    def stop(self) -> None:
        """End the running program at once; `run` raises Fault ``stopped``."""
        self.stopped = True
        if self._running is not None:
            _kill(self._running)

    def check(self) -> None:
        """Raise Fault ``stopped`` after `stop`."""
        if self.stopped:
            raise Fault("stopped", "the service was stopped")

    async def run(
        self, command: Sequence[str], movement: Callable[[], str], what: str, text: str = ""
    ) -> None:
        """Run COMMAND to its end, with TEXT to read; WHAT is done, for messages.

        Raises Fault ``disk-error`` (it failed, its last words; or hangs) or ``stopped``.
        """
        self.check()
        try:
            process = await asyncio.create_subprocess_exec(
                *("setpriv", "--pdeathsig", "KILL", "--", *command),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                env=ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise Fault("disk-error", f"{command[0]} cannot be run: {error.strerror}") from None
        self._running = process
        ended = asyncio.ensure_future(_end(process, text))
        try:
            await hang.watch(ended, movement, what, self._patience)
        finally:
            self._running = None
            if not ended.done():
                _kill(process)
                await asyncio.wait([ended], timeout=_END_SECONDS)
                ended.cancel()
        words = ended.result()
        self.check()
        if process.returncode != 0:
            raise Fault("disk-error", f"{what} failed: {words or f'{command[0]} was ended'}")


async def _end(process: asyncio.subprocess.Process, text: str) -> str:
    """Wait for the end of PROCESS; the last line of what it complained about."""
    assert process.stdin is not None
    assert process.stderr is not None
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(text.encode())
        await process.stdin.drain()
    process.stdin.close()
    said = b""
    while data := await process.stderr.read(_MOST_BYTES):
        said = (said + data)[-_MOST_BYTES:]
    await process.wait()
    lines = [line for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    return plain(lines[-1]) if lines else ""


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
