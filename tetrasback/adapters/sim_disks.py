"""Simulated disks (see `sim`)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from tetrasback.core.devices import BlockDevice, Reason, objection
from tetrasback.core.state import Code
from tetrasback.errors import NoSuchDevice
from tetrasback.ports import Fault, Room

GIB: Final = 1024**3


def sim_device(
    number: int, fstype: str = "ext4", label: str = "", size: int = 500 * GIB
) -> BlockDevice:
    """The simulated device ``/dev/simN``: a whole disk with a file system right on it."""
    uuid = f"00000000-0000-4000-8000-{number:012d}"
    if fstype == "vfat":
        uuid = f"51D0-{number:04X}"
    return BlockDevice(
        syspath=f"/sys/devices/virtual/block/sim{number}",
        node=f"/dev/sim{number}",
        uuid=uuid,
        fstype=fstype,
        label=label,
        model="Simulated disk",
        serial=f"SIM{number:04d}",
        size=size,
        whole=f"/dev/sim{number}",
        diskseq=number + 1,
    )


DISKS: Final = (
    sim_device(0, "ext4", "backup"),
    sim_device(1, "vfat", "USB STICK", 32 * GIB),
    sim_device(2, "crypto_LUKS"),
)
"""What is plugged in at the start of ``--sim``."""


class SimDevices:
    """`ports.Devices`, and the hand that plugs and unplugs."""

    def __init__(self, present: Sequence[BlockDevice]) -> None:
        self.present = {device.node: device for device in present}
        self._seen: Callable[[BlockDevice], None] | None = None
        self._gone: Callable[[str], None] | None = None
        self._diskseq = max((device.diskseq for device in present), default=0)

    async def start(
        self, seen: Callable[[BlockDevice], None], gone: Callable[[str], None]
    ) -> Sequence[BlockDevice]:
        """As `ports.Devices.start`."""
        self._seen, self._gone = seen, gone
        return tuple(self.present.values())

    async def lookup(self, path: str) -> BlockDevice:
        """The device of this name. Raises NoSuchDevice."""
        if path not in self.present:
            raise NoSuchDevice(f"there is no device {path}; is the disk plugged in?")
        return self.present[path]

    async def resolve(self, path: str) -> str:
        """The path itself: there are no links here."""
        return path

    async def close(self) -> None:
        """Nobody listens any more."""
        self._seen = self._gone = None

    def plug(self, device: BlockDevice) -> BlockDevice:
        """A disk is plugged in: a new appearance, with a diskseq of its own."""
        self._diskseq += 1
        device = replace(device, diskseq=self._diskseq)
        self.present[device.node] = device
        if self._seen:
            self._seen(device)
        return device

    def unplug(self, node: str) -> None:
        """A disk is pulled out."""
        device = self.present.pop(node)
        if self._gone:
            self._gone(device.syspath)


class SimDisks:
    """`ports.Disks`. ``held``: whole disks that somebody holds, each with a word of Reason;
    ``faults``: what the next call of a method on a backup raises, by the method's name."""

    def __init__(self, devices: SimDevices) -> None:
        self.held: dict[str, str] = {}
        self.faults: dict[str, Fault] = {}
        self._devices = devices
        self._open: dict[int, tuple[BlockDevice, str]] = {}

    async def open(self, backup_id: int, device: BlockDevice, mode: str) -> Room:
        """As `ports.Disks.open`."""
        self._fail("open")
        reason = objection(device)
        if reason is not None and not (
            mode == "device" and reason is Reason.UNSUPPORTED_FILESYSTEM
        ):
            raise Fault(reason, f"{device.node} cannot be used: {reason}")
        self._open[backup_id] = (device, mode)
        return await self._room(backup_id)

    def mounted_elsewhere(self, device: BlockDevice) -> bool:
        """Nobody else mounts simulated disks."""
        return False

    def mount_point(self, backup_id: int) -> str:
        """Where it seems to be mounted; empty in mode 'device'."""
        device, mode = self._open[backup_id]
        return f"/run/tetras-back/mnt/{device.uuid}" if mode == "mount" else ""

    async def probe(self, backup_id: int) -> None:
        """As `ports.Disks.probe`."""
        self._fail("probe")
        await self._room(backup_id)

    async def sync(self, backup_id: int) -> Room:
        """As `ports.Disks.sync`."""
        self._fail("sync")
        return await self._room(backup_id)

    async def close(self, backup_id: int, gone: bool) -> bool:
        """As `ports.Disks.close`."""
        self._fail("close")
        device, _ = self._open.pop(backup_id)
        return not gone and self._is_there(device)

    async def released(self, device: BlockDevice) -> str:
        """As `ports.Disks.released`."""
        if any(opened.whole == device.whole for opened, _ in self._open.values()):
            return Reason.IN_USE
        return self.held.get(device.whole, "")

    async def spin_down(self, device: BlockDevice) -> None:
        """It needs no sleep."""

    async def _room(self, backup_id: int) -> Room:
        device, mode = self._open[backup_id]
        if not self._is_there(device):
            raise Fault(Code.DISK_GONE, f"{device.node} is gone")
        return Room(device.size, device.size // 2) if mode == "mount" else Room(0, 0)

    def _is_there(self, device: BlockDevice) -> bool:
        return self._devices.present.get(device.node) == device

    def _fail(self, method: str) -> None:
        fault = self.faults.pop(method, None)
        if fault is not None:
            raise fault
