"""A server to back up, assembled from real data of this machine."""

import os
from pathlib import Path

from tests.harness import run

_ENOUGH = 150 << 20
_TOO_BIG = 40 << 20
_TOO_MANY = 12_000


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

    size = files = 0
    for number, place in enumerate(sorted(Path("/usr/share").iterdir())):
        if size > _ENOUGH or not place.is_dir() or place.is_symlink():
            continue
        more_files, more = _measure(place)
        if more < _TOO_BIG and files + more_files < _TOO_MANY:
            run(
                ["cp", "-a", "--reflink=auto", place, root / ("home/alice", "home/bob")[number % 2]]
            )
            size, files = size + more, files + more_files
    return _measure(root)


def _measure(place: Path) -> tuple[int, int]:
    """Number of files below PLACE, and their bytes on a disk."""
    files = sum(len(names) for _, _, names in os.walk(place))
    return files, int(run(["du", "--summarize", "--block-size=1", place]).stdout.split()[0])
