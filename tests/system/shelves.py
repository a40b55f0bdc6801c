"""Directories whose disks can be made to fail: frozen, full."""

from pathlib import Path

from tests.harness import LoopDisk, run


class FrozenShelf:
    """A directory whose files cannot be written to between `freeze` and `thaw`."""

    def __init__(self, directory: Path) -> None:
        self._below = LoopDisk(directory, "ext4", 256, name="below")
        self.path = directory / "shelf"
        self.path.mkdir()
        run(["mount", self._below.attach(), self.path])
        self._frozen = False

    def freeze(self) -> None:
        run(["fsfreeze", "--freeze", self.path])
        self._frozen = True

    def thaw(self) -> None:
        if self._frozen:
            run(["fsfreeze", "--unfreeze", self.path])
        self._frozen = False

    def close(self) -> None:
        self.thaw()
        run(["umount", self.path])
        self._below.detach()


class FullShelf:
    """A directory in memory that after `fill` takes only a few more pages."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "full-shelf"
        self.path.mkdir()
        run(["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", self.path])

    def fill(self, room_kib: int = 64) -> None:
        used = run(["du", "--block-size=1K", "--summarize", self.path]).stdout.split()[0]
        run(["mount", "-o", f"remount,size={int(used) + room_kib}k", self.path])

    def close(self) -> None:
        run(["umount", self.path])
