"""Block devices as the core sees them, and why one cannot be used."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SUPPORTED_FILESYSTEMS: Final = frozenset({"ext4", "xfs", "btrfs"})
"""File systems that hold owners, modes and links, on one device."""


class Reason(StrEnum):
    """Why a disk is rejected or held. Clients translate these words."""

    DUPLICATE_UUID = "duplicate-uuid"
    UNSUPPORTED_FILESYSTEM = "unsupported-filesystem"
    ENCRYPTED = "encrypted"
    MOUNTED_ELSEWHERE = "mounted-elsewhere"
    IN_USE = "in-use"
    READ_ONLY = "read-only"
    DAMAGED = "damaged"
    IDENTITY = "identity"
    FOREIGN_FILE = "foreign-file"
    SYSTEM_DISK = "system-disk"
    OTHER_PARTITION = "other-partition"
    JOB = "job"


@dataclass(frozen=True, slots=True)
class BlockDevice:
    """One block device that carries a file system, as udev describes it.

    ``uuid`` is normalised (`config.forms.normalise_uuid`), empty where there is none; ``whole`` is
    the node of the whole disk (the device itself where it is no partition); ``size`` is in bytes;
    ``diskseq`` is the kernel's number for this appearance of the whole disk (0 = not known).
    """

    syspath: str
    node: str
    uuid: str
    fstype: str = ""
    label: str = ""
    model: str = ""
    serial: str = ""
    size: int = 0
    whole: str = ""
    diskseq: int = 0
    read_only: bool = False
    system: bool = False
    """Its disk holds a mounted system file system or swap."""


def objection(device: BlockDevice) -> Reason | None:
    """What can be told against a device before it is opened, or None."""
    if device.system:
        return Reason.SYSTEM_DISK
    if device.fstype == "crypto_LUKS":
        return Reason.ENCRYPTED
    if device.fstype not in SUPPORTED_FILESYSTEMS:
        return Reason.UNSUPPORTED_FILESYSTEM
    if device.read_only:
        return Reason.READ_ONLY
    return None


def same_plug(one: BlockDevice, other: BlockDevice) -> bool:
    """Whether both are one appearance of one file system on one device."""
    return (one.syspath, one.uuid, one.diskseq) == (other.syspath, other.uuid, other.diskseq)
