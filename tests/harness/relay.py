"""The FIFO relay under test, run as its own system user, which is made and removed."""

import pwd
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tests.harness.bus import PrivateBus
from tests.harness.daemon import install_tree
from tests.harness.lock import MachineLock
from tests.harness.process import PYTHON, HarnessError, Process, run, wait_until
from tetrasback import names

_MADE = Path("/run/tetras-back-harness-relay-user")
"""Exists while the relay's user is one that a test run made."""


class RelayUser:
    """The relay's user, as a package would make it; removed with the last who needs it, unless the
    machine had it before."""

    def __init__(self) -> None:
        self._shared = MachineLock("relay", shared=True)
        with MachineLock("users"):
            self._shared.acquire()
            if not _exists():
                _MADE.touch()
                run(
                    [
                        *("useradd", "--system", "--no-create-home", "--home-dir=/nonexistent"),
                        *("--user-group", "--shell=/usr/sbin/nologin", names.RELAY_USER),
                    ]
                )
        entry = pwd.getpwnam(names.RELAY_USER)
        self.name, self.uid, self.gid = entry.pw_name, entry.pw_uid, entry.pw_gid

    def close(self) -> None:
        with MachineLock("users"):
            if self._shared.release() and _MADE.exists():
                run(["userdel", "--force", names.RELAY_USER], check=False)
                _MADE.unlink()


def forgotten_users() -> list[str]:
    """The relay's user, if a test run made it and nobody needs it any more."""
    with MachineLock("users"):  # nobody is about to remove it
        return [names.RELAY_USER] if _MADE.exists() and not MachineLock("relay").is_held() else []


class Relay:
    """`tetras-back-relay` on BUS, with its state below DIRECTORY; ready when the constructor
    returns, run by the command line WITHIN, such as nsenter's. `start` after `stop` or `kill`
    starts it again with the same state."""

    def __init__(self, bus: PrivateBus, directory: Path, within: Sequence[str] = ()) -> None:
        self.bus = bus
        self._within = within
        self.library = install_tree(directory)
        self.log = directory / "relay.log"
        self.state_dir = directory / "relay-state"
        self.user = RelayUser()
        try:
            self.state_dir.mkdir(mode=0o700, exist_ok=True)
            shutil.chown(self.state_dir, self.user.uid, self.user.gid)
            bus.reload()  # its policy names a user that may not have been there
            self.process = self.start()
        except BaseException:
            self.user.close()
            raise

    def __enter__(self) -> "Relay":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self.stop()
        self.user.close()

    def start(self) -> Process:
        """Start it, and wait until it owns its name."""
        self.process = Process(
            [
                *self._within,
                *("setpriv", f"--reuid={self.user.uid}", f"--regid={self.user.gid}"),
                *("--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"),
                *("--", PYTHON, "-m", "tetrasback.relay", f"--state-dir={self.state_dir}"),
            ],
            log=self.log,
            env={**self.bus.environment, "PYTHONPATH": str(self.library)},
        )
        wait_until(
            lambda: not self.process.running or self.bus.has_owner(names.RELAY_NAME),
            "the relay to own its name",
            20.0,
        )
        if not self.process.running:
            raise HarnessError(f"the relay did not start: {self.process.tail()}")
        return self.process

    def stop(self) -> int:
        """End it as systemd does; its exit status."""
        return self.process.stop(10)

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()

    def resident(self) -> int:
        """Bytes of memory in use."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) << 10


def _exists() -> bool:
    try:
        pwd.getpwnam(names.RELAY_USER)
    except KeyError:
        return False
    return True
