"""Where everything a command says goes: rich on a terminal, aligned text elsewhere, or JSON.

Whatever comes from a stranger passes `lang.text.clean` here, on its way out, and never through
rich's markup.
"""

import json
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TextIO

from tetrasback.lang.text import clean

if TYPE_CHECKING:
    from rich.console import Console

Cell = str | tuple[str, str]
"""Text, or text and rich's name of its style."""

MAX_CELL: Final = 200
MIN_COLUMN: Final = 4
GAP: Final = 2
"""Blanks between columns."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table. FULL ones are never cut to the terminal's width."""

    title: str
    right: bool = False
    full: bool = False


@dataclass(slots=True)
class Table:
    """Columns, and rows with as many cells."""

    columns: Sequence[Column]
    rows: list[Sequence[Cell]] = field(default_factory=list)


class Output:
    """What a command of PROGRAM writes to. TERMINAL: the reader is a person at a terminal."""

    def __init__(
        self,
        stream: TextIO,
        errors: TextIO,
        *,
        terminal: bool = False,
        json: bool = False,
        width: int | None = None,
        program: str = "tetras-backctl",
    ) -> None:
        self._program = program
        self._stream = stream
        self._errors = errors
        self.terminal = terminal and not json
        self.json = json
        self._width = width
        self._console: Console | None = None

    @classmethod
    def standard(cls, program: str, *, json: bool = False) -> "Output":
        """The process's own streams."""
        terminal = sys.stdout.isatty()
        return cls(sys.stdout, sys.stderr, terminal=terminal, json=json, program=program)

    @property
    def console(self) -> "Console":
        """rich's console on the terminal; imported only when there is one."""
        if self._console is None:
            from rich.console import Console

            self._console = Console(
                file=self._stream,
                force_terminal=True if self.terminal else None,
                width=self._width,
                highlight=False,
                markup=False,
                emoji=False,
                soft_wrap=False,
            )
        return self._console

    def data(self, value: Any) -> None:
        """One JSON document, the whole answer of a command (in ASCII: any terminal is safe)."""
        self._stream.write(json.dumps(value, indent=2) + "\n")

    def data_line(self, value: Any) -> None:
        """One JSON document on a line of its own, at once."""
        self._stream.write(json.dumps(value) + "\n")
        self._stream.flush()

    def line(self, *cells: Cell) -> None:
        """One line, at once; nothing with --json."""
        if self.json:
            return
        if self.terminal:
            from rich.text import Text

            text = Text()
            for cell in cells:
                content, style = _split(cell, 1000)
                text.append(content, style)
            self.console.print(text, soft_wrap=True)
            return
        self._stream.write("".join(_split(cell, 1000)[0] for cell in cells) + "\n")
        self._stream.flush()

    def raw(self, text: str) -> None:
        """Text of several lines that is safe already."""
        self._stream.write(text if text.endswith("\n") or not text else text + "\n")

    def note(self, text: str) -> None:
        """One line on standard error: about the command, not its result."""
        self._stream.flush()
        self._errors.write(f"{self._program}: {clean(text)}\n")
        self._errors.flush()

    def table(self, table: Table, *, wide: bool = False) -> None:
        """A table; nothing with --json. WIDE: nothing is cut, however narrow the terminal."""
        if self.json:
            return
        if self.terminal and not wide:
            self.console.print(rich_table(table, self.console.width))
            return
        for line in plain_table(table):
            self._stream.write(line + "\n")


def rich_table(table: Table, width: int) -> Any:
    """TABLE as rich's, without lines around it; what does not fit into WIDTH columns is cut."""
    from rich.table import Table as RichTable
    from rich.text import Text

    shown = RichTable(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for column, room in zip(table.columns, _widths(table, width), strict=True):
        shown.add_column(
            column.title,
            justify="right" if column.right else "left",
            no_wrap=True,
            overflow="ellipsis",
            width=room,
        )
    for row in table.rows:
        shown.add_row(*(Text(*_split(cell)) for cell in row))
    return shown


def _widths(table: Table, width: int) -> list[int]:
    """What each column gets: those that are to be whole first, the widest others give way.

    (rich would narrow all alike, also those that are useless when cut.)
    """
    widths = [
        max(_cells(column.title), *(_cells(_split(row[index])[0]) for row in table.rows), 0)
        for index, column in enumerate(table.columns)
    ]
    excess = sum(widths) + GAP * (len(widths) - 1) - width
    elastic = [index for index, column in enumerate(table.columns) if not column.full]
    while excess > 0 and elastic:
        widest = max(elastic, key=lambda index: widths[index])
        if widths[widest] <= MIN_COLUMN:
            break
        widths[widest] -= 1
        excess -= 1
    return widths


def plain_table(table: Table) -> list[str]:
    """TABLE as aligned lines, the first the titles in capitals; nothing is cut but over-long cells.

    Columns are two blanks apart.
    """
    rows = [[column.title.upper() for column in table.columns]]
    rows += [[_split(cell)[0] for cell in row] for row in table.rows]
    widths = [max(_cells(row[index]) for row in rows) for index in range(len(table.columns))]
    lines = []
    for row in rows:
        padded = []
        for text, width, column in zip(row, widths, table.columns, strict=True):
            gap = " " * (width - _cells(text))
            padded.append(gap + text if column.right else text + gap)
        lines.append((" " * GAP).join(padded).rstrip())
    return lines


def _split(cell: Cell, limit: int = MAX_CELL) -> tuple[str, str]:
    text, style = (cell, "") if isinstance(cell, str) else cell
    return clean(text, limit), style


def _cells(text: str) -> int:
    """How many columns of a terminal TEXT takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
