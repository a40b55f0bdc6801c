"""Memory, and how often the daemon wakes, while nobody needs it."""

import math
import re
import time
from functools import partial
from pathlib import Path

from bench.figures import Row, Sample, growth, kept, ratio
from bench.peers import FIREWALLD, UDISKS, peer
from bench.world import World, cpu_seconds, resident, rest
from tests.harness import wait_until
from tests.harness.process import BASE_ENVIRONMENT, Process

MOST_MB = 40.0
MOST_WAKES = 1.0
STARTS = 3

_WAITS = re.compile(r"\b(epoll_p?wait2?|p?poll|p?select6?|futex|clock_nanosleep|read|recvmsg)\b")
_A_WAIT = 0.001
"""Seconds; what returned sooner had not gone to sleep."""

_RETURNED = re.compile(r"^\d+ +(?P<at>[0-9.]+) .*\) += (?!\?).*<(?P<took>[0-9.]+)>$")


def measure(empty: World, full: World, seconds: float) -> list[Row]:
    """Two rows. Each daemon is started thrice; the last pair is watched for SECONDS."""
    memory: dict[int, list[float]] = {0: [], full.disks: []}
    for world in (empty, full) * (STARTS - 1):
        with world.running(alone=True):
            memory[world.disks].append(resident(world.daemon.process.pid))
    with peer(empty, FIREWALLD) as firewalld, peer(empty, UDISKS) as udisks:
        rest(firewalld.pid)
        theirs = f"firewalld {resident(firewalld.pid):.1f}, udisksd {resident(udisks.pid):.1f} MB"
    with empty.running(alone=True), full.running(alone=True):
        for world in (empty, full):
            memory[world.disks].append(resident(world.daemon.process.pid))
        wakes = _wakes(empty, full, seconds)
    small, large = Sample(memory[0]), Sample(memory[full.disks])
    used = [f"{wakes[world.disks][1]:.2f} s CPU" for world in (empty, full)]
    counts = [wakes[world.disks][0] * 60 / seconds for world in (empty, full)]
    return [
        Row(
            "resident memory, idle",
            small.show("MB"),
            large.show("MB"),
            growth(small, large),
            theirs,
            f"≤ {MOST_MB:.0f} MB",
            kept(max(small.median, large.median) <= MOST_MB, ratio(large, small) <= 1.5),
        ),
        Row(
            f"wake-ups a minute, {seconds:.0f} s idle",
            f"{counts[0]:.2g}, {used[0]}",
            f"{counts[1]:.2g}, {used[1]}",
            target=f"≤ {MOST_WAKES:.0f}",
            verdict=kept(max(counts) <= MOST_WAKES),
        ),
    ]


def _wakes(empty: World, full: World, seconds: float) -> dict[int, tuple[int, float]]:
    """By number of disks: how many waiting system calls returned, and the CPU time used."""
    found = {}
    tracers, logs, before = {}, {}, {}
    try:
        for world in (empty, full):
            pid = world.daemon.process.pid
            logs[world.disks] = world.directory / "strace"
            command = ["strace", "-f", "-ttt", "-T", "-qq", "-p", str(pid), "-o", logs[world.disks]]
            tracers[world.disks] = Process(
                [str(word) for word in command],
                log=world.directory / "strace.log",
                env=BASE_ENVIRONMENT,
            )
        time.sleep(2)  # being attached to wakes every thread once
        start = time.time()
        for world in (empty, full):
            before[world.disks] = cpu_seconds(world.daemon.process.pid)
        time.sleep(seconds)
        end = time.time()
        for world in (empty, full):
            used = cpu_seconds(world.daemon.process.pid) - before[world.disks]
            found[world.disks] = (_returns(logs[world.disks], start, end), used)
            # What counts nothing must be able to count: a question wakes it.
            world.is_now("absent")
            wait_until(partial(_returns, logs[world.disks], end, math.inf), "strace to see it")
    finally:
        for tracer in tracers.values():
            tracer.stop()
    return found


def _returns(log: Path, start: float, end: float) -> int:
    """How many waits of an strace -f -ttt -T came to their end in that time."""
    count = 0
    for line in log.read_text(errors="replace").splitlines():
        match = _RETURNED.match(line)
        if match and _WAITS.search(line):
            at, took = float(match["at"]), float(match["took"])
            # A line has the time of the call, but one that says "resumed" that of the return.
            returned = at if " resumed>" in line else at + took
            count += took >= _A_WAIT and start <= returned <= end
    return count
