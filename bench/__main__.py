"""`python -m bench`: measure, print the table, and keep it in docs/bench-DATE.md."""

import argparse
import datetime
import os
import signal
import sys
from collections.abc import Callable, Mapping

from bench import calls, idle, plug, status, subscribers
from bench.figures import Row, table
from bench.heading import heading
from bench.world import World, worlds
from tests.harness.process import PROJECT

_LEGEND = """\
Every cell is `median (least) unit ×count`. "0 disks" has one saved disk, the one that is plugged
in; "1,000 disks" has 1,000 more and 100,000 rows of history. What is measured how: bench/README.md.
"""

PACKAGES = ("python3", "python3-dbus-next", "firewalld", "udisks2", "udev", "dbus")


def main() -> int:
    options = _parser().parse_args()
    parts: Mapping[str, Callable[[World, World], list[Row]]] = {
        "idle": lambda empty, full: idle.measure(empty, full, options.idle_seconds),
        "plug": lambda empty, full: plug.measure(empty, full, options.plugs),
        "status": lambda empty, full: status.measure(empty, full, options.runs),
        "calls": lambda empty, full: calls.measure(empty, full, options.calls),
        "subscribers": lambda empty, full: subscribers.measure(empty, full, options.backups),
    }
    if os.geteuid() != 0:
        print("bench: this needs root: sudo make bench", file=sys.stderr)
        return 1
    rows: list[Row] = []
    with worlds() as (empty, full):
        for name in options.only or parts:
            print(f"bench: {name} …", file=sys.stderr, flush=True)
            rows += parts[name](empty, full)
    report = f"{heading('bench', PACKAGES)}\n{_LEGEND}\n{table(rows)}\n"
    print(report)
    if not options.only:
        path = PROJECT / f"docs/bench-{datetime.date.today()}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(report)
        print(f"bench: written to {path.relative_to(PROJECT)}", file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m bench", description=__doc__, allow_abbrev=False)
    made.add_argument(
        "--only",
        action="append",
        choices=("idle", "plug", "status", "calls", "subscribers"),
        help="measure this alone, and write no file; may be given again",
    )
    made.add_argument("--idle-seconds", type=int, default=180)
    made.add_argument("--plugs", type=int, default=18, help="in each world")
    made.add_argument("--runs", type=int, default=25, help="of each command")
    made.add_argument("--calls", type=int, default=500, help="of each kind")
    made.add_argument("--backups", type=int, default=6, help="of each kind")
    return made


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # clean up then as well
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("bench: interrupted")
