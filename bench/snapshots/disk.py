"""A fresh disk for each program."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness import LoopDisk, run


@contextmanager
def fresh_disk(directory: Path, fs: str, name: str, size_mb: int) -> Iterator[Path]:
    """An empty mounted file system FS of SIZE_MB MiB; gives its mount point."""
    place = directory / f"{name}-{fs}"
    place.mkdir()
    with LoopDisk(directory, fs, size_mb, name=f"{name}-{fs}") as disk:
        device = disk.attach()
        # As the daemon mounts; nothing is put off to a background that no figure would show.
        options = "nosuid,nodev,noexec,noatime" + (",noinit_itable" if fs == "ext4" else "")
        run(["mount", "-t", fs, "-o", options, device, place])
        try:
            yield place
        finally:
            run(["umount", place])
    disk.image.unlink()
    place.rmdir()
