"""What the kernel tells about block devices below /sys and in /proc: read, never written.

Formats: Documentation/ABI/stable/sysfs-block, Documentation/block/stat.rst and proc(5) of Linux.
Every function reads anew and takes a device that has just left for one that says nothing.
"""

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SYS: Final = Path("/sys")
PROC: Final = Path("/proc")

_LIMIT: Final = 4096
"""Bytes read of an attribute; the kernel itself gives no more than a page."""

_OCTAL: Final = re.compile(r"\\([0-7]{3})")

_SYSTEM_ROOTS: Final = (
    "/bin", "/boot", "/cdrom", "/efi", "/etc", "/home", "/lib", "/lib32", "/lib64", "/opt", "/root",
    "/run/initramfs", "/run/live", "/sbin", "/srv", "/usr", "/var",
)  # fmt: skip

_STEADY: Final = (0, 1, 2, 4, 5, 6, 8, 11, 12, 13, 15)
"""Fields of a disk's `stat` that stand still while nothing moves: no times."""


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of mountinfo. ``number`` is "MAJOR:MINOR"; ``options`` are the mount's own;
    ``follows``: a copy of a mount that was made in another namespace; ``read_only``: the whole
    file system is, through whatever mount."""

    number: str
    point: str
    fstype: str
    source: str
    options: tuple[str, ...]
    follows: bool
    read_only: bool = False


def attribute(directory: Path, name: str) -> str:
    """The text of an attribute, without its newline; '' where there is none."""
    try:
        with (directory / name).open("rb") as file:
            return file.read(_LIMIT).decode("utf-8", "replace").strip()
    except OSError:
        return ""


def number(directory: Path, name: str) -> int:
    """An attribute as a number; 0 where there is none."""
    text = attribute(directory, name)
    return int(text) if text.isascii() and text.isdigit() else 0


def of_rdev(number: int) -> Path | None:
    """The directory of the block device with this device number."""
    path = SYS / "dev/block" / f"{os.major(number)}:{os.minor(number)}"
    return path.resolve() if path.exists() else None


def whole_disk(directory: Path) -> Path:
    """The directory of the disk that a partition is on; of any other device its own."""
    return directory.parent if (directory / "partition").exists() else directory


def node(directory: Path) -> str:
    """The device's node below /dev, as devtmpfs names it."""
    for line in attribute(directory, "uevent").splitlines():
        if line.startswith("DEVNAME="):
            return "/dev/" + line.removeprefix("DEVNAME=")
    return "/dev/" + directory.name.replace("!", "/")


def partitions(whole: Path) -> list[str]:
    """The nodes of a disk's partitions."""
    with contextlib.suppress(OSError):
        return sorted(node(entry) for entry in whole.iterdir() if (entry / "partition").exists())
    return []


def movement(whole: Path) -> str:
    """A text that changes whenever the disk has read, written, flushed or begun something."""
    fields = attribute(whole, "stat").split()
    return " ".join(fields[index] for index in _STEADY if index < len(fields))


def backing_file(whole: Path) -> str:
    """The file behind a loop device, '' for any other disk."""
    return attribute(whole / "loop", "backing_file") if (whole / "loop").exists() else ""


def is_on_device(whole: Path) -> bool:
    """Whether it is a loop device on another block device, not on a file."""
    file = backing_file(whole)
    name = file.removeprefix("/dev/").replace("/", "!")
    return file.startswith("/dev/") and (SYS / "class/block" / name).exists()


def loops_on(node: str) -> list[str]:
    """Names of the loop devices on the block device NODE: its `holders` do not tell of them."""
    loops = sorted((SYS / "block").glob("loop*"))
    return [loop.name for loop in loops if backing_file(loop) == node]


def rdev(directory: Path) -> int:
    """The number of a block device; 0 where it is not there."""
    major, _, minor = attribute(directory, "dev").partition(":")
    return os.makedev(int(major), int(minor)) if major and minor else 0


def is_namespace_of_our_own() -> bool:
    """Whether the first process has other mounts than we; also False where nobody may know.

    Told by the mounts' ids, of which no two namespaces have one in common: a first process that is
    guarded against tracing does not show its namespace, but its mounts.
    """
    theirs, ours = (
        {line.partition(" ")[0] for line in _lines(f"{process}/mountinfo")}
        for process in ("1", "self")
    )
    return bool(theirs) and theirs.isdisjoint(ours)


def mounts(process: str = "self") -> list[Mount]:
    """Every mount in a process's namespace, ours at first, in the order of mounting."""
    found = []
    for line in _lines(f"{process}/mountinfo"):
        left, _, right = line.partition(" - ")
        before, after = left.split(" "), right.split(" ")
        if len(before) < 6 or len(after) < 2:
            continue
        follows = any(tag.startswith("master:") for tag in before[6:])
        options = tuple(before[5].split(","))
        read_only = "ro" in after[2].split(",") if len(after) > 2 else False
        place, source = _plain(before[4]), _plain(after[1])
        found.append(Mount(before[2], place, after[0], source, options, follows, read_only))
    return found


def mounts_of(device: int, process: str = "self") -> list[Mount]:
    """The mounts of the block device of this number in a process's namespace, the newest last."""
    return [mount for mount in mounts(process) if device in _device_numbers(mount)]


def system_disks() -> frozenset[str]:
    """Names in /sys/block of the disks below mounted system file systems and swap."""
    numbers: set[int] = set()
    for mount in mounts():
        # Our own mounts are no system's, wherever the runtime directory lies.
        if _is_system_place(mount.point) and "nosymfollow" not in mount.options:
            numbers |= _device_numbers(mount)
    numbers |= swap_numbers()
    names: set[str] = set()
    for device in numbers:
        if directory := of_rdev(device):
            _add_disks(directory, names)
    return frozenset(names)


def _is_system_place(point: str) -> bool:
    return point == "/" or any(
        point == root or point.startswith(root + "/") for root in _SYSTEM_ROOTS
    )


def _device_numbers(mount: Mount) -> set[int]:
    major, _, minor = mount.number.partition(":")
    numbers = {os.makedev(int(major), int(minor))}
    if mount.fstype != "btrfs":
        return numbers
    # btrfs mounts carry a number of their own; the source names one of the devices.
    with contextlib.suppress(OSError):
        source = os.stat(mount.source).st_rdev
        numbers.add(source)
        if directory := of_rdev(source):
            numbers |= _btrfs_siblings(directory.name)
    return numbers


def _btrfs_siblings(name: str) -> set[int]:
    numbers = set()
    for devices in (SYS / "fs/btrfs").glob("*/devices"):
        if (devices / name).exists():
            for entry in devices.iterdir():
                numbers.add(rdev(entry))
    return numbers


def swap_numbers() -> set[int]:
    """Numbers of the devices that hold swap, or a file of it."""
    numbers = set()
    for line in _lines("swaps")[1:]:
        with contextlib.suppress(OSError):
            status = os.stat(_plain(line.split()[0]))
            numbers.add(status.st_rdev or status.st_dev)  # a file: the disk it lies on
    return numbers


def _add_disks(directory: Path, names: set[str]) -> None:
    """Add the disk of a device, and those below it where it is made of others (LVM, md, dm)."""
    whole = whole_disk(directory)
    if whole.name in names:
        return
    names.add(whole.name)
    with contextlib.suppress(OSError):
        for slave in (whole / "slaves").iterdir():
            _add_disks(slave.resolve(), names)


def _lines(name: str) -> list[str]:
    try:
        return (PROC / name).read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return []


def _plain(text: str) -> str:
    """Undo the kernel's octal escapes of blanks and backslashes."""
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), text)
