"""Taking the oldest of many snapshots away, beside `rm -rf`."""

from pathlib import Path

from bench.snapshots import source
from bench.snapshots.disk import fresh_disk
from bench.snapshots.measuring import timed
from bench.snapshots.tools import OURS, Tetras

SNAPSHOTS = 30
REMOVED = 3
"""So many by each, in turns."""


def remove_oldest(work: Path, fs: str, files: int) -> dict[str, list[float]]:
    """Seconds of each way, with the disk's sync, on a disk with FS and 30 snapshots of FILES."""
    # As the backup script does it (erase, in lib.sh).
    ours = [*OURS, "remove"] if fs == "btrfs" else ["rm", "-rf", "--one-file-system"]
    tree = source.small_files(work / "removed", files)
    times: dict[str, list[float]] = {"rm -rf": [], Tetras.name: []}
    with fresh_disk(work, fs, "removal", 20 * files // 1000 + 2000) as disk:
        tool = Tetras(tree, disk, disk.parent)
        for turn in range(SNAPSHOTS):
            tool.back_up()
            source.change(tree, turn)
        for turn in range(2 * REMOVED):
            oldest = tool.snapshot(turn + 1)
            # Whoever is first has most to take away alone.
            way = Tetras.name if turn % 4 in (0, 3) else "rm -rf"
            argv = ours if way == Tetras.name else ["rm", "-rf"]
            times[way].append(timed([*argv, oldest], disk).seconds)
            if oldest.exists():
                raise AssertionError(f"{oldest} is there still")
    source.clear(tree)
    source.clear(tool.work)
    return times
