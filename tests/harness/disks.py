"""File systems on loop devices: disks that can be plugged in and pulled out."""

import contextlib
import uuid as uuids
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tests.harness.process import HarnessError, run, wait_until

_SMALLEST_MB = {"xfs": 300, "btrfs": 128}


def _maker(fs: str, uuid: str, label: str, image: Path) -> list[str | Path]:
    """The command that makes the file system; FAT and NTFS choose short UUIDs of their own."""
    named = {
        "ext4": ["mkfs.ext4", "-q", "-F", "-U", uuid, "-L", label],
        "xfs": ["mkfs.xfs", "-q", "-f", "-m", f"uuid={uuid}", "-L", label[:12]],
        "btrfs": ["mkfs.btrfs", "-q", "-f", "-U", uuid, "-L", label],
        "vfat": ["mkfs.vfat", "-n", label[:11].upper()],
        "exfat": ["mkfs.exfat", "-L", label[:11]],
        "ntfs": ["mkntfs", "-q", "-F", "-f", "-L", label],
        "swap": ["mkswap", "-U", uuid, "-L", label],
    }
    return [*named[fs], image]


class LoopDisk:
    """A file system FS of SIZE_MB MiB in the image DIRECTORY/NAME.img; fs="" = a blank disk.

    It starts pulled out. The image is sparse, and at the end it stays in the directory.
    """

    def __init__(
        self,
        directory: Path,
        fs: str = "ext4",
        size_mb: int = 64,
        *,
        name: str = "disk",
        label: str = "backup",
        uuid: str = "",
    ) -> None:
        self.image = directory / f"{name}.img"
        self.device = ""
        with self.image.open("xb") as file:
            file.truncate(max(size_mb, _SMALLEST_MB.get(fs, 0)) << 20)
        self.uuid = ""
        if fs:
            run(_maker(fs, uuid or str(uuids.uuid4()), label, self.image))
            self.uuid = run(["blkid", "-p", "-s", "UUID", "-o", "value", self.image]).stdout.strip()

    def __enter__(self) -> "LoopDisk":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # A daemon may still use it: the kernel detaches it when that ends, the workspace waits.
        if self.device:
            run(["losetup", "--detach", self.device], check=False)

    def attach(self, *options: str) -> str:
        """Plug it in; the device, such as /dev/loop0. OPTIONS are losetup's, say --read-only."""
        if self.device:
            raise HarnessError(f"{self.image} is plugged in already")
        found = run(["losetup", "--find", "--show", *options, self.image])
        self.device = found.stdout.strip()
        return self.device

    def detach(self, seconds: float = 20.0) -> None:
        """Pull it out once nobody uses it (a loop device cannot be torn away)."""
        if not self.device:
            return
        device, self.device = self.device, ""
        run(["losetup", "--detach", device])
        wait_until(lambda: not self._backs(device), f"{device} to be let go", seconds)

    def _backs(self, device: str) -> bool:
        with contextlib.suppress(OSError):
            backing = Path("/sys/block", Path(device).name, "loop/backing_file")
            return backing.read_text().strip().startswith(str(self.image))
        return False

    def partitions(self, layout: str) -> None:
        """Write a partition table in sfdisk's language; on a blank disk that is not plugged in."""
        run(["sfdisk", "--quiet", "--no-reread", self.image], text_input=layout)

    def read_partitions(self) -> Sequence[str]:
        """Let the kernel know the partitions of the plugged disk; their devices."""
        # udevd may look at one of them while they are read; what is there by then stays.
        read = ["partx", "--update", self.device]
        wait_until(lambda: run(read, check=False).returncode == 0, "its partitions to be read")
        return sorted(str(path) for path in Path("/dev").glob(Path(self.device).name + "p*"))

    def forget_partitions(self) -> None:
        """Take the partitions away again: true `remove` events."""
        run(["partx", "--delete", self.device])
