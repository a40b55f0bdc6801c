"""One backup shown to one ordinary user, wholly, and to nobody else.

On the disk files are whose they were on the server, and our folders are root's. bindfs(1), a file
system in user space that runs as root, shows them as the user's own, only for reading. Two things
keep everybody else out: the directory that the view lies in, whose access control list names that
user alone, and the modes that bindfs shows, by which the kernel goes. All directories on the way
are root's: the user could put a link into one of their own, and have us mount on what it leads to.

Where systemd runs it is asked to run bindfs (systemd-run(1), a transient unit), for its mount has
to lie outside of the service's sandbox.
"""

import asyncio
import contextlib
import errno
import hashlib
import logging
import os
import stat
import string
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tetrasback.adapters.mountwatch import MountWatch
from tetrasback.adapters.outside import Outside
from tetrasback.host.acl import PASS, READ, XATTR, Acl
from tetrasback.ports import Fault

log = logging.getLogger(__name__)

PROGRAM: Final = Path("/usr/bin/bindfs")
OPTIONS: Final = "ro,nosuid,nodev,noexec"
AGAIN: Final = f"remount,bind,{OPTIONS},nosymfollow"
"""What libfuse does not know is set afterwards: on the disk there may be links to anywhere."""
NEVER_WRITTEN: Final = "chmod-deny,chown-deny,chgrp-deny,delete-deny,rename-deny,xattr-ro"
"""Over and above ``ro``."""
LET_GO_SECONDS: Final = 10.0
"""How long bindfs may take to end; one that a dying disk holds is left to it."""
CAPABILITIES: Final = "CAP_SYS_ADMIN CAP_DAC_READ_SEARCH"
"""To mount, and to read everything."""
MOUNTS: Final = Path("/proc/self/mountinfo")

NO_PROGRAM: Final = (
    "only root can be shown a backup here: for others have bindfs installed (apt install bindfs)"
)
FAILED: Final = "the backup could not be shown: the journal says why"
_PLAIN: Final = frozenset((string.ascii_letters + string.digits + "/._-").encode())


class UserViews:
    """Shows folders below DIRECTORY, OUTSIDE of our own mount namespace."""

    def __init__(self, directory: Path, outside: Outside, program: Path = PROGRAM) -> None:
        self._directory = directory
        self._outside = outside
        self._program = program
        self._watches: dict[Path, _Pipe | _Mount] = {}

    def check(self) -> None:
        """Raise Fault where nothing could be shown."""
        if not self._program.exists():
            raise Fault("job-failed", NO_PROGRAM)

    async def show(self, folder: Path, uid: int, died: Callable[[], None]) -> Path:
        """Show FOLDER, as the system sees it, to the user UID; where. Raises Fault.

        DIED is called if the view ends by itself.
        """
        self.check()
        place = self._directory / str(uid) / folder.name
        try:
            self._make(place, uid)
        except OSError as error:
            log.error("%s cannot be made: %s", place, error.strerror)
            raise Fault("job-failed", FAILED) from None
        shown_as = f"force-user={uid},force-group=0,perms=u=rD:go="
        options = f"{OPTIONS},{shown_as},{NEVER_WRITTEN}"
        bindfs = [str(self._program), "-o", options, str(folder), str(place)]
        start = self._ask if self._outside.systemd else self._begin
        why = await start(bindfs, place)
        again = ["mount", "-o", AGAIN, "--", str(place)]
        if not why and not self._outside.systemd:
            why = await self._outside.run(again)
        if why:
            await self.hide(place)
            log.error("%s could not be shown: %s", folder, why)
            raise Fault("job-failed", FAILED)
        if self._outside.systemd:
            self._watches[place] = _Mount(place)
        self._watches[place].then(died)
        return place

    async def hide(self, place: Path) -> None:
        """Show it no longer; never fails. Whoever still has a file open reads no more of it."""
        watch = self._watches.pop(place, None)
        if self._outside.systemd:
            await self._outside.run(["systemctl", "--quiet", "stop", _unit(place)])
        else:
            # By force: the view is ended also for those who are in it, and with it bindfs.
            await self._outside.run(["umount", "-f", "-l", "--", str(place)])
        if watch is not None:
            await watch.close()
        for directory in (place, place.parent):
            with contextlib.suppress(OSError):
                directory.rmdir()

    async def clear(self) -> None:
        """Take away what an earlier life of the daemon has left."""
        with contextlib.suppress(OSError):
            for place in list(self._directory.glob("*/*")):
                await self.hide(place)

    def _make(self, place: Path, uid: int) -> None:
        own = place.parent
        for directory in (self._directory, own, place):
            with contextlib.suppress(FileExistsError):
                directory.mkdir(mode=0o700)
            if not stat.S_ISDIR(directory.lstat().st_mode):
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        self._directory.chmod(0o711)
        os.setxattr(own, XATTR, Acl.of_mode(0o700).letting_in(uid, READ | PASS).encode())

    async def _begin(self, bindfs: list[str], place: Path) -> str:
        """Run it; '' or why it does not. It goes into the background once it is ready."""
        reading, writing = os.pipe2(os.O_CLOEXEC)
        try:
            why = await self._outside.run(bindfs, keep=(writing,))
        finally:
            os.close(writing)
            self._watches[place] = _Pipe(reading)
        return why

    async def _ask(self, bindfs: list[str], place: Path) -> str:
        """Have systemd run it; '' or why it does not."""
        again = f"/bin/mount -o {AGAIN} -- {_word(str(place))}"
        leave = f"-/bin/umount -l -- {_word(str(place))}"
        return await self._outside.run(
            [
                *("systemd-run", "--no-ask-password", "--collect"),
                *("--service-type=forking", f"--unit={_unit(place)}"),
                "--description=A backup shown by Tetras-back",
                f"--property=ExecStartPost={again}",
                # Nothing else would unmount it after an end by force.
                f"--property=ExecStopPost={leave}",
                *("--property=TimeoutStartSec=50", f"--property=TimeoutStopSec={LET_GO_SECONDS}"),
                *self._outside.bound(),
                # No line here that gives a unit mounts of its own: nobody would see the view.
                f"--property=CapabilityBoundingSet={CAPABILITIES}",
                *("--property=NoNewPrivileges=yes", "--property=RestrictAddressFamilies=AF_UNIX"),
                *("--property=DevicePolicy=closed", "--property=DeviceAllow=/dev/fuse rw"),
                *("--property=RestrictNamespaces=yes", "--property=MemoryDenyWriteExecute=yes"),
                *("--property=LockPersonality=yes", "--property=UMask=0077", "--"),
                *(word.replace("$", "$$") for word in bindfs),
            ]
        )


class _Pipe:
    """bindfs holds the other end of a pipe: READING ends when it has ended, however."""

    def __init__(self, reading: int) -> None:
        self._reading = reading
        self._ended = asyncio.Event()
        self._died: Callable[[], None] | None = None
        asyncio.get_running_loop().add_reader(reading, self._end)

    def then(self, died: Callable[[], None]) -> None:
        """Call DIED when it has ended, also if it has already."""
        self._died = died
        if self._ended.is_set():
            died()

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._reading)
        self._ended.set()
        if self._died is not None:
            self._died()

    async def close(self) -> None:
        """Wait for its end, for a while: until then it holds the disk."""
        self._died = None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), LET_GO_SECONDS)
        asyncio.get_running_loop().remove_reader(self._reading)
        os.close(self._reading)


class _Mount:
    """systemd unmounts PLACE when bindfs has ended, and mounts of the system flow in to us."""

    def __init__(self, place: Path) -> None:
        self._place = str(place)
        self._died: Callable[[], None] | None = None
        self._watch = MountWatch(self._look)

    def then(self, died: Callable[[], None]) -> None:
        """Call DIED when it has ended, also if it has already."""
        self._died = died
        self._look()

    def _look(self) -> None:
        if self._died is not None and not is_mounted(self._place):
            died, self._died = self._died, None
            died()

    async def close(self) -> None:
        """Watch no longer."""
        self._died = None
        self._watch.close()


def is_mounted(place: str, mounts: Path = MOUNTS) -> bool:
    """Whether something is mounted at PLACE. Format: proc(5)."""
    points = (line.split(b" ")[4] for line in mounts.read_bytes().splitlines())
    return _octal(place) in points


def _octal(place: str) -> bytes:
    """PLACE as mountinfo has it."""
    return b"".join(
        b"\\%03o" % byte if byte in b" \t\n\\" else bytes([byte]) for byte in os.fsencode(place)
    )


def _unit(place: Path) -> str:
    """The transient unit that shows PLACE, the same in every life of the daemon."""
    return f"tetras-back-view-{hashlib.sha256(os.fsencode(place)).hexdigest()[:16]}.service"


def _word(text: str) -> str:
    """TEXT as one word of a command line in a unit: systemd.service(5), COMMAND LINES."""
    text = text.replace("$", "$$")
    return "".join(chr(b) if b in _PLAIN else f"\\x{b:02x}" for b in os.fsencode(text))
