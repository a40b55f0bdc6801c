"""A user with a home, who registers FIFOs with a real relay and reads them."""

import asyncio
import json
import os
import selectors
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.bus.serving import serving
from tests.harness import PrivateBus, Relay, User, run
from tests.harness.process import BASE_ENVIRONMENT, PYTHON
from tests.harness.users import command_as
from tetrasback import names
from tetrasback.service import Service
from tetrasback.wire import Alert

ALLOWED = (
    'polkit.addRule(function (action) { if (action.id == "org.tetraslibre.back.register-client")'
    " return polkit.Result.YES; });"
)
"""A rule by which everybody may register FIFOs, as an active user at the server may."""


class Person:
    """USER, with a private home in DIRECTORY, on BUS; LIBRARY is where the package lies."""

    def __init__(self, user: User, directory: Path, bus: PrivateBus, library: Path) -> None:
        self.user = user
        self.home = directory / f"home-{user.name}"
        self.home.mkdir(mode=0o700)
        shutil.chown(self.home, user.uid, user.gid)
        self.bus = bus
        programs = directory / "bin"
        programs.mkdir(exist_ok=True)
        ctl = programs / "tetras-backctl"
        ctl.write_text(f'#!/bin/sh\nexec {PYTHON} -m tetrasback.ctl "$@"\n')
        ctl.chmod(0o755)
        self.environment = {
            **BASE_ENVIRONMENT,
            "PATH": f"{programs}:{BASE_ENVIRONMENT['PATH']}",
            "DBUS_SYSTEM_BUS_ADDRESS": bus.address,
            "PYTHONPATH": str(library),
            "HOME": str(self.home),
        }

    def sh(self, script: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a shell script at home, with the usual umask; `tetras-backctl` is there."""
        argv = ["sh", "-c", f'umask 022; cd "$HOME" || exit; {script}', "sh", *words]
        return run(command_as(self.user, argv), check=False, env=self.environment)

    def command(self, *words: str | Path) -> list[str]:
        """The command line of a program that is to be run as them."""
        return command_as(self.user, words)

    def fifo(self, name: str = "f", mode: int = 0o644) -> Path:
        """A new FIFO of theirs, at home or where NAME leads."""
        path = self.home / name
        os.mkfifo(path)
        os.chown(path, self.user.uid, self.user.gid)
        path.chmod(mode)
        return path

    def ctl(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run tetras-backctl to its end."""
        argv = [PYTHON, "-m", "tetrasback.ctl", *words]
        return run(command_as(self.user, argv), check=False, env=self.environment)

    def register(self, path: Path, form: str = "events") -> None:
        """Register a FIFO; it must succeed."""
        done = self.ctl("register", f"--format={form}", path)
        assert done.returncode == 0, done.stderr

    def call(self, member: str, *texts: str | Path) -> str:
        """Call the relay on the bus, past tetras-backctl; the error, empty = none."""
        argv = [
            *("gdbus", "call", f"--address={self.bus.address}", f"--dest={names.RELAY_NAME}"),
            *(f"--object-path={names.RELAY_PATH}", f"--method={names.RELAY_INTERFACE}.{member}"),
            *("--timeout=30", "--", *(json.dumps(str(text), ensure_ascii=False) for text in texts)),
        ]
        return run(command_as(self.user, argv), check=False, env=BASE_ENVIRONMENT).stderr.strip()


class Root(Person):
    """The administrator: no user is changed to."""

    def __init__(self, directory: Path, bus: PrivateBus, library: Path) -> None:
        entry = type("RootUser", (), {"name": "root", "uid": 0, "gid": 0})
        super().__init__(entry(), directory, bus, library)


class Reader:
    """Reads the FIFO at PATH (as root, who may read everything) until `close`."""

    def __init__(self, path: Path) -> None:
        # Not held up by a FIFO that nobody writes into: it is opened again when there is somebody.
        self.descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self._rest = b""
        self.lines: list[dict[str, Any]] = []

    def close(self) -> None:
        os.close(self.descriptor)

    def poll(self) -> None:
        """Read what is there."""
        try:
            data = self._rest + os.read(self.descriptor, 1 << 16)
        except BlockingIOError:
            return
        *whole, self._rest = data.split(b"\n")
        self.lines += [json.loads(line) for line in whole]

    def until(self, event: str, seconds: float = 60.0, **members: Any) -> dict[str, Any]:
        """The next line that tells EVENT with these MEMBERS; it and those before are taken."""
        end = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self.descriptor, selectors.EVENT_READ)
            while True:
                self.poll()
                for index, line in enumerate(self.lines):
                    if line["event"] == event and members.items() <= line.items():
                        del self.lines[: index + 1]
                        return line
                left = end - time.monotonic()
                assert left > 0, f"{event} was not told, but {self.lines[-3:]}"
                selector.select(min(left, 0.1))


@contextmanager
def reading(path: Path) -> Iterator[Reader]:
    """A reader of PATH."""
    reader = Reader(path)
    try:
        yield reader
    finally:
        reader.close()


@asynccontextmanager
async def relay_on(bus: PrivateBus, directory: Path) -> AsyncIterator[Relay]:
    """A relay, beside the event loop that a daemon's service runs in."""
    running = await asyncio.to_thread(Relay, bus, directory)
    try:
        yield running
    finally:
        await asyncio.to_thread(running.close)


@asynccontextmanager
async def told_of(
    bus: PrivateBus, *alerts: Alert
) -> AsyncIterator[tuple[Service, Callable[..., None]]]:
    """The daemon's real service on BUS, with one disk, one backup and ALERTS; it tells what a test
    wants told. The second is `publish`, which shows other alerts."""
    async with serving(bus) as (service, control):

        def publish(*alerts: Alert) -> None:
            manager = replace(control.manager(), alerts=alerts)
            service.publish(manager, control.disks(), control.backups(), {})

        publish(*alerts)
        yield service, publish


def cat(path: Path, seconds: float = 60.0) -> str:
    """What `cat` reads before it ends; it must end."""
    return run(["cat", path], seconds=seconds).stdout
