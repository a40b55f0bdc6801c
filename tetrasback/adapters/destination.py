"""Whether the service can write to where something is to be restored.

The unit keeps /usr, /boot and /etc read-only for the daemon and all that it starts
(``ProtectSystem=full``), and a file system may be mounted so. A restore would fail there in the
middle, with some files back and others not; so it is looked at before anything is written.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tetrasback.adapters import sysfs
from tetrasback.core.task import Task

_EVERYTHING: Final = ("home", "etc", "srv", "var/www", "root")
"""What a backup holds at most."""


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
    place = target
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    try:
        if not os.statvfs(place).f_flag & os.ST_RDONLY:
            return ""
    except OSError:
        return ""  # whoever restores will say why
    real = os.path.realpath(place)
    points = [mount.point for mount in sysfs.mounts()]
    above = [point for point in points if point == "/" or f"{real}/".startswith(f"{point}/")]
    return max(above, key=len, default="/")
