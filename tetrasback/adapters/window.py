"""A disk shown on the system, to root and only for reading, though our own mounts are private.

Nobody else gets there: a disk may hold what its modes let everybody read (the original's archives,
with /etc/shadow in them), and whoever sat in it would keep it from being backed up and unplugged.
What an ordinary user is shown, `userview` makes of it.

Where systemd runs, it is asked to mount (systemd-mount(1), a transient unit), elsewhere mount(8).
"""

import contextlib
import logging
from pathlib import Path
from typing import Final

from tetrasback.adapters.outside import Outside
from tetrasback.ports import Fault

log = logging.getLogger(__name__)

OPTIONS: Final = "ro,nosuid,nodev,noexec,nosymfollow"


class Window:
    """Shows disks below DIRECTORY, OUTSIDE of our own mount namespace."""

    def __init__(self, directory: Path, outside: Outside) -> None:
        self._directory = directory
        self._outside = outside

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
        if self._outside.systemd:
            mount = [
                *("systemd-mount", "--quiet", "--no-ask-password", "--no-pager", "--collect"),
                *("--fsck=no", "--automount=no", "--property=LazyUnmount=yes"),
                *self._outside.bound(),
                *(f"--type={fstype}", f"--options={OPTIONS}", "--", node, str(place)),
            ]
        if why := await self._outside.run(mount):
            await self.hide(name)
            log.error("%s could not be shown: %s", node, why)
            raise Fault("job-failed", "the disk could not be shown: the journal says why")
        return place

    async def hide(self, name: str) -> None:
        """Unmount it, whoever still looks; never fails. What then is in use, the check tells."""
        place = self._directory / name
        if self._outside.systemd:
            unmount = ["systemd-umount", "--quiet", "--no-ask-password", "--", str(place)]
        else:
            unmount = ["umount", "-l", "--", str(place)]
        await self._outside.run(unmount)
        # Any user may have copied the system's mounts (``unshare -rm``), which would keep the disk
        # in use. With the directory that they lie on the kernel ends the copies as well.
        with contextlib.suppress(OSError):
            place.rmdir()

    async def clear(self) -> None:
        """Take away what an earlier life of the daemon has left."""
        with contextlib.suppress(OSError):
            for place in list(self._directory.iterdir()):
                await self.hide(place.name)
