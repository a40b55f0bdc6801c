"""Programs run where the system's own mounts are, though ours are private.

Where systemd runs it is asked to run them (`systemd`): the service's own sandbox lets it enter no
other namespace. Elsewhere they are run in the namespace that the daemon was started in, which is
held open by a descriptor.
"""

import asyncio
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tetrasback.adapters.tools import ENVIRONMENT

SECONDS: Final = 60.0
"""For one mount or unmount; a disk that hangs for longer is not waited for."""
SYSTEMD: Final = Path("/run/systemd/system")
"""There is such a directory where systemd is process 1 (sd_booted(3))."""
NAMESPACE: Final = Path("/proc/self/ns/mnt")
CGROUP: Final = Path("/proc/self/cgroup")


def hold_namespace() -> int:
    """A descriptor of the mount namespace that we are in; to be called before it is left."""
    return os.open(NAMESPACE, os.O_RDONLY | os.O_CLOEXEC)


class Outside:
    """HOME is a descriptor of the system's own mount namespace, CGROUP tells our own unit."""

    def __init__(self, home: int, systemd: bool | None = None, cgroup: Path = CGROUP) -> None:
        self._home = home
        self._cgroup = cgroup
        self.systemd = SYSTEMD.is_dir() if systemd is None else systemd
        """Whether `run` is for what asks systemd."""

    async def run(self, command: Sequence[str], keep: Sequence[int] = ()) -> str:
        """Run COMMAND with the descriptors KEEP to its end; '' or why it did not work."""
        argv = list(command)
        if not self.systemd:
            argv = ["nsenter", f"--mount=/proc/self/fd/{self._home}", "--", *argv]
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=ENVIRONMENT,
                pass_fds=keep if self.systemd else (self._home, *keep),
            )
        except OSError as error:
            return f"{argv[0]}: {error.strerror}"
        try:
            output, _ = await asyncio.wait_for(process.communicate(), SECONDS)
        except TimeoutError:
            process.kill()
            return f"{argv[0]} hangs"
        if process.returncode == 0:
            return ""
        return output.decode("utf-8", "replace").strip()[:500] or f"{argv[0]} failed"

    def bound(self) -> Sequence[str]:
        """Options for systemd-run(1) and systemd-mount(1): what they start ends with our unit,
        however that ends. None where we are in no unit of the system's."""
        unit = _unit(self._cgroup)
        return [f"--property=BindsTo={unit}"] if unit else []


def _unit(cgroup: Path) -> str:
    """The service of the system that we are in, '' = in none. Format: cgroups(7)."""
    try:
        text = cgroup.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found = re.search(r"^(?:0:|1:name=systemd):/system\.slice/([^/\n]+\.service)$", text, re.M)
    return found[1] if found else ""
