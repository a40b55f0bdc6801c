"""A TOML file as a list of statements, so that an edit touches only the lines that it is about.

The text is cut into blank lines, comments, ``[headers]`` and ``key = value`` pairs; put together
again they are the text, byte for byte. A new line is put between them, a table's lines are taken
out, and where a value is changed in place tomlkit edits that one statement, keeping its comment
and layout. (Given whole files, tomlkit 0.11.7 gives a comment to the table before it, and loses
its way in tables that are written out of order.)

The text must have been read by tomllib before: here nothing is checked. Whether the result says
what was meant is for the caller to check too, see `edits.apply`.
"""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import tomlkit

Path = tuple[str, ...]
Value = str | list[str]

_BLANK: Final = re.compile(r"[ \t\r]*(#[^\n]*)?(\n|\Z)")
_HEADER: Final = re.compile(r"[ \t]*\[")
_BARE_KEY: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Multi-line strings may end in up to two quotes of their own.
_TOKEN: Final = re.compile(
    r'"""(?:\\[\s\S]|[^\\])*?"""(?:"{0,2})'
    r"|'''[\s\S]*?'''(?:'{0,2})"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|#[^\n]*"
    r"|[\[\]{}=\n]"
    r"|[^\"'#\n\[\]{}=]+"
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A piece of the file, with its line end."""

    kind: Literal["blank", "comment", "header", "pair"]
    text: str
    table: Path = ()
    """The header in force; a header's own keys."""
    keys: Path = ()
    """A pair's keys, below `table`."""

    @property
    def path(self) -> Path:
        """From the top of the file."""
        return self.table + self.keys


def split(text: str) -> Iterator[Statement]:
    """The statements of TEXT, which is TOML with "\\n" (or both) at the ends of its lines."""
    position = 0
    table: Path = ()
    while position < len(text):
        start = position
        blank = _BLANK.match(text, position)
        if blank:
            position = blank.end()
            yield Statement("comment" if blank[1] else "blank", text[start:position])
        elif _HEADER.match(text, start):
            # No string in a header can span lines.
            position = _end_of_line(text, start)
            table = _keys_of(tomllib.loads(text[start:position]))
            yield Statement("header", text[start:position], table)
        else:
            equals, position = _pair(text, start)
            keys = _keys_of(tomllib.loads(text[start:equals] + "= 0"))
            yield Statement("pair", text[start:position], table, keys)


def lines(text: str) -> dict[Path, int]:
    """Where each header and pair of TEXT begins, as the number of its line, by its keys."""
    found: dict[Path, int] = {}
    line = 1
    for statement in split(text):
        if statement.kind in ("header", "pair"):
            found.setdefault(statement.path, line)
        line += statement.text.count("\n")
    return found


class Document:
    """A text being edited. Paths are the file's own keys, exactly as they are spelled there."""

    def __init__(self, text: str) -> None:
        self._statements = list(split(text))

    def text(self) -> str:
        """The text as it is now."""
        return "".join(statement.text for statement in self._statements)

    def set(self, path: Path, value: Value) -> None:
        """Give PATH this value, where it stands, or in a new line at the place it belongs to."""
        for index, statement in enumerate(self._statements):
            if statement.kind == "pair" and _begins(path, statement.path):
                keys = statement.keys + path[len(statement.path) :]
                self._statements[index] = _with_value(statement, keys, value)
                return
        parent = path[:-1]
        place = self._after_pairs(parent) or self._after_dotted(parent)
        if place is None:
            self._open_table(parent)
            place = self._after_pairs(parent)
        assert place is not None, "it has just been opened"
        keys = path[len(place.table) :]
        text = f"{place.indent}{_dotted(keys)} = {_rendered(value)}\n"
        self._insert(place.index, Statement("pair", text, place.table, keys))

    def remove(self, path: Path) -> None:
        """Take PATH and all that is below it out. Comments that follow its last line stay."""
        kept: list[Statement] = []
        for section in self._sections():
            if section[0].kind == "header" and _begins(section[0].path, path):
                last = max(i for i, item in enumerate(section) if item.kind in ("header", "pair"))
                tail = section[last + 1 :]
                if tail and tail[0].kind == "blank" and (not kept or kept[-1].kind == "blank"):
                    del tail[0]
                kept += tail
                continue
            for item in section:
                if item.kind == "pair" and _begins(item.path, path):
                    continue
                if item.kind == "pair" and _begins(path, item.path):
                    item = _without(item, item.keys + path[len(item.path) :])
                kept.append(item)
        self._statements = kept

    def _sections(self) -> Iterator[list[Statement]]:
        section: list[Statement] = []
        for statement in self._statements:
            if statement.kind == "header" and section:
                yield section
                section = []
            section.append(statement)
        if section:
            yield section

    def _after_pairs(self, table: Path) -> "_Place | None":
        """Behind the last pair below the header of TABLE; None where it has no header."""
        place = None
        for index, item in enumerate(self._statements):
            if item.table == table and item.kind in ("header", "pair"):
                place = _Place(index + 1, table, _indent(item.text))
        return place

    def _after_dotted(self, table: Path) -> "_Place | None":
        """Behind the last pair that names TABLE, or one beside it, in dotted keys."""
        beside = table[:-1]
        own = sibling = None
        for index, item in enumerate(self._statements):
            if item.kind == "header" and len(item.table) >= len(table) > 1:
                if _begins(item.table, beside):
                    beside = table
            elif item.kind == "pair" and len(item.table) < len(table) < len(item.path):
                place = _Place(index + 1, item.table, _indent(item.text))
                if _begins(item.path, table):
                    own = place
                elif beside and _begins(item.path, beside):
                    sibling = place
        return own or (sibling if beside and beside != table else None)

    def _open_table(self, table: Path) -> None:
        """A header for TABLE, behind its relatives or at the end."""
        place = len(self._statements)
        position = 0
        for section in self._sections():
            position += len(section)
            if section[0].kind == "header" and section[0].table[:1] == table[:1]:
                place = position - len(_not_its_own(section, position == len(self._statements)))
        after = self._statements[place : place + 1]
        if place and self._statements[place - 1].kind != "blank":
            self._insert(place, Statement("blank", "\n"))
            place += 1
        self._insert(place, Statement("header", f"[{_dotted(table)}]\n", table))
        if after and after[0].kind != "blank":
            self._insert(place + 1, Statement("blank", "\n", table))

    def _insert(self, index: int, statement: Statement) -> None:
        if index and not self._statements[index - 1].text.endswith("\n"):
            before = self._statements[index - 1]
            self._statements[index - 1] = replace(before, text=before.text + "\n")
        self._statements.insert(index, statement)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a new pair goes: before this index, below this header, indented like this."""

    index: int
    table: Path
    indent: str


def _not_its_own(section: list[Statement], at_end: bool) -> list[Statement]:
    """The last blank lines and comments of SECTION that belong to what follows it.

    That is everything from the first blank line on; where there is none, the comments belong to
    the header that they stand right above.
    """
    last = max(i for i, item in enumerate(section) if item.kind in ("header", "pair"))
    tail = section[last + 1 :]
    for index, item in enumerate(tail):
        if item.kind == "blank":
            return tail[index:]
    return [] if at_end else tail


def _begins(path: Path, start: Path) -> bool:
    return path[: len(start)] == start


def _indent(text: str) -> str:
    return text[: len(text) - len(text.lstrip(" \t"))]


def _end_of_line(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end + 1


def _pair(text: str, start: int) -> tuple[int, int]:
    """Where the "=" of the pair that begins at START stands, and where the pair ends."""
    position = start
    equals = -1
    depth = 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        assert token is not None, "tomllib took it"
        word = token[0]
        if word == "=" and equals < 0:
            equals = position
        elif word in ("[", "{"):
            depth += 1
        elif word in ("]", "}"):
            depth -= 1
        position = token.end()
        if word == "\n" and depth == 0:
            break
    return equals, position


def _keys_of(parsed: Any) -> Path:
    """The one chain of keys in PARSED, what tomllib makes of a header or of ``keys = 0``."""
    keys: list[str] = []
    while parsed and isinstance(parsed, dict | list):
        if isinstance(parsed, list):
            parsed = parsed[0]
        else:
            [(key, parsed)] = parsed.items()
            keys.append(key)
    return tuple(keys)


def _dotted(keys: Path) -> str:
    return ".".join(key if _BARE_KEY.fullmatch(key) else _rendered(key) for key in keys)


def _rendered(value: Value) -> str:
    return tomlkit.item(value).as_string()


def _with_value(statement: Statement, keys: Path, value: Value) -> Statement:
    """STATEMENT with VALUE at KEYS: its own, or longer ones that lead into an inline table."""
    document = tomlkit.parse(statement.text)
    table: Any = document
    for key in keys[:-1]:
        if key not in table:
            table[key] = tomlkit.inline_table()
        table = table[key]
    if not (isinstance(value, list) and _change_array(table.get(keys[-1]), value)):
        table[keys[-1]] = value
    text = document.as_string()
    if _value_at(text, keys) != value:
        table[keys[-1]] = value
        text = document.as_string()
    return replace(statement, text=text)


def _change_array(array: Any, wanted: list[str]) -> bool:
    """Make ARRAY into WANTED by taking entries out and adding at the end, if that will do.

    So the comments and the layout of a list over many lines stay.
    """
    if not isinstance(array, tomlkit.items.Array):
        return False
    kept = [item for item in array if item in wanted]
    if kept != wanted[: len(kept)]:
        return False
    for index in reversed(range(len(array))):
        if array[index] not in wanted:
            del array[index]
    for item in wanted[len(kept) :]:
        array.append(item)
    return True


def _value_at(text: str, keys: Path) -> Any:
    """What TEXT says at KEYS; None if it says nothing there or is no TOML."""
    try:
        value: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _without(statement: Statement, keys: Path) -> Statement:
    """STATEMENT, an inline table, with what is at KEYS taken out; unchanged if nothing is."""
    if _value_at(statement.text, keys) is None:
        return statement
    document = tomlkit.parse(statement.text)
    table: Any = document
    for key in keys[:-1]:
        table = table[key]
    del table[keys[-1]]
    return replace(statement, text=document.as_string())
