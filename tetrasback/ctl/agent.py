"""Asking for a password in the terminal, as systemctl does: polkit's own agent, for one call."""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

AGENT: Final = "/usr/bin/pkttyagent"
READY_LIMIT: Final = 5.0
END_LIMIT: Final = 5.0
"""Seconds."""


def may_ask() -> bool:
    """Whether a person sits at this terminal to be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


@contextlib.asynccontextmanager
async def password_agent(agent: str = AGENT) -> AsyncIterator[None]:
    """While this holds, polkit can ask in this terminal for passwords on our behalf.

    An agent of the desktop, where there is one, goes first. Root is never asked, and where polkit's
    agent is not installed nobody is: the call is then simply refused.
    """
    if os.geteuid() == 0 or not os.access(agent, os.X_OK):
        yield
        return
    ready, theirs = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            agent,
            *("--process", f"{os.getpid()},{_start_time()}"),
            *("--notify-fd", str(theirs)),
            # polkit passes a fallback over for whoever has no session, and so no desktop either.
            *(["--fallback"] if "XDG_SESSION_ID" in os.environ else []),
            pass_fds=(theirs,),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # it talks to the terminal itself
        )
    finally:
        os.close(theirs)
    try:
        await _closed(ready)
        yield
    finally:
        os.close(ready)
        with contextlib.suppress(ProcessLookupError):
            process.terminate()  # the agent restores the terminal's echo
        try:
            await asyncio.wait_for(process.wait(), END_LIMIT)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _closed(descriptor: int) -> None:
    """Wait until the other end of the pipe is closed: the agent is registered, or has given up."""
    loop = asyncio.get_running_loop()
    closed = asyncio.Event()
    loop.add_reader(descriptor, closed.set)
    try:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(closed.wait(), READY_LIMIT)
    finally:
        loop.remove_reader(descriptor)


def _start_time() -> str:
    """When this process began, in the kernel's ticks: with it, a pid names no other process."""
    stat = Path("/proc/self/stat").read_text()
    return stat.rpartition(")")[2].split()[19]  # field 22 of proc(5); the name may hold blanks
