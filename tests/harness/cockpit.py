"""Cockpit's own web server and bridge, with the web page of this checkout, on loopback."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.harness.bus import PrivateBus
from tests.harness.process import PROJECT, HarnessError, Process, run, wait_until
from tests.harness.users import User, command_as

PACKAGE = "tetras-back"
_SERVER = "/usr/lib/cockpit/cockpit-ws"
_BRIDGE = "/usr/bin/cockpit-bridge"
_LISTENING = "0A"


def install_page(directory: Path) -> Path:
    """The page, as a package installs it, in DIRECTORY/cockpit/tetras-back; DIRECTORY."""
    place = directory / "cockpit" / PACKAGE
    if not place.exists():
        run(["make", "--silent", f"--directory={PROJECT}", "place-page", f"PAGEDIR={place}"])
    return directory


class Cockpit:
    """Cockpit for one person, who needs no login: USER (None: root), with the daemon's BUS.

    Its files lie below DIRECTORY, the page's below DATA (None: there, too); USER must be able to
    enter both. Root has administrative access, a user has none. `url` is the page by itself,
    `shell` the page within Cockpit.
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
            **(env or {}),
        }
        argv = [
            *(_SERVER, "--no-tls", "--address=127.0.0.1", "--port=0"),
            f"--local-session={_BRIDGE}",
        ]
        self.process = Process(
            command_as(user, argv) if user else argv, log=home / "cockpit.log", env=environment
        )
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
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/cockpit/@localhost/{PACKAGE}/index.html"

    @property
    def shell(self) -> str:
        return f"http://127.0.0.1:{self.port}/{PACKAGE}"


def _port(pid: int) -> int:
    """The port of loopback that PID listens on; 0 = none yet. The kernel chose it."""
    own = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        if found := re.fullmatch(r"socket:\[(\d+)\]", os.readlink(entry)):
            own.add(found[1])
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == _LISTENING and fields[9] in own:
            return int(fields[1].partition(":")[2], 16)
    return 0
