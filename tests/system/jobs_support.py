"""Scripts, the jobs that run them, and processes to look for, for the tests of `adapters.jobs`."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tests.harness import HarnessError
from tetrasback.adapters.jobs import Jobs
from tetrasback.adapters.logs import Logs
from tetrasback.adapters.scripts import ScriptDirectories
from tetrasback.core.state import Progress
from tetrasback.ports import Job, JobResult

T = TypeVar("T")
UUID = "0b5a9f3e-0000-4000-8000-0000000000aa"


class Bench:
    """A script directory, a mount point and Jobs with short times, all below DIRECTORY."""

    def __init__(self, directory: Path, *, grace: float = 1.0, patience: float = 20.0) -> None:
        self.directory = directory
        self.scripts = directory / "scripts"
        self.mount = directory / "disk"
        for path in (self.scripts, self.mount):
            path.mkdir(mode=0o755)
        self.logs = Logs(directory / "logs")
        finder = ScriptDirectories([self.scripts])
        self.jobs = Jobs(finder, self.logs, grace=grace, patience=patience)
        self.told: list[Progress] = []
        self._backups = 0

    def script(self, text: str, name: str = "test.sh") -> None:
        """Put a script in place: TEXT, for bash where it names no other interpreter."""
        path = self.scripts / name
        path.write_text(text if text.startswith("#!") else f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)

    def job(self, *args: str, takes: str = "mount", timeout: float = 60.0) -> Job:
        """A job for it, of a backup of its own."""
        self._backups += 1
        return Job(
            backup_id=self._backups,
            script="test.sh",
            args=args,
            takes=takes,
            mount=str(self.mount) if takes == "mount" else "",
            uuid=UUID,
            name="bleu à moi",
            device="/dev/loop99",
            source="/srv/source",
            nice=7,
            timeout=timeout,
        )

    async def run(self, text: str, *args: str, takes: str = "mount") -> JobResult:
        """Run a script with this TEXT."""
        self.script(text)
        return await self.jobs.run(self.job(*args, takes=takes), self.told.append)

    async def lines(self) -> list[str]:
        """The log of the newest backup, without times."""
        text = await self.logs.read(self._backups)
        return [line.partition(" ")[2] for line in text.splitlines()]

    def file(self, name: str) -> Path:
        """A file below the directory, for a script to leave something in."""
        return self.directory / name


async def until(condition: Callable[[], T], what: str, seconds: float = 60.0) -> T:
    """As `tests.harness.wait_until`, with the event loop free meanwhile."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise HarnessError(f"waited {seconds:g} s in vain for {what}")
        await asyncio.sleep(0.01)
    return value


def marked(mark: str) -> list[int]:
    """Running processes (no zombies) that have MARK as a word of their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if mark.encode() in words and int(entry.name) != os.getpid():
                found.append(int(entry.name))
    return found


def have_marked(mark: str, count: int) -> Callable[[], bool]:
    """Whether exactly COUNT processes have MARK."""
    return lambda: len(marked(mark)) == count
