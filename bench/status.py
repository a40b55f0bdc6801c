"""`tetras-backctl status` beside `firewall-cmd --state`: each asks its daemon, in Python."""

import subprocess
import time
from collections.abc import Sequence

from bench.figures import Row, Sample, growth, kept, ratio, times
from bench.peers import FIREWALLD, peer
from bench.world import World
from tests.harness import HarnessError
from tests.harness.process import PYTHON

FIREWALL_CMD = ["/usr/bin/firewall-cmd", "--state"]


def measure(empty: World, full: World, runs: int) -> list[Row]:
    """One row: wall time from start to end, RUNS of each in turn."""
    taken: dict[str, list[float]] = {"peer": [], "empty": [], "full": [], "python": []}
    with empty.running(), full.running(), peer(empty, FIREWALLD):
        for number in range(runs + 1):
            for key, argv, world in (
                ("peer", FIREWALL_CMD, empty),
                ("empty", [str(empty.program), "status"], empty),
                ("python", [PYTHON, "-c", "pass"], empty),
                ("full", [str(full.program), "status"], full),
            ):
                seconds = _run(argv, world)
                if number:  # the first brings the files into memory
                    taken[key].append(seconds * 1000)
    theirs, small, large = (Sample(taken[key]) for key in ("peer", "empty", "full"))
    python = Sample(taken["python"])
    return [
        Row(
            "tetras-backctl status",
            small.show("ms"),
            large.show("ms"),
            growth(small, large),
            f"firewall-cmd --state {theirs.show('ms')}: {times(ratio(small, theirs))}"
            f" (python3 -c pass {python.median:.0f} ms)",
            "≤ 1 × the peer",
            kept(max(small.median, large.median) <= theirs.median, ratio(large, small) <= 1.5),
        )
    ]


def _run(argv: Sequence[str], world: World) -> float:
    before = time.perf_counter()
    done = subprocess.run(
        argv,
        env=world.daemon.client_environment,
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    taken = time.perf_counter() - before
    if done.returncode != 0:
        raise HarnessError(f"{argv[0]} failed: {done.stderr.strip()[-300:]}")
    return taken
