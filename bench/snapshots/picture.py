"""The figures as a picture."""

from collections.abc import Mapping, Sequence
from pathlib import Path

Bars = Mapping[str, Mapping[str, float]]
"""Of each step, of each program, the seconds."""


def draw(panels: Mapping[str, Bars], ours: str, path: Path, caption: str) -> None:
    """PANELS beside each other into the SVG file PATH: one for each file system."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "tetras-back"  # the same figures give the same file
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(panels), figsize=(6 * len(panels), 5), squeeze=False)
    for axis, (title, bars) in zip(axes[0], panels.items(), strict=True):
        programs = list(dict.fromkeys(name for step in bars.values() for name in step))
        _panel(axis, bars, programs, ours)
        axis.set_title(title)
    figure.text(0.01, 0.01, caption, fontsize=7, color="#555555")
    figure.tight_layout(rect=(0, 0.04, 1, 1))
    figure.savefig(path, metadata={"Date": None})


def _panel(axis: object, bars: Bars, programs: Sequence[str], ours: str) -> None:
    shades = ("#1a5fb4", "#62a0ea", "#99c1f1"), ("#5e5c64", "#9a9996", "#c0bfbc")
    height = 0.8 / len(bars)
    for place, (step, seconds) in enumerate(bars.items()):
        for row, program in enumerate(programs):
            if program not in seconds:
                continue
            at = row + (place - (len(bars) - 1) / 2) * height
            color = shades[program != ours][place % 3]
            axis.barh(at, seconds[program], height, color=color)  # type: ignore[attr-defined]
            text = f" {seconds[program]:.1f} s, {step}"
            axis.text(seconds[program], at, text, va="center", fontsize=7)  # type: ignore[attr-defined]
    axis.set_yticks(range(len(programs)), programs)  # type: ignore[attr-defined]
    axis.invert_yaxis()  # type: ignore[attr-defined]
    axis.margins(x=0.25)  # type: ignore[attr-defined]
    axis.set_xlabel("seconds, less is better")  # type: ignore[attr-defined]
    axis.spines[["top", "right"]].set_visible(False)  # type: ignore[attr-defined]
