"""The desktop notifier under test."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from tests.harness.bus import PrivateBus, SessionBus
from tests.harness.daemon import install_tree
from tests.harness.process import PYTHON, HarnessError, Process, wait_until
from tetrasback import names


class Notifier:
    """`tetras-back-notify`, run by the owner of SESSION, with the daemon's BUS; the package is
    installed below DIRECTORY, and ENV is more of its environment.

    Ready when the constructor returns. `start` after `stop` or `kill` starts it again.
    """

    def __init__(
        self,
        bus: PrivateBus,
        session: SessionBus,
        directory: Path,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.session = session
        self.argv = session.as_owner([PYTHON, "-m", "tetrasback.notifier", "--log-level=debug"])
        self.environment = {
            **bus.environment,
            **session.environment,
            "PYTHONPATH": str(install_tree(directory)),
            "HOME": str(session.directory),
            **(env or {}),
        }
        self.log = directory / "notifier.log"
        self.process = self.start()

    def __enter__(self) -> "Notifier":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> Process:
        """Start it, and wait until it owns its name."""
        self.process = Process(self.argv, log=self.log, env=self.environment)
        wait_until(
            lambda: not self.process.running or self.session.has_owner(names.NOTIFIER_NAME),
            "the notifier to own its name",
            20.0,
        )
        if not self.process.running:
            raise HarnessError(f"the notifier did not start: {self.process.tail()}")
        return self.process

    def stop(self) -> int:
        """End it as systemd does; its exit status."""
        return self.process.stop(10)

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
