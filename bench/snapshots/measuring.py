"""Running a program, and what it took."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.harness import HarnessError


@dataclass(frozen=True, slots=True)
class Cost:
    """SECONDS of wall time with the disk's sync; PEAK: bytes of memory of all its processes."""

    seconds: float
    peak: int = 0


def timed(
    argv: Sequence[str | Path],
    disk: Path,
    *,
    environment: Mapping[str, str] | None = None,
    allowed: Sequence[int] = (0,),
    memory: bool = False,
) -> Cost:
    """Run ARGV to its end and sync the file system at DISK; HarnessError if it fails.

    MEMORY also looks at it twenty times a second, which costs a little itself.
    """
    os.sync()
    start = time.perf_counter()
    with subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, **(environment or {})},
    ) as process:
        peak = _watch(process) if memory else 0
        said, _ = process.communicate()
    subprocess.run(["sync", "-f", disk], check=True)
    seconds = time.perf_counter() - start
    if process.returncode not in allowed:
        raise HarnessError(f"{argv[0]} ended with {process.returncode}: {said[-2000:]!r}")
    return Cost(seconds, peak)


def _watch(process: subprocess.Popen[bytes]) -> int:
    """The most memory that PROCESS and its children have had, each shared page counted once."""
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(_own_memory(pid) for pid in (process.pid, *_children(process.pid))))
        time.sleep(0.05)
    return peak


def _children(pid: int) -> list[int]:
    try:
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [each for child in below for each in (int(child), *_children(int(child)))]


def _own_memory(pid: int) -> int:
    """Bytes of PID's proportional set size; 0 once it has gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:")), 0)
