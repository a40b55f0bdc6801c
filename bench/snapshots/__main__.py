"""`python -m bench.snapshots`: measure, print the tables, keep them in docs/ with a picture."""

import argparse
import datetime
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.heading import heading
from bench.snapshots import archive, source
from bench.snapshots.disk import fresh_disk
from bench.snapshots.picture import draw
from bench.snapshots.removal import SNAPSHOTS, remove_oldest
from bench.snapshots.tables import comparison, counts, scale, single, verdicts
from bench.snapshots.tools import ON_BTRFS, ON_EXT4, Tetras, Tool
from tests.harness import HarnessError
from tests.harness.process import PROJECT

STEPS = ("full", "nothing changed", "1 % changed")
Times = dict[str, dict[str, list[float]]]
"""Of each step, of each program, the seconds of each round."""


def main() -> int:
    options = _parser().parse_args()
    if os.geteuid() != 0:
        print("bench: this needs root: sudo make bench", file=sys.stderr)
        return 1
    with _directory(options.directory) as name:
        work = Path(name)
        _say("making the source")
        tree = source.real_files(work / "source", options.files)
        files, size = counts(tree)
        ext4 = compare(work, tree, "ext4", ON_EXT4, options.rounds)
        btrfs = compare(work, tree, "btrfs", ON_BTRFS, options.rounds)
        archives = compress(work, tree, options.rounds)
        source.clear(tree)
        removals = {}
        for fs in ("ext4", "btrfs"):
            _say(f"{fs}: the oldest of {SNAPSHOTS} snapshots")
            removals[fs] = remove_oldest(work, fs, options.files)
        grown = [grow(work, count) for count in options.counts]
    parts = [
        heading("bench.snapshots", sorted({tool.package for tool in ON_EXT4 if tool.package})),
        f"Source: {files:,} entries, {size / 1e9:.2f} GB of {', '.join(source.TAKEN)}, with hard"
        " links, ACLs and attributes added; warm. Each time with a final sync of the disk."
        f" Medians of {options.rounds}; the programs take turns.\n",
        comparison("ext4", ext4, Tetras.name),
        comparison("Btrfs", btrfs, Tetras.name),
        single("Archive of it", {"ext4": archives}),
        single(f"The oldest of {SNAPSHOTS} snapshots removed", removals),
        scale(grown),
        verdicts(ext4, btrfs, archives, removals, grown, Tetras.name),
    ]
    report = "\n".join(parts)
    print(report)
    if not options.dry:
        path = PROJECT / f"docs/bench-snapshots-{datetime.date.today()}.md"
        picture = path.with_suffix(".svg")
        panels = {"ext4": _medians(ext4), "Btrfs": _medians(btrfs)}
        caption = f"{files:,} entries, {size / 1e9:.2f} GB; {path.name} has machine and versions"
        draw(panels, Tetras.name, picture, caption)
        path.write_text(f"{report}\n![the same as a picture]({picture.name})\n")
        _say(f"written to {path.relative_to(PROJECT)} and {picture.relative_to(PROJECT)}")
    return 0


def _directory(above: Path) -> tempfile.TemporaryDirectory[str]:
    """A new one; programs that ended may have left others running that write there."""
    return tempfile.TemporaryDirectory(
        prefix="tetras-back-bench-", dir=above, ignore_cleanup_errors=True
    )


def compare(work: Path, tree: Path, fs: str, tools: Sequence[type[Tool]], rounds: int) -> Times:
    """The TOOLS side by side, each on a fresh disk with FS in each round."""
    times: Times = {step: {} for step in STEPS}
    size_mb = 4 * counts(tree)[1] // (1 << 20) + 2000
    for turn in range(rounds):
        with _directory(work) as name, ExitStack() as stack:
            place = Path(name)
            # Whoever is first in one round is the last in another.
            order = [*tools[turn % len(tools) :], *tools[: turn % len(tools)]]
            ready: list[Tool] = []
            for tool in order:
                disk = stack.enter_context(fresh_disk(place, fs, tool.__name__, size_mb))
                ready.append(tool(tree, disk, place))
            source.warm(tree)
            for step in STEPS:
                if step == "1 % changed":
                    source.change(tree, turn)
                    source.warm(tree)
                for each in ready:
                    if each.once and step != "full":
                        continue
                    _say(f"{fs}, round {turn + 1}: {step}, {each.name}")
                    seconds = each.back_up().seconds
                    times[step].setdefault(each.name, []).append(seconds)
                    if turn == 0 and isinstance(each, Tetras) and (found := each.check()):
                        raise HarnessError(f"the snapshot is not the source: {found[:500]}")
    return times


def compress(work: Path, tree: Path, rounds: int) -> dict[str, list[float]]:
    """Seconds of the two ways of making an archive, in turns."""
    times: dict[str, list[float]] = {"tar czf": [], Tetras.name: []}
    for turn in range(rounds):
        _say(f"archive, round {turn + 1}")
        with fresh_disk(work, "ext4", "archive", 8000) as disk:
            times["tar czf"].append(archive.tar_czf(tree, disk))
            times[Tetras.name].append(archive.ours(tree, disk))
    return times


def grow(work: Path, count: int) -> tuple[int, float, float, int]:
    """COUNT small files: seconds of a full backup and of one with nothing new, bytes at most."""
    _say(f"{count:,} small files")
    tree = source.small_files(work / f"small-{count}", count)
    size_mb = 6 * count // 1000 + 1000
    with fresh_disk(work, "ext4", f"small-disk-{count}", size_mb) as disk:
        tool = Tetras(tree, disk, disk.parent)
        full, again = tool.back_up(memory=True), tool.back_up(memory=True)
    source.clear(tree)
    source.clear(tool.work)
    return count, full.seconds, again.seconds, max(full.peak, again.peak)


def _medians(times: Times) -> Mapping[str, Mapping[str, float]]:
    return {
        step: {name: sorted(each)[len(each) // 2] for name, each in tools.items()}
        for step, tools in times.items()
    }


def _say(what: str) -> None:
    print(f"bench: {what} …", file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.snapshots", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    parser.add_argument("--directory", default="/var/tmp", help="where there is room for 30 GB")
    parser.add_argument("--dry", action="store_true", help="write nothing into docs/")
    parser.add_argument(
        "--files", type=int, default=60_000, metavar="N", help="at most so many entries as source"
    )
    parser.add_argument(
        "--counts",
        type=lambda text: [int(word) for word in text.split(",")],
        default=[100_000, 300_000, 1_000_000],
        metavar="N,N,…",
        help="numbers of small files",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
