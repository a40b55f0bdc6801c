"""From the event of a plug to the first instruction of the backup script."""

import time
from functools import partial
from pathlib import Path

from bench.figures import Row, Sample, growth, kept, ratio
from bench.idle import MOST_MB
from bench.uevents import Uevents
from bench.world import DISK, World, resident
from tests.harness import LoopDisk, wait_until

MOST_MS = 300.0
ROUNDS = 3

# The first thing that it does is to note the time; it needs no other program for that.
_SCRIPT = "printf '%s\\n' \"$EPOCHREALTIME\" >{noted}"


def measure(empty: World, full: World, plugs: int) -> list[Row]:
    """Four rows, of PLUGS plugs of one ext4 disk in each world, in three rounds."""
    taken: dict[tuple[int, str], list[float]] = {}
    for world in (empty, full):
        world.write_script(_SCRIPT.format(noted=world.directory / "noted"))
    with Uevents() as uevents:
        for _ in range(ROUNDS):
            for world in (empty, full):
                _round(world, uevents, -(-plugs // ROUNDS), taken)
    small, large = Sample(taken[0, "memory"]), Sample(taken[full.disks, "memory"])
    rows = [
        Row(
            "resident memory, after some backups",
            small.show("MB"),
            large.show("MB"),
            growth(small, large),
            target=f"≤ {MOST_MB:.0f} MB",
            verdict=kept(max(small.median, large.median) <= MOST_MB, ratio(large, small) <= 1.5),
        )
    ]
    for since, what in (
        ("kernel", "kernel's uevent → script"),
        ("udev", "udevd's event → script"),
        ("losetup", "losetup's return → script"),
    ):
        small, large = Sample(taken[0, since]), Sample(taken[full.disks, since])
        rows.append(
            Row(
                what,
                small.show("ms"),
                large.show("ms"),
                growth(small, large),
                target=f"≤ {MOST_MS:.0f} ms",
                verdict=kept(
                    max(small.median, large.median) <= MOST_MS, ratio(large, small) <= 1.5
                ),
            )
        )
    return rows


def _round(
    world: World, uevents: Uevents, plugs: int, taken: dict[tuple[int, str], list[float]]
) -> None:
    # A new file system each time: what a backup wrote must not make the next mount slower.
    disk = LoopDisk(world.directory, "ext4", 64, uuid=DISK)
    noted = world.directory / "noted"
    with disk, world.running():
        for number in range(plugs + 1):
            noted.unlink(missing_ok=True)
            uevents.forget()
            device = Path(disk.attach()).name
            returned = time.time()
            written = float(wait_until(lambda: _read(noted), "the script", 30))
            if number:  # the first one loads the kernel's and the daemon's code
                for since, at in (
                    ("kernel", uevents.kernel(device)),
                    ("udev", uevents.udev(device)),
                    ("losetup", returned),
                ):
                    taken.setdefault((world.disks, since), []).append((written - at) * 1000)
            wait_until(partial(world.is_now, "safe-to-unplug"), "the disk to be released", 30)
            disk.detach()
            wait_until(partial(world.is_now, "absent"), "the disk to be away", 30)
        taken.setdefault((world.disks, "memory"), []).append(resident(world.daemon.process.pid))
    disk.image.unlink()


def _read(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""
