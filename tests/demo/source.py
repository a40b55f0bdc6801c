"""A server to back up, assembled from real data of this machine."""

import os
from pathlib import Path

from tests.harness import run

_ENOUGH = 150 << 20
_TOO_BIG = 40 << 20


def make_source(root: Path) -> tuple[int, int]:
    """Fill ROOT with etc, home, root, srv and var/www; how many files, how many bytes."""
    for directory in ("home/alice", "home/bob", "root", "srv", "var/www"):
        (root / directory).mkdir(parents=True)
    run(["cp", "-a", "--reflink=auto", "/etc", root])
    (root / "var/www/index.html").write_text("<h1>It works</h1>\n")
    (root / "home/alice/welcome.txt").write_text("What lies here is backed up.\n")
    os.link(root / "home/alice/welcome.txt", root / "home/alice/the same file.txt")
    os.chown(root / "home/alice", 1000, 1000)
    os.chown(root / "home/bob", 1001, 1001)

    size = 0
    for number, place in enumerate(sorted(Path("/usr/share").iterdir())):
        if size > _ENOUGH or not place.is_dir() or place.is_symlink():
            continue
        bytes_here = _bytes_below(place)
        if bytes_here < _TOO_BIG:
            run(
                ["cp", "-a", "--reflink=auto", place, root / ("home/alice", "home/bob")[number % 2]]
            )
            size += bytes_here
    return sum(len(files) for _, _, files in os.walk(root)), _bytes_below(root)


def _bytes_below(place: Path) -> int:
    return int(run(["du", "--summarize", "--bytes", place]).stdout.split()[0])
