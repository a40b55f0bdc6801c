"""Cockpit's own web server and bridge, with the web page of this checkout, on loopback.

::

    Cockpit        for one person, who is there without logging in
    CockpitLogin   for everybody who has a password on this machine
"""

import contextlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.harness.bus import PrivateBus
from tests.harness.polkit import at_the_usual_place
from tests.harness.process import (
    BASE_ENVIRONMENT,
    PROJECT,
    HarnessError,
    Process,
    run,
    wait_until,
)
from tests.harness.users import User, command_as

PACKAGE = "tetras-back"
_SERVER = "/usr/lib/cockpit/cockpit-ws"
_BRIDGE = "/usr/bin/cockpit-bridge"
_COMMAND = (_SERVER, "--no-tls", "--address=127.0.0.1", "--port=0")
_LISTENING = "0A"

# $1 is what the page lies below, the rest is run.
_WITH_PAGE = 'mount --bind "$1" /usr/local/share && shift && exec "$@"'


def install_page(directory: Path) -> Path:
    """The page, as a package installs it, in DIRECTORY/cockpit/tetras-back; DIRECTORY."""
    place = directory / "cockpit" / PACKAGE
    if not place.exists():
        run(["make", "--silent", f"--directory={PROJECT}", "place-page", f"PAGEDIR={place}"])
    return directory


class _Server:
    """cockpit-ws, run by ARGV; ready when the constructor returns."""

    def __init__(self, argv: Sequence[str], log: Path, env: Mapping[str, str]) -> None:
        self.process = Process(argv, log=log, env=env)
        self.port = wait_until(
            lambda: _port(self.process.pid) or not self.process.running, "Cockpit to listen"
        )
        if not self.process.running:
            raise HarnessError(f"Cockpit did not start: {self.process.tail()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.stop(5)

    @property
    def shell(self) -> str:
        """The page within Cockpit."""
        return f"http://127.0.0.1:{self.port}/{PACKAGE}"

    @property
    def url(self) -> str:
        """The page by itself."""
        return f"http://127.0.0.1:{self.port}/cockpit/@localhost/{PACKAGE}/index.html"


class Cockpit(_Server):
    """Cockpit for one person, who needs no login: USER (None: root), with the daemon's BUS.

    Its files lie below DIRECTORY, the page's below DATA (None: there, too); USER must be able to
    enter both. Root has administrative access, a user has none.
    """

    def __init__(
        self,
        bus: PrivateBus,
        directory: Path,
        user: User | None = None,
        data: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        share = data or install_page(directory)
        home = directory / f"cockpit-home-{user.name if user else 'root'}"
        home.mkdir(exist_ok=True)
        if user:
            os.chown(home, user.uid, user.gid)
        environment = {
            **bus.environment,
            "HOME": str(home),
            "XDG_DATA_HOME": str(share),
            "XDG_RUNTIME_DIR": str(home),
            "TMPDIR": str(home),
            **(env or {}),
        }
        argv = [*_COMMAND, f"--local-session={_BRIDGE}"]
        super().__init__(
            command_as(user, argv) if user else argv, home / "cockpit.log", environment
        )


class CockpitLogin(_Server):
    """Cockpit as Debian ships it: whoever comes logs in through PAM, and then has a bridge of their
    own, and by sudo another one with administrative access.

    cockpit-session and sudo clear the environment, so all of them run in a mount namespace of their
    own in which BUS is the system's, and the page (below DATA, or DIRECTORY) in its place. There is
    no logind: sessions are registered nowhere, and polkit cannot ask for a password in them.
    """

    def __init__(self, bus: PrivateBus, directory: Path, data: Path | None = None) -> None:
        share = data or install_page(directory)
        argv = at_the_usual_place(bus, ["sh", "-c", _WITH_PAGE, "sh", str(share), *_COMMAND])
        # Nothing of the machine's own configuration of Cockpit.
        environment = {**BASE_ENVIRONMENT, "XDG_CONFIG_DIRS": str(directory)}
        super().__init__(argv, directory / "cockpit-login.log", environment)


def _port(pid: int) -> int:
    """The port of loopback that PID listens on; 0 = none yet. The kernel chose it."""
    own = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            if found := re.fullmatch(r"socket:\[(\d+)\]", os.readlink(entry)):
                own.add(found[1])
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == _LISTENING and fields[9] in own:
            return int(fields[1].partition(":")[2], 16)
    return 0
