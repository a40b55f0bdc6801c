"""From udev's properties and sysfs to a `BlockDevice`. What a disk says of itself is hostile."""

import contextlib
from collections.abc import Mapping
from pathlib import Path

from tetrasback.adapters import sysfs
from tetrasback.adapters.probing import decoded, plain
from tetrasback.config.forms import normalise_uuid
from tetrasback.core.devices import BlockDevice
from tetrasback.errors import InvalidArgs


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
        model=decoded(properties.get("ID_MODEL_ENC", "")) or plain(properties.get("ID_MODEL", "")),
        serial=plain(properties.get("ID_SERIAL_SHORT", "")),
        size=512 * sysfs.number(directory, "size"),
        whole=sysfs.node(whole),
        diskseq=int(diskseq) if _is_number(diskseq) else sysfs.number(whole, "diskseq"),
        read_only=bool(sysfs.number(directory, "ro")),
        system=whole.name in sysfs.system_disks(),
    )


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20
