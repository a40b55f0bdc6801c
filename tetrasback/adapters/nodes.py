"""From any path below /dev to the block device that it means.

The path is a caller's, and root walks it: a link that somebody else put into /dev/shm would lead
root anywhere, tell what lies there, or wait for a file server. So links are followed one by one,
only root's, and never out of /dev.
"""

import os
import stat
from pathlib import Path
from typing import Final

from tetrasback.adapters import probing, sysfs
from tetrasback.errors import NoSuchDevice

_DEV: Final = Path("/dev")
_MOST_LINKS: Final = 40


def resolve(path: str) -> Path:
    """The node that PATH leads to, whatever it is. Raises NoSuchDevice."""
    return _walk(path)[0]


def directory(path: str) -> Path:
    """The directory in sysfs of the block device at PATH. Raises NoSuchDevice."""
    status = _walk(path)[1]
    found = sysfs.of_rdev(status.st_rdev) if stat.S_ISBLK(status.st_mode) else None
    if found is None:
        raise NoSuchDevice(f"{probing.plain(path)} is no block device; give one such as /dev/sdb1")
    return found


def _walk(path: str) -> tuple[Path, os.stat_result]:
    shown = probing.plain(path)
    real, links = _DEV, 0
    waiting = _below(Path(path), shown)
    try:
        status = real.lstat()
        while waiting:
            here = real / waiting.pop(0)
            status = here.lstat()
            if stat.S_ISLNK(status.st_mode) and status.st_uid == 0 and links < _MOST_LINKS:
                links += 1
                waiting = [*_below(real / here.readlink(), shown), *waiting]
                real = _DEV
            elif stat.S_ISLNK(status.st_mode) or (waiting and status.st_uid != 0):
                break
            else:
                real = here
        else:
            return real, status
    except (OSError, ValueError):
        pass
    raise NoSuchDevice(f"there is no device {shown}; tetras-backctl disks shows what is plugged")


def _below(path: Path, shown: str) -> list[str]:
    """What comes after /dev in PATH, in which nothing before the last part is a link."""
    plain = Path(os.path.normpath(path))
    if not plain.is_relative_to(_DEV):
        raise NoSuchDevice(f"{shown} does not lie below /dev; give a device such as /dev/sdb1")
    return list(plain.relative_to(_DEV).parts)
