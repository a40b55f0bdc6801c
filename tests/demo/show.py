"""What the demo prints, on a terminal and into a pipe, and the commands that it shows."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.harness import Daemon, HarnessError, LoopDisk, User, run
from tests.harness.process import PYTHON
from tests.harness.users import command_as

_COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def title(text: str) -> None:
    print(f"\n\033[1;34m── {text}\033[0m" if _COLOUR else f"\n== {text}", flush=True)


def say(text: str) -> None:
    print(f"\033[2m   {text}\033[0m" if _COLOUR else f"   {text}", flush=True)


def command(words: Sequence[str | Path], user: User | None = None) -> None:
    line = f"{'$' if user else '#'} {' '.join(str(word) for word in words)}"
    print(f"\033[1m{line}\033[0m" if _COLOUR else line, flush=True)


def run_shown(argv: Sequence[str | Path], directory: Path) -> None:
    """Run ARGV in DIRECTORY and show what it prints, sorted."""
    command(argv)
    text = subprocess.run(argv, cwd=directory, stdout=subprocess.PIPE, text=True, check=True).stdout
    print("".join(sorted(text.splitlines(keepends=True))), end="", flush=True)


class Ctl:
    """`tetras-backctl` on the daemon's bus, shown as it is typed."""

    def __init__(self, daemon: Daemon, workspace: Path) -> None:
        self.daemon = daemon
        passed = {name: os.environ[name] for name in ("TERM", "NO_COLOR") if name in os.environ}
        self.environment = {**daemon.client_environment, **passed}
        self.program = workspace / "bin/tetras-backctl"
        self.program.parent.mkdir(mode=0o755)
        self.program.write_text(f'#!/bin/sh\nexec {PYTHON} -m tetrasback.ctl "$@"\n')
        self.program.chmod(0o755)

    def __call__(self, *words: str, user: User | None = None, expect: int = 0) -> None:
        """Run it with its output on ours; another exit status than EXPECT ends the demo."""
        command(["tetras-backctl", *words], user)
        argv = [str(self.program), *words]
        done = subprocess.run(
            command_as(user, argv) if user else argv,
            env=self.environment,
            stdin=subprocess.DEVNULL if user else None,
            stderr=subprocess.STDOUT,
            timeout=120,
            check=False,
        )
        if done.returncode != expect:
            raise HarnessError(
                f"tetras-backctl ended with {done.returncode}, not {expect}; the daemon's last"
                f" words:\n{self.daemon.process.tail()}"
            )
        if expect:
            say(f"(exit status {expect})")

    def state(self, uuid: str) -> str:
        """State of the disk UUID, as the bus tells it; empty where it does not know it."""
        done = run([self.program, "disks", "--json"], env=self.environment, check=False)
        disks = json.loads(done.stdout or '{"disks": []}')["disks"]
        return next((disk["state"] for disk in disks if disk["uuid"] == uuid), "")

    def watch(self, disk: LoopDisk) -> None:
        """Plug DISK in and show what the bus tells everybody, until it may be pulled out."""
        command(["tetras-backctl", "watch"])
        watch = subprocess.Popen(
            [self.program, "watch"], env=self.environment, stdout=subprocess.PIPE, text=True
        )
        assert watch.stdout is not None
        try:
            disk.attach()
            for line in watch.stdout:
                print(line, end="", flush=True)
                if "safe to unplug" in line.lower():
                    return
            raise HarnessError(
                f"watch ended; the daemon's last words:\n{self.daemon.process.tail()}"
            )
        finally:
            watch.terminate()
            watch.wait(10)
            watch.stdout.close()
