"""The figures as Markdown, and what is to be reached."""

import os
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.figures import kept

Times = Mapping[str, Mapping[str, Sequence[float]]]
"""Of each step, of each program, the seconds of each round."""
Grown = Sequence[tuple[int, float, float, int]]
"""Of each number of files, seconds full, seconds with nothing new, bytes of memory at most."""

# What is to be reached (the last column of the last table).
FULL_TO_COPY = 0.9
AGAIN_TO_PEER = {"ext4": 0.4, "Btrfs": 0.25}
ARCHIVE = 0.3
REMOVAL = 1.1
"""On ext4 it is the same program: what is more than 1 is chance."""
PEAK_MB = 150
LINEAR = 1.25
"""How much longer one file of the most may take than one of the fewest."""


def counts(tree: Path) -> tuple[int, int]:
    """The number of entries below TREE, and the bytes of its files (of several names once)."""
    seen: dict[tuple[int, int], int] = {}
    entries = 0
    for top, directories, names in os.walk(tree):
        entries += len(directories) + len(names)
        for name in names:
            status = os.lstat(os.path.join(top, name))
            seen[status.st_dev, status.st_ino] = status.st_size
    return entries, sum(seen.values())


def comparison(fs: str, times: Times, ours: str) -> str:
    """One table: a line for each program, beside it how many times ours takes of its time."""
    programs = list(dict.fromkeys(name for step in times.values() for name in step))
    lines = [["program", *(f"{step}, s (least) · ours ÷ it" for step in times)]]
    lines.append(["---"] * len(lines[0]))
    for program in programs:
        line = [f"**{program}**" if program == ours else program]
        for step in times.values():
            if program not in step:
                line.append("–")
                continue
            median = statistics.median(step[program])
            ratio = statistics.median(step[ours]) / median
            beside = "" if program == ours else f" · {ratio:.2f}"
            line.append(f"{median:.2f} ({min(step[program]):.2f}){beside}")
        lines.append(line)
    return f"## {fs}\n\n{_markdown(lines)}"


def scale(grown: Grown) -> str:
    """How it grows with the number of files."""
    lines = [
        ["files", "full, s", "µs a file", "nothing changed, s", "µs a file", "peak memory, MB"]
    ]
    lines.append(["---"] * len(lines[0]))
    for count, full, again, peak in grown:
        each = [f"{full:.1f}", f"{full / count * 1e6:.0f}", f"{again:.1f}"]
        lines.append([f"{count:,}", *each, f"{again / count * 1e6:.0f}", f"{peak / 1e6:.0f}"])
    return f"## Many small files (tetras-back, ext4)\n\n{_markdown(lines)}"


def single(title: str, rows: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """A table under TITLE: a line for each of ROWS, a column for each way of doing it."""
    ways = list(dict.fromkeys(way for times in rows.values() for way in times))
    lines = [["", *(f"{way}, s (least)" for way in ways)], ["---"] * (len(ways) + 1)]
    for name, times in rows.items():
        cells = [f"{statistics.median(times[way]):.2f} ({min(times[way]):.2f})" for way in ways]
        lines.append([name, *cells])
    return f"## {title}\n\n{_markdown(lines)}"


def verdicts(
    ext4: Times,
    btrfs: Times,
    archives: Mapping[str, Sequence[float]],
    removals: Mapping[str, Mapping[str, Sequence[float]]],
    grown: Grown,
    ours: str,
) -> str:
    """What is to be reached, and whether it is."""
    lines = [["figure", "reached", "to reach", "kept"], ["---"] * 4]

    def line(figure: str, reached: float, most: float) -> None:
        lines.append([figure, f"{reached:.2f}", f"≤ {most}", kept(reached <= most)])

    copy = "cp -a"
    line("ext4, full ÷ cp -a", _ratio(ext4["full"], ours, {copy}), FULL_TO_COPY)
    peers = ext4["full"].keys() - {ours, copy}
    line("ext4, full ÷ fastest peer", _ratio(ext4["full"], ours, peers), 1)
    for fs, times in (("ext4", ext4), ("Btrfs", btrfs)):
        # On Btrfs ours makes snapshots as the one by hand does; it is measured against programs.
        for step in ("nothing changed", "1 % changed"):
            peers = times[step].keys() - {ours, "btrfs snapshot + rsync"}
            line(
                f"{fs}, {step} ÷ fastest peer", _ratio(times[step], ours, peers), AGAIN_TO_PEER[fs]
            )
    line("archive ÷ tar czf", _ratio(archives, ours, {"tar czf"}), ARCHIVE)
    for fs, times in removals.items():
        line(f"{fs}, the oldest of many removed ÷ rm -rf", _ratio(times, ours, {"rm -rf"}), REMOVAL)
    line(f"memory at {grown[-1][0]:,} files, MB", max(peak for *_, peak in grown) / 1e6, PEAK_MB)
    for column, step in ((1, "full"), (2, "nothing changed")):
        few, many = (float(row[column]) / row[0] for row in (grown[0], grown[-1]))
        line(f"time a file, {step}: most files ÷ fewest", many / few, LINEAR)
    return f"## To reach\n\n{_markdown(lines)}"


def _ratio(step: Mapping[str, Sequence[float]], ours: str, peers: set[str]) -> float:
    """Our median beside the least of the medians of PEERS."""
    fastest = min(statistics.median(step[name]) for name in peers)
    return statistics.median(step[ours]) / fastest


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
