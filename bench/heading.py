"""What stands above figures: date, machine, versions, so that two days can be compared."""

import datetime
import os
import platform
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.harness import run
from tests.harness.process import PROJECT


def heading(module: str, packages: Sequence[str]) -> str:
    """The beginning of a report of `python -m MODULE` about Debian's PACKAGES."""
    processor = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    query = ["dpkg-query", "-W", "-f", "${Package} ${Version}, ", *packages]
    now = datetime.datetime.now().astimezone()
    load = ", ".join(f"{number:.1f}" for number in os.getloadavg())
    return f"""\
# Figures of {now:%Y-%m-%d %H:%M %Z}

- Command: `{shlex.join(["python", "-m", module, *sys.argv[1:]])}`
- Machine: {processor}, {os.cpu_count()} processors, load at the end {load}; {platform.release()}
- Packages: {run(query).stdout.rstrip(", ")}
- Commit: {_commit()}
"""


def _commit() -> str:
    git = ["git", "-c", f"safe.directory={PROJECT}", "-C", PROJECT]
    return run([*git, "describe", "--always", "--dirty"], check=False).stdout.strip() or "unknown"
