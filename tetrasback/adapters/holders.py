"""Who else uses a disk, and whether it is free."""

import contextlib
import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tetrasback.adapters import blockdev, mounting, sysfs
from tetrasback.adapters.probing import plain
from tetrasback.core.devices import BlockDevice
from tetrasback.core.events import GONE
from tetrasback.ports import Fault

_MOST_PROCESSES: Final = 10_000
_MOST_DESCRIPTORS: Final = 1_000
_PASSERS_BY: Final = frozenset({"systemd-udevd", "(udev-worker)", "blkid"})


def claim(device: BlockDevice, mnt: Path, seconds: float) -> None:
    """See that nobody has DEVICE, trying for SECONDS. MNT: where we mount ourselves.

    Raises Fault ``mounted-elsewhere`` or ``in-use``, or the OSError of a device that is not there.
    """
    directory = Path(device.syspath)
    _drop_copies(directory, mnt)
    try:
        blockdev.hold_alone(device.node, device.diskseq, seconds)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        if points := _points(directory):
            raise Fault(
                "mounted-elsewhere",
                f"{device.node} is mounted at {plain(points[-1])}; unmount it there first",
            ) from None
        raise Fault(
            "in-use", f"{device.node} is in use by another program; end that program first"
        ) from None


def mounted_at(device: BlockDevice, mnt: Path) -> str:
    """Where somebody else has DEVICE mounted, as far as can be seen; '' = nowhere."""
    directory = Path(device.syspath)
    _drop_copies(directory, mnt)
    found = [point for point in _points(directory) if mnt not in Path(point).parents]
    return found[-1] if found else ""


def release(device: BlockDevice, mnt: Path, seconds: float) -> str:
    """'' if the whole disk of DEVICE could be held alone within SECONDS.

    Else ``in-use``, ``mounted-elsewhere`` (a namespace shows it), or `core.events.GONE`: it is
    not there, or another one is in its place.
    """
    whole = sysfs.whole_disk(Path(device.syspath))
    parts = [whole, *(whole / Path(node).name for node in sysfs.partitions(whole))]
    for part in parts:
        _drop_copies(part, mnt)
    try:
        blockdev.hold_alone(device.whole or device.node, device.diskseq, seconds)
    except OSError as error:
        if error.errno in blockdev.GONE:
            return GONE
        return "mounted-elsewhere" if any(_points(part) for part in parts) else "in-use"
    return ""


def users(point: Path) -> list[str]:
    """Programs that use a mounted file system, as "name (pid)"; without touching the disk."""
    found = []
    for entry in sorted(sysfs.PROC.glob("[0-9]*"))[:_MOST_PROCESSES]:
        if any(path == point or point in path.parents for path in _used(entry)):
            found.append(f"{plain(sysfs.attribute(entry, 'comm'))} ({entry.name})")
    return found


def openers(nodes: Sequence[str]) -> list[str]:
    """Other programs that have one of these devices open, as "name (pid)"; udev passes by."""
    wanted = {Path(node) for node in nodes}
    found = []
    for entry in sorted(sysfs.PROC.glob("[0-9]*"))[:_MOST_PROCESSES]:
        name = sysfs.attribute(entry, "comm")
        if entry.name == str(os.getpid()) or name in _PASSERS_BY:
            continue
        if not wanted.isdisjoint(_used(entry)):
            found.append(f"{plain(name)} ({entry.name})")
    return found


def _used(process: Path) -> list[Path]:
    try:
        descriptors = [process / "fd" / name for name in os.listdir(process / "fd")]
    except OSError:
        return []
    found = []
    for link in (process / "cwd", process / "root", *descriptors[:_MOST_DESCRIPTORS]):
        try:
            found.append(link.readlink())
        except OSError:
            continue
    return found


def _points(directory: Path) -> list[str]:
    """Where a device is mounted, as we or the first process see it: mounts that the host makes
    while we run reach us only where it shares them."""
    rdev = sysfs.rdev(directory)
    if not rdev:
        return []
    found = sysfs.mounts_of(rdev) or sysfs.mounts_of(rdev, "1")
    return [mount.point for mount in found]


def _drop_copies(directory: Path, mnt: Path) -> None:
    """Undo mounts of the device that we hold only because our namespace began as a copy.

    Where the host's mounts are private (no systemd) its unmounting does not reach us, and our copy
    would hold the disk for ever.
    """
    rdev = sysfs.rdev(directory)
    if not rdev or not sysfs.is_namespace_of_our_own():
        return
    ours = [mount for mount in sysfs.mounts_of(rdev) if not mount.follows]
    if not ours:
        return
    theirs = {mount.point for mount in sysfs.mounts("1")}
    for mount in reversed(ours):
        if mount.point not in theirs and mnt not in Path(mount.point).parents:
            with contextlib.suppress(OSError):  # gone meanwhile, or below one that has just gone
                mounting.unmount(mount.point, detach=True)
