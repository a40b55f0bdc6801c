"""Simulated whole disks, and preparing them (see `sim`)."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from tetrasback.adapters.sim_disks import GIB, SimDevices
from tetrasback.core.devices import BlockDevice
from tetrasback.core.wholes import Content, Kind, Order, Step, Survey, WholeDisk
from tetrasback.errors import NoSuchDevice
from tetrasback.ports import Fault

STEP_SECONDS: Final = 0.5

BLANK: Final = WholeDisk(
    syspath="/sys/devices/virtual/block/sim3",
    node="/dev/sim3",
    model="Simulated blank disk",
    serial="SIM0003",
    size=1000 * GIB,
    diskseq=4,
)
"""What is plugged in at the start of ``--sim`` besides `sim_disks.DISKS`."""


class SimWholes:
    """`ports.Wholes`: the disk below every simulated device, and the BLANK one."""

    def __init__(self, devices: SimDevices, blank: Sequence[WholeDisk] = (BLANK,)) -> None:
        self._devices = devices
        self.present = {whole.node: whole for whole in blank}

    async def start(
        self, seen: Callable[[WholeDisk], None], gone: Callable[[str], None]
    ) -> Sequence[WholeDisk]:
        """As `ports.Wholes.start`."""
        del seen, gone
        self.present |= {node: _below(item) for node, item in self._devices.present.items()}
        return tuple(self.present.values())

    async def look(self, path: str) -> WholeDisk:
        """As `ports.Wholes.look`."""
        if path not in self.present:
            raise NoSuchDevice(f"there is no device {path}; is the disk plugged in?")
        return self.present[path]

    async def close(self) -> None:
        """Nobody listens."""


class SimPreparer:
    """`ports.Preparer`. ``fault``: what the next preparation ends with."""

    def __init__(self, devices: SimDevices) -> None:
        self.fault: Fault | None = None
        self._devices = devices
        self._stopped = asyncio.Event()

    async def survey(self, whole: WholeDisk) -> Survey:
        """As `ports.Preparer.survey`: what is told of it is all there is."""
        return Survey(zeros=not whole.contents)

    async def prepare(self, order: Order, moved: Callable[[str], None]) -> str:
        """As `ports.Preparer.prepare`."""
        for step in (Step.ERASE, Step.PARTITION, Step.FORMAT, Step.CHECK):
            moved(step)
            try:
                await asyncio.wait_for(self._stopped.wait(), STEP_SECONDS)
            except TimeoutError:
                continue
            raise Fault("stopped", "the service was stopped")
        if self.fault is not None:
            raise self.fault
        whole = order.whole
        node = f"{whole.node}p1"
        if whole.node in self._devices.present:
            self._devices.unplug(whole.node)
        self._devices.present[node] = BlockDevice(
            syspath=f"{whole.syspath}/{node.rpartition('/')[2]}",
            node=node,
            uuid=order.uuid,
            fstype=order.fstype,
            label=order.name,
            model=whole.model,
            serial=whole.serial,
            size=order.length,
            whole=whole.node,
            diskseq=whole.diskseq,
        )
        return node

    async def finish(self) -> None:
        """Nothing is held."""

    def stop(self) -> None:
        """As `ports.Preparer.stop`."""
        self._stopped.set()


def _below(device: BlockDevice) -> WholeDisk:
    whole = WholeDisk(
        syspath=device.syspath,
        node=device.node,
        model=device.model,
        serial=device.serial,
        size=device.size,
        diskseq=device.diskseq,
        kind=Kind.DISK,
    )
    content = Content(device.node, device.size, device.fstype, device.label, device.uuid)
    return replace(whole, contents=(content,))
