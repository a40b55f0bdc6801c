"""Where it is measured: two daemons that know nothing and much, each on a bus of its own."""

import sqlite3
import stat
import time
import uuid as uuids
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from tests.harness import Daemon, Polkitd, PrivateBus, TagRule, UdevDaemon, Workspace, run
from tests.harness.process import PROJECT, PYTHON
from tetrasback import names
from tetrasback.adapters.history_tables import SCHEMA, VERSION

DISKS = 1_000
ROWS = 100_000
DISK = "0b5a9f3e-7c1d-4e8f-9a2b-3c4d5e6f7a8b"
"""The disk that is plugged in, saved in both worlds."""

SCRIPT = "measured.sh"
PEER_POLICIES = (
    Path("/usr/share/polkit-1/actions/org.fedoraproject.FirewallD1.policy"),
    Path("/usr/share/polkit-1/actions/org.freedesktop.UDisks2.policy"),
)
_PEERS_ON_THE_BUS = """\
  <include>/usr/share/dbus-1/system.d/FirewallD.conf</include>
  <include>/usr/share/dbus-1/system.d/org.freedesktop.UDisks2.conf</include>
"""
_LAUNCHER = """\
#!{python}
import sys
from tetrasback.ctl import main
if __name__ == "__main__":
    sys.exit(main())
"""


class World:
    """A bus, polkit, and a daemon that has saved `DISK` and DISKS others, with ROWS of history."""

    def __init__(self, stack: ExitStack, *, disks: int = 0, rows: int = 0) -> None:
        self.disks = disks
        self.directory = stack.enter_context(Workspace("tetras-back-bench-"))
        self.bus = stack.enter_context(PrivateBus(self.directory, _PEERS_ON_THE_BUS))
        stack.enter_context(Polkitd(self.bus, policies=PEER_POLICIES))
        stack.enter_context(TagRule(self.directory))
        scripts = self.directory / "scripts"
        scripts.mkdir()
        self.script = scripts / SCRIPT
        self.write_script("exit 0")
        saved = [DISK, *(str(uuids.uuid5(uuids.NAMESPACE_OID, str(n))) for n in range(disks))]
        _fill_history(self.directory / "state", saved, rows)
        # Not waited for, and ended: `running` starts it, after its modules have been compiled.
        self.daemon = Daemon(
            *(self.bus, self.directory, _configuration(saved), [scripts]),
            env={"WATCHDOG_USEC": f"{_watchdog_seconds()}000000"},
            wait=False,
        )
        self.daemon.stop()
        # As a Debian package has them: compiled at installation, and a program to start.
        run([PYTHON, "-m", "compileall", "-q", self.daemon.library])
        self.program = self.directory / "tetras-backctl"
        self.program.write_text(_LAUNCHER.format(python=PYTHON))
        self.program.chmod(0o755)

    @contextmanager
    def running(self, *, alone: bool = False) -> Iterator[Self]:
        """The daemon runs, and has come to rest. ALONE: it hears of nobody's disks, in a network
        of its own to which udev does not send."""
        argv = self.daemon.argv
        if alone:
            self.daemon.argv = ["unshare", "--net", "--", *argv]
        try:
            self.daemon.start(seconds=60)
            rest(self.daemon.process.pid)
            yield self
        finally:
            self.daemon.argv = argv
            self.daemon.stop()

    def is_now(self, state: str) -> bool:
        """Whether STATE is the state of `DISK`, as the bus shows it."""
        answer = run(
            [
                *("busctl", f"--address={self.bus.address}", "get-property", names.BUS_NAME),
                *(names.disk_path(DISK), names.DISK_INTERFACE, "State"),
            ]
        )
        return answer.stdout.split()[1] == f'"{state}"'

    def write_script(self, text: str) -> None:
        """What the only backup script does."""
        self.script.write_text(f"#!/bin/bash\n{text}\n")
        self.script.chmod(stat.S_IRWXU)


@contextmanager
def worlds() -> Iterator[tuple[World, World]]:
    """One with a single saved disk, one with 1,000 more and 100,000 rows; no daemon runs yet."""
    with ExitStack() as stack:
        stack.enter_context(UdevDaemon())
        # Ten rows are what is asked for at once: an answer of the same size in both.
        yield World(stack, rows=10), World(stack, disks=DISKS, rows=ROWS)


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used, by proc(5): fields 14 and 15, in 1/100 s."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def resident(pid: int) -> float:
    """Memory of a process, VmRSS, in MB (10⁶ bytes)."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) * 1024 / 1e6


def rest(pid: int, seconds: float = 60) -> None:
    """Wait until a process has used no processor time for a second."""
    end = time.monotonic() + seconds
    before = -1.0
    while (now := cpu_seconds(pid)) != before and time.monotonic() < end:
        before = now
        time.sleep(1)


def _watchdog_seconds() -> str:
    """What systemd demands of the daemon is part of its idling."""
    unit = (PROJECT / "systemd/tetras-back.service").read_text()
    return unit.split("\nWatchdogSec=")[1].split("\n")[0]


def _configuration(saved: list[str]) -> str:
    lines = ["[backup]", f'scripts = ["{SCRIPT}"]', ""]
    for number, uuid in enumerate(saved):
        lines += [f'[disks."{uuid}"]', f'name = "disk {number}"', ""]
    return "\n".join(lines)


def _fill_history(directory: Path, saved: list[str], rows: int) -> None:
    """ROWS successes, the last ones a minute apart, so that no disk is overdue."""
    directory.mkdir(mode=0o700)
    database = sqlite3.connect(directory / "history.sqlite")
    database.executescript(f"PRAGMA journal_mode = WAL; {SCHEMA} PRAGMA user_version = {VERSION};")
    minute, now = 60_000_000, time.time_ns() // 1000
    marks = "(" + ", ".join("?" * 14) + ")"
    database.executemany(
        f"INSERT INTO backups VALUES {marks}",
        (
            (
                *(number + 1, saved[number % len(saved)], f"disk {number % len(saved)}"),
                *("plug", "success", "", now - (rows - number) * minute),
                *(now - (rows - number) * minute + minute // 2, 123_456_789, 4_321, 0),
                *("", "2026-01-02_03-04-05_Sauvegarde_server", 1),
            )
            for number in range(rows)
        ),
    )
    if rows:
        database.executemany(
            "INSERT INTO disks VALUES (" + ", ".join("?" * 14) + ")",
            (
                (
                    *(uuid, f"disk {number}", "backup", "Elements", "WX1", "ext4", 10**12, 10**11),
                    *(now, now - number * minute, "success", now, "", 0),
                )
                for number, uuid in enumerate(saved)
            ),
        )
    database.commit()
    database.close()
