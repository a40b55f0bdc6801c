"""A whole disk in our hands: looked at, emptied, given a partition. Every step blocks.

An open descriptor keeps the kernel from giving the disk's name to another one, so between the
first and the last step a node means the same disk; the number of its appearance (diskseq) tells of
a card that was exchanged in its reader. A lock on the whole disk (flock) keeps udev, and with it
everybody who listens to udev, from looking at what is half made:
https://systemd.io/BLOCK_DEVICE_LOCKING/
"""

import contextlib
import errno
import fcntl
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from tetrasback.adapters import blockdev, holders, partitioning, sysfs
from tetrasback.adapters.partitioning import Partition
from tetrasback.adapters.probing import plain
from tetrasback.adapters.tools import ENVIRONMENT
from tetrasback.config.forms import normalise_uuid
from tetrasback.core.wholes import GAP, MIB, Order, Survey, WholeDisk
from tetrasback.errors import InvalidArgs
from tetrasback.ports import Fault

T = TypeVar("T")

EDGE: Final = 4 * MIB
"""Bytes at either end of the disk that are looked at and emptied: every file system, table, RAID
and volume manager that libblkid knows has its mark there, as has one right in the partition."""
SAMPLES: Final = 256
SAMPLE: Final = 64 << 10
"""Bytes looked at in each place; together some seconds on a slow disk."""

_BUSY_SECONDS: Final = 5.0
"""How long others may be looking at a disk (udev, blkid, a desktop)."""

_LOOK_SECONDS: Final = 30.0
_MOST_SIGNATURES: Final = 32
_GPT: Final = b"EFI PART"


def survey(whole: WholeDisk) -> Survey:
    """Look at the disk, without holding it afterwards. Raises Fault."""
    descriptor = _open(whole, os.O_RDONLY)
    try:
        user = _user(whole)
        return replace(_survey(whole, descriptor), user=user)
    finally:
        os.close(descriptor)


@dataclass(slots=True)
class Lease:
    """The disk, held. Descriptors are -1 once closed.

    A step that hangs is given up by others but goes on in its thread: `close` waits for it, or it
    would go on with descriptors that by then mean something else.
    """

    order: Order
    lock: int = -1
    """Of the whole disk, for reading; locked against udev, and opened before any writing."""
    alone: int = -1
    """The same, for writing, and nobody else may use it or a part of it."""
    partition: int = -1
    """Of the partition; opened before the file system is made, so fsync on it tells of a loss."""
    _using: threading.Lock = field(default_factory=threading.Lock)

    def do(self, step: Callable[[], T]) -> T:
        """Take one step of this lease's."""
        with self._using:
            return step()

    def take(self) -> None:
        """Hold the disk, and see that it is as it was. Raises Fault; then nothing was changed."""
        whole = self.order.whole
        self.lock = _open(whole, os.O_RDONLY)
        _patiently(partial(fcntl.flock, self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB), whole)
        self.alone = _patiently(partial(_open, whole, os.O_RDWR | os.O_EXCL), whole)
        now = _survey(whole, self.alone)
        if replace(now, user="") != replace(self.order.survey, user=""):
            raise Fault("identity", f"{whole.node} is not as it was: look at it again")

    def empty(self) -> None:
        """Take away partitions, and every mark of what was on the disk. Raises Fault, OSError."""
        self._delete_partitions()
        size = self.order.whole.size
        blockdev.zero(self.alone, 0, min(EDGE, size))
        tail = max(0, size - EDGE) // MIB * MIB
        blockdev.zero(self.alone, tail, size - tail)
        os.fsync(self.alone)

    def add_partition(self) -> str:
        """The kernel learns of the partition that the table has now; its node.

        Others may use it from then on. Raises Fault, OSError.
        """
        whole = Path(self.order.whole.syspath)
        wanted = Partition(1, GAP, self.order.length)
        if partitioning.known(whole) != [wanted]:  # else it has read the table by itself
            _patiently(partial(partitioning.add, self.alone, wanted), self.order.whole)
        if partitioning.known(whole) != [wanted]:
            raise Fault("disk-error", f"{self.order.whole.node} does not keep its partition table")
        os.close(self.alone)
        self.alone = -1
        (node,) = sysfs.partitions(whole)
        self.partition = blockdev.open_device(node)
        self._check(node)
        return node

    def _check(self, node: str) -> None:
        """See that the disk is still the one that was taken, and NODE its partition."""
        whole = self.order.whole
        known = sysfs.rdev(Path(whole.syspath, Path(node).name))
        if (
            blockdev.diskseq(self.lock) not in (0, whole.diskseq)
            or not known
            or os.fstat(self.partition).st_rdev != known
            or os.stat(node).st_rdev != known
        ):
            raise Fault("disk-gone", f"{whole.node} is not there any more")

    def verify(self, node: str) -> None:
        """See that table and file system are whole on the disk, with its partition at NODE still.

        Raises Fault, OSError.
        """
        order = self.order
        self._check(node)
        os.fsync(self.partition)
        os.fsync(self.lock)
        found = blockdev.superblock(self.partition, order.fstype)
        if found is None or found.uuid != order.uuid:
            raise Fault("disk-error", f"{order.whole.node} does not keep what is written to it")
        sector = sector_size(order.whole)
        for offset in (sector, order.whole.size - sector):
            if not blockdev.begins_with(self.lock, offset, _GPT):
                raise Fault("disk-error", f"{order.whole.node} does not keep its partition table")
        self._check(node)

    def close(self) -> None:
        """Let go of the disk and have udev look at it. Never fails."""
        with self._using:
            self._close()

    def _close(self) -> None:
        for descriptor in (self.alone, self.lock):
            if descriptor >= 0:
                blockdev.close(descriptor)
        self.alone = self.lock = -1
        whole = Path(self.order.whole.syspath)
        for directory in (whole, *(whole / Path(node).name for node in sysfs.partitions(whole))):
            _have_looked_at(directory)
        if self.partition >= 0:
            blockdev.close(self.partition)
            self.partition = -1

    def _delete_partitions(self) -> None:
        whole = Path(self.order.whole.syspath)
        deleted: list[Partition] = []
        for item in partitioning.known(whole):
            try:
                _patiently(partial(partitioning.delete, self.alone, item), self.order.whole)
            except (OSError, Fault):
                for earlier in deleted:  # its table still has them
                    with contextlib.suppress(OSError):
                        partitioning.add(self.alone, earlier)
                raise
            deleted.append(item)


def is_present(whole: WholeDisk) -> bool:
    """Whether the disk is still in the system, as far as the kernel knows; without I/O."""
    directory = Path(whole.syspath)
    return directory.exists() and sysfs.number(directory, "diskseq") in (0, whole.diskseq)


def sector_size(whole: WholeDisk) -> int:
    """Bytes of a logical sector."""
    return sysfs.number(Path(whole.syspath), "queue/logical_block_size") or 512


def _open(whole: WholeDisk, flags: int) -> int:
    """A descriptor of the disk, past the page cache, proved to be the one that was described."""
    descriptor = os.open(
        whole.node, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_DIRECT
    )
    is_it = os.fstat(descriptor).st_rdev == sysfs.rdev(Path(whole.syspath)) and (
        blockdev.diskseq(descriptor) in (0, whole.diskseq)
    )
    if not is_it:
        os.close(descriptor)
        raise Fault("disk-gone", f"{whole.node} is not the disk that was seen")
    return descriptor


def _patiently(step: Callable[[], T], whole: WholeDisk) -> T:
    """What STEP gives, once nobody else is in the way. Raises OSError, Fault ``in-use``."""
    end = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            return step()
        except OSError as error:
            if error.errno not in (errno.EBUSY, errno.EAGAIN):
                raise
            if time.monotonic() > end:
                raise Fault("in-use", f"{whole.node} is in use by another program") from None
            time.sleep(0.1)  # in a thread of its own


def _survey(whole: WholeDisk, descriptor: int) -> Survey:
    directory = Path(whole.syspath)
    file = sysfs.backing_file(directory)
    edge = min(EDGE, whole.size)
    tail = max(0, whole.size - EDGE) // MIB * MIB
    signatures, uuids = _signatures([whole.node, *sysfs.partitions(directory)])
    return Survey(
        signatures=signatures,
        uuids=uuids,
        zeros=blockdev.is_zero(descriptor, 0, edge)
        and blockdev.is_zero(descriptor, tail, whole.size - tail)
        and _looks_empty(descriptor, whole.size),
        foreign=bool(file) and blockdev.is_foreign_file(descriptor, file),
        read_only=blockdev.is_read_only(descriptor),
    )


def _looks_empty(descriptor: int, size: int) -> bool:
    """Whether there are zeros in `SAMPLES` places all over the disk: data whose beginning somebody
    has overwritten is still data."""
    return all(
        blockdev.is_zero(descriptor, size * number // SAMPLES // MIB * MIB, SAMPLE)
        for number in range(1, SAMPLES)
    )


def _user(whole: WholeDisk) -> str:
    """Who uses the disk or a part of it, as far as can be told; '' = nobody."""
    end = time.monotonic() + _BUSY_SECONDS
    nodes = [whole.node, *sysfs.partitions(Path(whole.syspath))]
    while True:
        try:
            blockdev.hold_alone(whole.node, whole.diskseq, 0)
            users = holders.openers(nodes)
            if not users:
                return ""
            words = f"{users[0]} has it open"
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            words = "another program holds it, or it is mounted where it cannot be seen"
        if time.monotonic() > end:
            return words
        time.sleep(0.2)  # in a thread of its own


def _signatures(nodes: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What libblkid recognises, each as TYPE and NODE, and their UUIDs. Raises Fault."""
    try:
        done = subprocess.run(
            ["wipefs", "--json", "--output", "DEVICE,TYPE,UUID", "--", *nodes],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(ENVIRONMENT),
            timeout=_LOOK_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        done = None
    if done is None or done.returncode != 0:
        raise Fault("disk-error", f"{nodes[0]} cannot be read; have the disk checked")
    found = json.loads(done.stdout)["signatures"] if done.stdout.strip() else []
    words = {f"{plain(item['type'])} {plain(item['device'])}" for item in found}
    uuids = set()
    for item in found:
        with contextlib.suppress(InvalidArgs):  # it has none, or none of a form that is saved
            uuids.add(normalise_uuid(item["uuid"] or ""))
    return tuple(sorted(words))[:_MOST_SIGNATURES], tuple(sorted(uuids))


def _have_looked_at(directory: Path) -> None:
    """Let udev handle the device once more, as ``udevadm trigger`` does."""
    with contextlib.suppress(OSError):
        (directory / "uevent").write_text("change")
