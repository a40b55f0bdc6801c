"""What a scene hears, and where its scripts wait."""

import json
import os
from pathlib import Path
from typing import Any

from tests.harness import PrivateBus, wait_until
from tests.harness.process import Process
from tetrasback import names


class Ears:
    """A subscriber that hears all signals of the daemon on BUS; `listen` anew after a restart."""

    def __init__(self, bus: PrivateBus, directory: Path) -> None:
        self._bus = bus
        self._log = directory / "ears.log"
        self._process = self._start()

    def _start(self) -> Process:
        heard = self._log.stat().st_size if self._log.exists() else 0
        process = Process(
            [
                *("busctl", f"--address={self._bus.address}", "--json=short"),
                *("monitor", names.BUS_NAME),
            ],
            log=self._log,
            env=self._bus.environment,
        )
        wait_until(
            lambda: b"Monitoring" in self._log.read_bytes()[heard:] or not process.running,
            "the subscriber to listen",
        )
        return process

    def listen(self) -> None:
        """Listen on a bus that was restarted; what was heard before stays."""
        self._process.stop()
        self._process = self._start()

    def stop(self) -> None:
        self._process.stop()

    def messages(self) -> list[dict[str, Any]]:
        """Every signal so far, as busctl's JSON."""
        whole, _, _ = self._log.read_text().rpartition("\n")
        found = [json.loads(line) for line in whole.splitlines() if line.startswith("{")]
        return [
            item for item in found if item["type"] == "signal" and item["path"] != names.DBUS_PATH
        ]

    def signals(self) -> list[tuple[str, ...]]:
        """The signals of our own interface: (name, argument, …), all as text."""
        return [
            (item["member"], *map(str, item["payload"]["data"]))
            for item in self.messages()
            if item["interface"] == names.MANAGER_INTERFACE
        ]

    def names(self, *uuids: str) -> list[str]:
        """The names of the signals about these disks, in order, without progress.

        Others are no business of the test: a daemon sees the disks of every test on the machine.
        """
        return [
            name
            for name, *arguments in self.signals()
            if name != "BackupProgress" and set(uuids) & set(arguments)
        ]

    def all(self, member: str, uuid: str = "") -> list[tuple[str, ...]]:
        """The signals MEMBER, of one disk or all; without their names."""
        return [
            tuple(arguments)
            for name, *arguments in self.signals()
            if name == member and (not uuid or uuid in arguments)
        ]

    def wait(
        self, member: str, uuid: str = "", count: int = 1, seconds: float = 60.0
    ) -> tuple[str, ...]:
        """The COUNTth signal MEMBER, waited for."""
        found = wait_until(
            lambda: self.all(member, uuid)[count - 1 : count], f"{count} × {member}", seconds
        )
        return found[0]


class Gate:
    """A place in a script where it waits. `shell` is the script's line for it."""

    def __init__(self, directory: Path, name: str = "gate") -> None:
        self._fifo = directory / name
        self._reached = directory / f"{name}.reached"
        os.mkfifo(self._fifo)
        self.shell = f'echo >>"{self._reached}"; read -r _ <"{self._fifo}" || true\n'

    def reached(self, count: int = 1, seconds: float = 60.0) -> None:
        """Wait until a script has come here COUNT times."""
        wait_until(lambda: self.passages() >= count, "the script to come to its gate", seconds)

    def passages(self) -> int:
        """How often a script has come here."""
        return len(self._reached.read_bytes()) if self._reached.exists() else 0

    def open(self) -> None:
        """Let the script that waits here go on."""

        def pass_one() -> bool:
            try:
                os.close(os.open(self._fifo, os.O_WRONLY | os.O_NONBLOCK))
            except OSError:  # nobody reads yet
                return False
            return True

        wait_until(pass_one, "a script at the gate")
