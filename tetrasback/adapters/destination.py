"""Whether the service can write to where something is to be restored.

The unit keeps /usr, /boot and /etc read-only for the daemon and all that it starts
(``ProtectSystem=full``), so that no script harms them. What an administrator has restored there is
no accident: for as long as that takes they are made writable, in our own mount namespace, which
nobody else is in. No script runs meanwhile, for no backup does, nor afterwards until they are
read-only again.

Where a file system itself is read-only, a restore would fail in the middle, with some files back
and others not; so that is looked at before anything is written.
"""

import contextlib
import errno
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tetrasback.adapters import mounting, sysfs
from tetrasback.core.task import Task

log = logging.getLogger(__name__)

PROTECTED: Final = ("/usr", "/boot", "/efi", "/etc")
"""What ProtectSystem=full keeps read-only, with what is mounted below."""
INIT: Final = "1"
"""Whose mount namespace is the system's."""
_EVERYTHING: Final = ("home", "etc", "srv", "var/www", "root")
"""What a backup holds at most."""


_lifted: Final[set[str]] = set()
"""Mount points made writable and not read-only again yet: our namespace has no others."""


@contextlib.contextmanager
def writable(points: Sequence[str]) -> Iterator[None]:
    """While this holds, the mounts at POINTS, as `protected` found them, can be written to."""
    try:
        for point in points:
            try:
                mounting.set_read_only(point, False)
            except OSError as error:  # then `problem` tells of it
                log.warning("%s cannot be made writable: %s", point, error.strerror)
            else:
                _lifted.add(point)
        yield
    finally:
        protect()


def protect() -> str:
    """Make read-only again what a restore wrote to; where that still cannot be done, '' = nowhere.

    The kernel refuses while a file there is open for writing, say by a restore that hangs in it.
    """
    for point in sorted(_lifted):
        try:
            mounting.set_read_only(point, True)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOENT):  # then nothing is mounted there
                log.error("%s stays writable for the service: %s", point, error.strerror)
                continue
        _lifted.discard(point)
    return min(_lifted, default="")


def protected(task: Task, source: str) -> Sequence[str]:
    """The mount points that TASK, a restore, has to write to or below, and that are read-only by
    our unit's protection alone: those that are so for everybody were made so by somebody."""
    theirs = {mount.point for mount in sysfs.mounts(INIT) if "ro" in mount.options}
    reals = [os.path.realpath(_existing(target)) for target in targets(task, source)]
    points = [
        mount.point
        for mount in sysfs.mounts()
        if "ro" in mount.options
        and not mount.read_only
        and mount.point not in theirs
        and any(_is_below(mount.point, place) for place in PROTECTED)
    ]
    return [
        point
        for point in dict.fromkeys(points)
        if any(_is_below(point, real) or _is_below(real, point) for real in reals)
    ]


def problem(task: Task, source: str) -> str:
    """Why TASK, a restore, cannot write where it has to, in one line; empty = it can.

    SOURCE is the root of what is backed up, below which in place is. Looks at mounts alone.
    """
    for target in targets(task, source):
        point = _read_only(target)
        if point:
            return (
                f"{point} is read-only for the service, nothing was restored: restore to another"
                " directory, or mount the disk and run as root: tetras-back-snapshot restore"
            )
    return ""


def targets(task: Task, source: str) -> Sequence[Path]:
    """The directories and files that are written to."""
    if task.database:
        return ()
    if not task.in_place:
        return (Path(task.destination),)
    paths = [os.path.normpath(path).lstrip("/") for path in task.paths]
    return [Path(source, path) for path in (paths if all(paths) and paths else _EVERYTHING)]


def _read_only(target: Path) -> str:
    """The mount point on which TARGET lies, or would lie, if it is read-only; else ''."""
    place = _existing(target)
    try:
        if not os.statvfs(place).f_flag & os.ST_RDONLY:
            return ""
    except OSError:
        return ""  # whoever restores will say why
    real = os.path.realpath(place)
    above = [mount.point for mount in sysfs.mounts() if _is_below(real, mount.point)]
    return max(above, key=len, default="/")


def _existing(target: Path) -> Path:
    """TARGET, or what is above it as far as it exists."""
    while not os.path.lexists(target) and target != target.parent:
        target = target.parent
    return target


def _is_below(path: str, place: str) -> bool:
    """Whether PATH is PLACE or lies below it."""
    return place == "/" or f"{path}/".startswith(f"{place}/")
