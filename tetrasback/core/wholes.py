"""Whole disks, and what is on them now: what may be prepared for backups, and how far that is."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from tetrasback.core.devices import SUPPORTED_FILESYSTEMS, BlockDevice

MIB: Final = 1 << 20
GAP: Final = MIB
"""Bytes before and after the partition: for its alignment, and for the table's copy at the end."""


class Kind(StrEnum):
    """What sort of thing a whole disk is, as far as it matters."""

    DISK = "disk"
    OPTICAL = "optical"
    LOOP = "loop"
    VIRTUAL = "virtual"
    """Made of other devices or of memory (LVM, RAID, zram, a loop on a device): no disk itself."""


@dataclass(frozen=True, slots=True)
class Content:
    """What lies on a partition, or right on the whole disk.

    ``fstype`` is libblkid's word (``exfat``, ``crypto_LUKS``, ``swap``), empty where it knows none.
    ``mounts`` are the places at which it is mounted, ``users`` who else holds it (``swap``,
    ``dm-0``); both as far as can be seen without opening it.
    """

    node: str
    size: int = 0
    fstype: str = ""
    label: str = ""
    uuid: str = ""
    mounts: tuple[str, ...] = ()
    users: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WholeDisk:
    """One whole disk, as the kernel and udev describe it; nothing on it was read for this.

    ``table`` is the type of its partition table (``gpt``, ``dos``), ``contents`` has an entry for
    each partition and, where there is something right on the disk, one for that. The rest is as in
    `devices.BlockDevice`.
    """

    syspath: str
    node: str
    model: str = ""
    serial: str = ""
    size: int = 0
    diskseq: int = 0
    kind: Kind = Kind.DISK
    read_only: bool = False
    system: bool = False
    table: str = ""
    contents: tuple[Content, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether something on it can take backups as it is."""
        return any(item.fstype in SUPPORTED_FILESYSTEMS and item.uuid for item in self.contents)


@dataclass(frozen=True, slots=True)
class Survey:
    """What opening a whole disk has told.

    ``signatures``: what libblkid recognises anywhere on it, each as TYPE and NODE; ``uuids``: those
    of them, whatever udev has told so far; ``zeros``: whether its beginning and its end hold
    nothing but zeros; ``user``: who uses it, as a sentence goes on (``it is mounted at /mnt``),
    empty = nobody; ``foreign``: a loop device on a file that is not root's; ``read_only``: the
    kernel lets nobody write.
    """

    signatures: tuple[str, ...] = ()
    uuids: tuple[str, ...] = ()
    zeros: bool = True
    user: str = ""
    foreign: bool = False
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """What is to become of a whole disk: one partition with a file system of this type and UUID.

    ``survey`` is what was known when it was decided: should the disk turn out different when it is
    written to, nothing is done.
    """

    whole: WholeDisk
    name: str
    fstype: str
    uuid: str
    survey: Survey = Survey()

    @property
    def length(self) -> int:
        """Length of the partition in bytes; it begins at `GAP`."""
        return (self.whole.size - 2 * GAP) // MIB * MIB


class Step(StrEnum):
    """What is being done with a disk that is prepared. Clients translate these words."""

    ERASE = "erase"
    PARTITION = "partition"
    FORMAT = "format"
    CHECK = "check"
    SAVE = "save"


@dataclass(frozen=True, slots=True)
class Preparation:
    """An order that is being carried out. ``device``: the partition, once it is whole."""

    order: Order
    step: str = ""
    device: BlockDevice | None = None


def is_partition(node: str, whole: str) -> bool:
    """Whether NODE is by its name a partition of WHOLE: sdb1 of sdb, nvme0n1p2 of nvme0n1."""
    between = "p" if whole[-1:].isdigit() else ""
    number = node.removeprefix(whole + between)
    return number != node and number.isdigit()


def picture(whole: WholeDisk) -> str:
    """What a disk is and what is on it, in one line for a person."""
    kind = ", ".join(part for part in (whole.model, gigabytes(whole.size), whole.serial) if part)
    return f"{whole.node} ({kind})"


def gigabytes(size: int) -> str:
    """A size as it is printed on disks."""
    if size < 10**9:
        return f"{size / 10**6:.0f} MB"
    return f"{size / 10**9:.1f} GB" if size < 10**12 else f"{size / 10**12:.1f} TB"
