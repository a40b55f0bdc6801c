"""A server with the package installed, to look around in: `sudo make vm`.

Two USB disks are plugged in, one with a file system (saved by nobody yet) and one that is blank.
"""

import os
import tempfile
from pathlib import Path

from tests.harness.process import PROJECT
from tests.vm import console, snapshots
from tests.vm.server import Server


def main() -> None:
    packages = snapshots.packages(Path(os.environ.get("DEBS", PROJECT / "dist")))
    installed = snapshots.installed(packages)
    with (
        tempfile.TemporaryDirectory(prefix="tetras-back-vm-", dir="/var/tmp") as place,
        Server(Path(place, "server"), installed) as server,
    ):
        server.restore()
        server.plug(server.disk("bleu", size_mb=2048))
        server.plug(server.disk("blank", fs="", size_mb=2048))
        console.attach(server)


if __name__ == "__main__":
    main()
