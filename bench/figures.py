"""What was measured, and how it is shown."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """The repeated measurements of one thing, all in one unit."""

    values: Sequence[float]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def least(self) -> float:
        return min(self.values)

    def show(self, unit: str) -> str:
        """``median (least) unit ×count``; the least is what a quiet machine would give."""
        return f"{_short(self.median)} ({_short(self.least)}) {unit} ×{len(self.values)}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. VERDICT is empty where there is nothing to keep."""

    figure: str
    empty: str
    full: str = ""
    growth: str = ""
    peer: str = ""
    target: str = ""
    verdict: str = ""


HEADINGS = Row(
    "figure", "0 disks", "1,000 disks", "growth", "peer, and we beside it", "to keep", "kept"
)


def ratio(ours: Sample, theirs: Sample) -> float:
    """How many times THEIRS ours takes, by the medians."""
    return ours.median / theirs.median


def growth(empty: Sample, full: Sample) -> str:
    """What 1,000 disks and 100,000 rows make of a figure; at most 1.5 × is to be kept."""
    return times(ratio(full, empty))


def times(number: float) -> str:
    """NUMBER as a ratio."""
    return f"{number:.2f} ×"


def kept(*conditions: bool) -> str:
    """The verdict on a row."""
    return "yes" if all(conditions) else "NO"


def table(rows: Sequence[Row]) -> str:
    """ROWS as a Markdown table, readable as it is."""
    names = Row.__slots__
    lines = [[getattr(row, name) for name in names] for row in (HEADINGS, *rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(names))]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    )


def _short(number: float) -> str:
    if number >= 1000:
        return f"{number:,.0f}"
    return f"{number:.3g}" if number < 100 else f"{number:.0f}"
