"""A USB disk: an image that is plugged into a machine and pulled out of it."""

from pathlib import Path

from tests.harness.disks import LoopDisk
from tests.vm.qmp import Qmp


class UsbDisk(LoopDisk):
    """A file system FS of SIZE_MB MiB in DIRECTORY/NAME.img; fs="" = a blank disk.

    The UUID is `uuid`; what is on it is written by the guest.
    """

    def __init__(
        self, directory: Path, fs: str = "ext4", size_mb: int = 256, **options: str
    ) -> None:
        super().__init__(directory, fs, size_mb, **options)
        self.name = options.get("name", "disk")
        self.speed = 0
        """Bytes it takes in a second, from the next `plug` on; 0 = as many as it can."""

    def plug(self, qmp: Qmp) -> None:
        """Plug it into the machine of QMP."""
        qmp.do(
            "object-add",
            qom_type="throttle-group",
            id=f"{self.name}-speed",
            limits={"bps-write": self.speed},
        )
        qmp.do(
            "blockdev-add",
            node_name=f"{self.name}-image",
            driver="throttle",
            throttle_group=f"{self.name}-speed",
            file={"driver": "raw", "file": {"driver": "file", "filename": str(self.image)}},
        )
        qmp.do(
            "device_add",
            driver="usb-storage",
            id=self.name,
            drive=f"{self.name}-image",
            bus="xhci.0",
            serial=f"SN-{self.name}",
            removable=False,
        )

    def give(self, qmp: Qmp, speed: int) -> None:
        """From now on, until `pull`, it gives SPEED bytes in a second; 0 = as many as it can."""
        group = f"/objects/{self.name}-speed"
        qmp.do("qom-set", path=group, property="limits", value={"bps-read": speed})

    def pull(self, qmp: Qmp) -> None:
        """Pull it out of the machine of QMP."""
        qmp.do("device_del", id=self.name)
        qmp.event("DEVICE_DELETED", device=self.name)
        qmp.do("blockdev-del", node_name=f"{self.name}-image")
        qmp.do("object-del", id=f"{self.name}-speed")
