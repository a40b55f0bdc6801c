"""What a hundred subscribers cost a backup."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.figures import Row, Sample, growth, kept
from bench.world import DISK, World, cpu_seconds
from tests.harness import HarnessError, LoopDisk, run, wait_until
from tests.harness.process import PYTHON

SUBSCRIBERS = 100
MEGABYTES = 100
_LISTENERS = Path(__file__).with_name("listeners.py")

# Reports after every MB, far more often than is passed on; writes by itself, so that the time is
# the disk's and ours.
_SCRIPT = """\
for ((n = 1; n <= {megabytes}; n++)); do
    dd if={source} of="$1/copy" bs=1M count=1 seek=$n conv=notrunc status=none
    echo "bytes ${{n}}000000 {megabytes}000000" >&3
    echo "progress $(( n * 100 / {megabytes} ))e-2 copying" >&3
    sleep 0.03
done
rm "$1/copy\""""


def measure(empty: World, full: World, runs: int) -> list[Row]:
    """Two rows, RUNS backups with and without subscribers in turn, in each world."""
    taken: dict[tuple[int, int], list[tuple[float, float]]] = {}
    heard = 0
    for world in (empty, full):
        source = world.directory / "source"
        source.write_bytes(b"\x5a" * (1 << 20))
        world.write_script(_SCRIPT.format(megabytes=MEGABYTES, source=source))
        disk = LoopDisk(world.directory, "ext4", 256, uuid=DISK)
        with disk, world.running():
            disk.attach()
            wait_until(partial(world.is_now, "safe-to-unplug"), "the first backup", 120)
            for number in range(runs):
                # Now these, now those first: what drifts with time then favours neither.
                for count in (0, SUBSCRIBERS) if number % 2 else (SUBSCRIBERS, 0):
                    with _listening(world, count) as messages:
                        measured = _backup(world)
                    heard = max(heard, *messages) if messages else heard
                    taken.setdefault((world.disks, count), []).append(measured)
        disk.image.unlink()
    return [
        _row("backup of 100 MB, time", 0, "s", taken, full.disks, f"{heard:,} messages heard"),
        _row("backup of 100 MB, daemon's CPU", 1, "s", taken, full.disks, ""),
    ]


def _row(
    what: str,
    column: int,
    unit: str,
    taken: dict[tuple[int, int], list[tuple[float, float]]],
    disks: int,
    note: str,
) -> Row:
    samples = {
        key: Sample([measured[column] for measured in values]) for key, values in taken.items()
    }
    alone, many = samples[0, 0], samples[0, SUBSCRIBERS]
    full_alone, full_many = samples[disks, 0], samples[disks, SUBSCRIBERS]
    spread = max(alone.values) - min(alone.values)
    cost = many.median - alone.median
    return Row(
        what,
        alone.show(unit),
        full_alone.show(unit),
        growth(alone, full_alone),
        f"with {SUBSCRIBERS} subscribers {many.show(unit)}, 1,000 disks {full_many.show(unit)};"
        f" cost {cost:+.3f} {unit}, spread without {spread:.3f} {unit}; {note}".rstrip("; "),
        "cost within the spread",
        kept(cost <= spread, full_many.median - full_alone.median <= spread),
    )


def _backup(world: World) -> tuple[float, float]:
    """Run one from the request to the release: seconds, and the daemon's processor time."""
    pid = world.daemon.process.pid
    used, before = cpu_seconds(pid), time.perf_counter()
    run([world.program, "backup", DISK], env=world.daemon.client_environment, seconds=120)
    return time.perf_counter() - before, cpu_seconds(pid) - used


@contextmanager
def _listening(world: World, count: int) -> Iterator[list[int]]:
    """COUNT subscribers; afterwards the list holds how many messages they heard."""
    messages: list[int] = []
    if not count:
        yield messages
        return
    with subprocess.Popen(
        [PYTHON, "-I", str(_LISTENERS), world.bus.address, str(count)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
    ) as process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            if process.stdout.readline() != "ready\n":
                raise HarnessError("the subscribers did not come up")
            yield messages
            process.stdin.close()
            messages.append(int(process.stdout.readline()))
        finally:
            process.kill()
