"""Gives whole disks a partition with a file system (`ports.Preparer`).

::

    take ─► empty ─► sfdisk ─► the kernel is told ─► mkfs ─► sync, read back ─► (saved) ─► let go

Whoever pulls the disk out, or ends us, anywhere on that way leaves a disk that is nobody's: it is
saved only once all of it is on the disk. What may hang with a dying disk runs in threads or
programs that are given up once the disk has not moved for some time.
"""

import contextlib
import errno
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from tetrasback.adapters import blockdev, hang, lease, recipes, sysfs
from tetrasback.adapters.lease import Lease
from tetrasback.adapters.tools import ENVIRONMENT, Tools
from tetrasback.core.wholes import Order, Step, Survey, WholeDisk
from tetrasback.ports import Fault

T = TypeVar("T")

_PACKAGES: Final = {
    "mkfs.ext4": "e2fsprogs",
    "mkfs.xfs": "xfsprogs",
    "mkfs.btrfs": "btrfs-progs",
    "sfdisk": "fdisk",
}


class KernelPreparer:
    """PATIENCE: seconds without movement of the disk after which a step is given up."""

    def __init__(self, *, patience: float = hang.PATIENCE) -> None:
        self._patience = patience
        self._tools = Tools(patience)
        self._lease: Lease | None = None

    async def survey(self, whole: WholeDisk) -> Survey:
        """Open WHOLE, proved to be the one described, and look at it. Raises Fault."""
        return await self._step(partial(lease.survey, whole), whole, "looked at")

    async def prepare(self, order: Order, moved: Callable[[str], None]) -> str:
        """Carry ORDER out; the node of the partition, whole on the disk and read back.

        MOVED is told each step. The disk stays held until `finish`. Raises Fault.
        """
        whole = order.whole
        table, script = recipes.partition_table(order, lease.sector_size(whole))
        _see_that_there_are(table, recipes.filesystem(order, ""))
        held = self._lease = Lease(order)
        await self._step(partial(held.do, held.take), whole, "looked at")
        self._tools.check()
        moved(Step.ERASE)
        await self._step(partial(held.do, held.empty), whole, "erased")
        moved(Step.PARTITION)
        await self._run(table, whole, "partitioning", script)
        node = await self._step(partial(held.do, held.add_partition), whole, "partitioned")
        moved(Step.FORMAT)
        await self._run(recipes.filesystem(order, node), whole, "making the file system on")
        moved(Step.CHECK)
        await self._step(partial(held.do, partial(held.verify, node)), whole, "written to")
        return node

    async def finish(self) -> None:
        """Let go of the disk, whatever has come of it, and have udev look at it. Never raises."""
        held, self._lease = self._lease, None
        if held is not None:
            with contextlib.suppress(Fault):  # the thread goes on; it lets go when it can
                await self._step(held.close, held.order.whole, "let go of")

    def stop(self) -> None:
        """End what is under way: `prepare` raises Fault ``stopped`` soon."""
        self._tools.stop()

    async def _run(
        self, command: Sequence[str], whole: WholeDisk, doing: str, text: str = ""
    ) -> None:
        try:
            await self._tools.run(command, _movement(whole), f"{doing} {whole.node}", text)
        except Fault as fault:
            if fault.code == "stopped" or lease.is_present(whole):
                raise
            raise _gone(whole) from None

    async def _step(self, step: Callable[[], T], whole: WholeDisk, done: str) -> T:
        """Take one step in a thread. Raises Fault, also for what the kernel refused."""
        try:
            return await hang.run(
                step, _movement(whole), f"what is done to {whole.node}", patience=self._patience
            )
        except OSError as error:
            if error.errno in blockdev.GONE or not lease.is_present(whole):
                raise _gone(whole) from None
            if error.errno == errno.EROFS:
                raise Fault("read-only", f"{whole.node} is write-protected") from None
            why = error.strerror or str(error)
            raise Fault("disk-error", f"{whole.node} could not be {done}: {why}") from None


def _see_that_there_are(*commands: Sequence[str]) -> None:
    for name, *_ in commands:
        if shutil.which(name, path=ENVIRONMENT["PATH"]) is None:
            raise Fault("unsupported-filesystem", f"{name} is missing: install {_PACKAGES[name]}")


def _movement(whole: WholeDisk) -> Callable[[], str]:
    return partial(sysfs.movement, Path(whole.syspath))


def _gone(whole: WholeDisk) -> Fault:
    return Fault("disk-gone", f"{whole.node} was pulled out while it was being prepared")
