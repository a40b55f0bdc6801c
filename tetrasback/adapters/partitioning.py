"""What the kernel is told of partitions: BLKPG of <linux/blkpg.h>.

It works where the kernel reads no partition tables by itself, and unlike re-reading the table it
does not need the whole disk to be closed.
"""

import ctypes
import fcntl
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tetrasback.adapters import sysfs

_BLKPG: Final = 0x1269
_ADD: Final = 1
_DELETE: Final = 2
_PARTITION: Final = struct.Struct("=qqi64s64s4x")
_ARGUMENT: Final = struct.Struct("@iiiP")


@dataclass(frozen=True, slots=True)
class Partition:
    """One that the kernel knows: its number, start and length in bytes."""

    number: int
    start: int
    length: int


def known(whole: Path) -> list[Partition]:
    """The partitions of the disk in this directory of sysfs."""
    found = []
    for node in sysfs.partitions(whole):
        part = whole / Path(node).name
        number = sysfs.number(part, "partition")
        start, length = sysfs.number(part, "start"), sysfs.number(part, "size")
        found.append(Partition(number, 512 * start, 512 * length))
    return found


def add(descriptor: int, partition: Partition) -> None:
    """The open whole disk has this partition now. Raises OSError."""
    _tell(descriptor, _ADD, partition)


def delete(descriptor: int, partition: Partition) -> None:
    """It has it no more. Raises OSError: EBUSY while somebody has it open."""
    _tell(descriptor, _DELETE, partition)


def _tell(descriptor: int, operation: int, partition: Partition) -> None:
    data = ctypes.create_string_buffer(
        _PARTITION.pack(partition.start, partition.length, partition.number, b"", b""),
        _PARTITION.size,
    )
    fcntl.ioctl(
        descriptor, _BLKPG, _ARGUMENT.pack(operation, 0, _PARTITION.size, ctypes.addressof(data))
    )
