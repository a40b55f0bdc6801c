"""From udev's properties and sysfs to a `BlockDevice`. What a disk says of itself is hostile."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pyudev

from tetrasback.adapters import sysfs
from tetrasback.adapters.probing import decoded, plain
from tetrasback.config.forms import normalise_uuid
from tetrasback.core.devices import BlockDevice
from tetrasback.errors import InvalidArgs

_KEYS: Final = (
    "CURRENT_TAGS",
    "DISKSEQ",
    "ID_FS_LABEL_ENC",
    "ID_FS_TYPE",
    "ID_FS_UUID",
    "ID_MODEL",
    "ID_MODEL_ENC",
    "ID_PART_TABLE_TYPE",
    "ID_SERIAL_SHORT",
)


def describe(directory: Path, properties: Mapping[str, str]) -> BlockDevice:
    """The device at DIRECTORY (below /sys/devices). A UUID of no known form counts as none."""
    whole = sysfs.whole_disk(directory)
    uuid = ""
    with contextlib.suppress(InvalidArgs):
        uuid = normalise_uuid(properties.get("ID_FS_UUID", ""))
    # The event's own number first: by now another disk may sit behind the same name.
    diskseq = properties.get("DISKSEQ", "")
    return BlockDevice(
        syspath=str(directory),
        node=sysfs.node(directory),
        uuid=uuid,
        fstype=plain(properties.get("ID_FS_TYPE", "")),
        label=decoded(properties.get("ID_FS_LABEL_ENC", "")),
        model=model(properties),
        serial=plain(properties.get("ID_SERIAL_SHORT", "")),
        size=512 * sysfs.number(directory, "size"),
        whole=sysfs.node(whole),
        diskseq=int(diskseq) if _is_number(diskseq) else sysfs.number(whole, "diskseq"),
        read_only=bool(sysfs.number(directory, "ro")),
        system=whole.name in sysfs.system_disks(),
    )


def model(properties: Mapping[str, str]) -> str:
    """What the disk's maker calls it."""
    return decoded(properties.get("ID_MODEL_ENC", "")) or plain(properties.get("ID_MODEL", ""))


def udev_properties(device: pyudev.Device) -> dict[str, str]:
    """Those of udev's properties of DEVICE that are of use to us."""
    found = {}
    for key in _KEYS:
        try:
            found[key] = str(device.properties.get(key, ""))
        except UnicodeDecodeError:  # odd bytes of a disk's own
            continue
    return found


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20
