"""What the programs that make partition table and file system are told: pure, nothing is run.

No word of it but the label comes from a caller, and that is a word of its own on the command line.
"""

from collections.abc import Sequence
from typing import Final

from tetrasback.core.wholes import GAP, Order

PARTITION_TYPE: Final = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
"""“Linux filesystem data” of the Discoverable Partitions Specification."""

_LABEL_BYTES: Final = {"ext4": 16, "xfs": 12, "btrfs": 255}


def label(name: str, fstype: str) -> str:
    """NAME as far as a label of FSTYPE holds it, cut between characters."""
    plain = name.replace("/", "-").replace("\\", "-")  # which btrfs refuses
    return plain.encode()[: _LABEL_BYTES[fstype]].decode(errors="ignore").strip()


def partition_table(order: Order, sector: int) -> tuple[Sequence[str], str]:
    """sfdisk's command line and what it reads: GPT with one aligned partition.

    SECTOR: bytes of a logical sector, the unit of the table.
    """
    command = (
        *("sfdisk", "--quiet", "--no-reread", "--no-tell-kernel"),
        *("--wipe", "always", "--wipe-partitions", "always", "--", order.whole.node),
    )
    script = (
        "label: gpt\nunit: sectors\n"
        f"start={GAP // sector}, size={order.length // sector}, type={PARTITION_TYPE},"
        ' name="Tetras-back"\n'
    )
    return command, script


def filesystem(order: Order, node: str) -> Sequence[str]:
    """The command line that makes ORDER's file system on NODE.

    Nothing is discarded: on some sticks that takes minutes in which nothing seems to move.
    """
    name = label(order.name, order.fstype)
    match order.fstype:
        case "xfs":
            return ("mkfs.xfs", "-q", "-f", "-K", "-L", name, "-m", f"uuid={order.uuid}", node)
        case "btrfs":
            return ("mkfs.btrfs", "-q", "-f", "-K", "-L", name, "-U", order.uuid, node)
        case _:
            options = "nodiscard,lazy_itable_init=1"
            return ("mkfs.ext4", "-q", "-F", "-E", options, "-L", name, "-U", order.uuid, node)
