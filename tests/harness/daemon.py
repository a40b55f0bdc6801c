"""The daemon under test, run as a package would install it."""

import atexit
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType

from tests.harness.bus import PrivateBus
from tests.harness.catalogues import build_catalogues
from tests.harness.process import (
    BASE_ENVIRONMENT,
    PROJECT,
    PYTHON,
    HarnessError,
    Process,
    run,
    wait_until,
)
from tetrasback import names


def install_tree(directory: Path) -> Path:
    """A root-owned copy of the package in DIRECTORY/lib, readable by all; its path.

    The daemon runs nothing that is not root's, and a checkout belongs to whoever cloned it, in a
    home that others may not enter.
    """
    library = directory / "lib"
    if not library.exists():
        run(["cp", "-r", _built(), library])
    return library


@cache
def _built() -> Path:
    """The package as a package has it, translated and compiled: once, since that takes seconds."""
    library = Path(tempfile.mkdtemp(prefix="tetras-back-built-"))
    atexit.register(shutil.rmtree, library)
    # Neither owner nor times come along, nor what somebody's Python compiles meanwhile.
    shutil.copytree(
        PROJECT / "tetrasback",
        library / "tetrasback",
        ignore=shutil.ignore_patterns("__pycache__"),
        copy_function=shutil.copy,
    )
    build_catalogues(library / "tetrasback/locale")
    # By the source's content, not its time: a test may put something else in its place.
    run([PYTHON, "-m", "compileall", "-q", "--invalidation-mode=checked-hash", library])
    run(["chmod", "-R", "u=rwX,go=rX", library])
    return library


class Daemon:
    """`tetras-backd` on BUS, with its files below DIRECTORY; ready when the constructor returns.

    CONFIG_TEXT is its configuration file (None: there is none), SCRIPT_DIRS its script directories
    (default: the shipped ones), SIM runs it on the in-memory adapters, WITHIN is a command line
    that it is run by, such as nsenter's. `start` after `stop` or `kill` starts it again with the
    same files.
    """

    def __init__(
        self,
        bus: PrivateBus,
        directory: Path,
        config_text: str | None = None,
        script_dirs: Sequence[Path] | None = None,
        *,
        sim: bool = False,
        extra_args: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        wait: bool = True,
        within: Sequence[str] = (),
    ) -> None:
        self.bus = bus
        self.library = install_tree(directory)
        self.config = directory / "configuration.toml"
        self.state_dir = directory / "state"
        self.runtime_dir = directory / "run"
        self.log = directory / "daemon.log"
        self.environment = {**bus.environment, "PYTHONPATH": str(self.library), **(env or {})}
        if config_text is not None:
            self.config.write_text(config_text)
        scripts = [self.library / "tetrasback/scripts"] if script_dirs is None else script_dirs
        self.argv = [
            *within,
            *(PYTHON, "-m", "tetrasback.daemon", "--config", str(self.config)),
            *("--state-dir", str(self.state_dir), "--runtime-dir", str(self.runtime_dir)),
            *(word for path in scripts for word in ("--script-dir", str(path))),
            *(("--sim",) if sim else ()),
            *extra_args,
        ]
        self.process = self.start(wait=wait)

    def __enter__(self) -> "Daemon":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self, *, wait: bool = True, seconds: float = 60.0) -> Process:
        """Start it; with WAIT until it owns its name."""
        # TERM, not KILL, if we are killed: it then unmounts and ends its script.
        self.process = Process(self.argv, log=self.log, env=self.environment, death_signal="TERM")
        if wait:
            wait_until(
                lambda: not self.process.running or self.bus.has_owner(names.BUS_NAME),
                "the daemon to own its name",
                seconds,
            )
            if not self.process.running:
                raise HarnessError(f"the daemon did not start: {self.process.tail()}")
        return self.process

    def stop(self, seconds: float = 30.0) -> int:
        """End it as systemd does; its exit status."""
        return self.process.stop(seconds)

    def kill(self) -> None:
        """End it as a crash would; what it had forked stays."""
        self.process.kill()

    def ctl(self, *arguments: str) -> list[str]:
        """The command line of `tetras-backctl ARGUMENTS`, to be run in `client_environment`."""
        return [PYTHON, "-m", "tetrasback.ctl", *arguments]

    @property
    def client_environment(self) -> dict[str, str]:
        """For a client of any user: the bus, and where the package lies."""
        return {
            **BASE_ENVIRONMENT,
            "DBUS_SYSTEM_BUS_ADDRESS": self.bus.address,
            "PYTHONPATH": str(self.library),
        }
