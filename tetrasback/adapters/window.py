"""A disk shown on the system, to root and only for reading, though our own mounts are private.

Nobody else gets there: a disk may hold what its modes let everybody read (the original's archives,
with /etc/shadow in them), and whoever sat in it would keep it from being backed up and unplugged.

Where systemd runs, it is asked to mount (systemd-mount(1), a transient unit): the service's own
sandbox lets it enter no other namespace. Elsewhere mount(8) is run in the namespace that the daemon
was started in, which is held open by a descriptor.
"""

import asyncio
import contextlib
import logging
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tetrasback.adapters.tools import ENVIRONMENT
from tetrasback.ports import Fault

log = logging.getLogger(__name__)

OPTIONS: Final = "ro,nosuid,nodev,noexec,nosymfollow"
SECONDS: Final = 60.0
"""For one mount or unmount; a disk that hangs for longer is not waited for."""
SYSTEMD: Final = Path("/run/systemd/system")
"""There is such a directory where systemd is process 1 (sd_booted(3))."""
NAMESPACE: Final = Path("/proc/self/ns/mnt")


def hold_namespace() -> int:
    """A descriptor of the mount namespace that we are in; to be called before it is left."""
    return os.open(NAMESPACE, os.O_RDONLY | os.O_CLOEXEC)


class Window:
    """Shows disks below DIRECTORY. HOME is a descriptor of the system's own mount namespace."""

    def __init__(self, directory: Path, home: int, systemd: bool | None = None) -> None:
        self._directory = directory
        self._home = home
        self._systemd = SYSTEMD.is_dir() if systemd is None else systemd

    async def show(self, node: str, fstype: str, name: str) -> Path:
        """Mount the device NODE as DIRECTORY/NAME; that path. Raises Fault."""
        place = self._directory / name
        try:
            for path in (self._directory, place):
                path.mkdir(exist_ok=True)
                path.chmod(0o700)
        except OSError as error:
            raise Fault("job-failed", f"{place} cannot be made: {error.strerror}") from None
        mount = ["mount", "-i", "-t", fstype, "-o", OPTIONS, "--", node, str(place)]
        if self._systemd:
            mount = [
                *("systemd-mount", "--quiet", "--no-ask-password", "--no-pager", "--collect"),
                *("--fsck=no", "--automount=no", "--property=LazyUnmount=yes"),
                *(f"--type={fstype}", f"--options={OPTIONS}", "--", node, str(place)),
            ]
        if why := await self._run(mount):
            await self.hide(name)
            log.error("%s could not be shown: %s", node, why)
            raise Fault("job-failed", "the disk could not be shown: the journal says why")
        return place

    async def hide(self, name: str) -> None:
        """Unmount it, whoever still looks; never fails. What then is in use, the check tells."""
        place = self._directory / name
        if self._systemd:
            await self._run(["systemd-umount", "--quiet", "--no-ask-password", "--", str(place)])
        else:
            await self._run(["umount", "-l", "--", str(place)])
        with contextlib.suppress(OSError):
            place.rmdir()

    async def clear(self) -> None:
        """Take away what an earlier life of the daemon has left."""
        with contextlib.suppress(OSError):
            for place in list(self._directory.iterdir()):
                await self.hide(place.name)

    async def _run(self, command: Sequence[str]) -> str:
        """Run COMMAND where the system's mounts are; '' or why it did not work."""
        argv = list(command)
        if not self._systemd:
            argv = ["nsenter", f"--mount=/proc/self/fd/{self._home}", "--", *argv]
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=ENVIRONMENT,
                pass_fds=() if self._systemd else (self._home,),
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
