"""From the bytes of a configuration file to the model, and to lines of it in messages."""

import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tetrasback.config.check import ConfigProblems, Problem, check, child, one_line
from tetrasback.config.model import Config
from tetrasback.errors import ConfigurationError

SIZE_MAX: Final = 1024 * 1024
"""Bytes of a file that are read; a longer one is refused."""

_BOM: Final = "\ufeff"
_POSITION: Final = re.compile(r"(.*) \(at line (\d+), column (\d+)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Source:
    """What was read, and which file it was."""

    data: bytes
    identity: tuple[int, int, int, int]
    """Device, inode, time of change in ns, size."""


@dataclass(frozen=True, slots=True)
class Text:
    """The text of a file, with what it takes to write it again as it was."""

    toml: str
    bom: bool
    crlf: bool

    def encode(self, toml: str) -> bytes:
        """The bytes of a file like this one that says TOML."""
        lines = toml.replace("\n", "\r\n") if self.crlf else toml
        return ((_BOM if self.bom else "") + lines).encode("utf-8")


def read(path: Path) -> Source | None:
    """The file at PATH; None if there is none. Raises ConfigurationError."""
    try:
        # Not blocking: a FIFO put there by mistake must not hold the daemon.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigurationError(f"{path}: is no regular file; put one in its place")
        data = b""
        while len(data) <= SIZE_MAX and (chunk := os.read(descriptor, SIZE_MAX + 1 - len(data))):
            data += chunk
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    finally:
        os.close(descriptor)
    if len(data) > SIZE_MAX:
        raise ConfigurationError(f"{path}: is larger than 1 MiB; nothing of it is read")
    return Source(data, (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size))


def decode(data: bytes, path: Path) -> Text:
    """The text that DATA, read from PATH, holds. Raises ConfigurationError."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}: line {line}: is not UTF-8") from error
    bom = text.startswith(_BOM)
    text = text.removeprefix(_BOM)
    crlf = "\r\n" in text and text.count("\r\n") == text.count("\n")
    return Text(text.replace("\r\n", "\n") if crlf else text, bom, crlf)


def parse(text: Text, path: Path) -> tuple[Config, tuple[Problem, ...]]:
    """What TEXT, read from PATH, configures, and warnings.

    Raises ConfigurationError in one line with file, line and reason; for several problems all of
    them, as many as MESSAGE_MAX holds.
    """
    mapping = _parse_toml(text.toml, path)
    try:
        return check(mapping)
    except ConfigProblems as error:
        places = _places(text.toml)
        told = [_with_line(problem, places) for problem in error.problems]
        raise ConfigurationError(one_line([f"{path}: {told[0]}", *told[1:]])) from error


def _parse_toml(toml: str, path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(toml)
    except RecursionError as error:
        raise ConfigurationError(f"{path}: is nested too deeply") from error
    except ValueError as error:  # TOMLDecodeError is one, a number of 5,000 digits another
        reason = str(error)
        position = _POSITION.fullmatch(reason)
        if position:
            reason = f"line {position[2]}, column {position[3]}: {position[1]}"
        elif reason.endswith("(at end of document)"):
            last = toml.count("\n") + (not toml.endswith("\n"))
            reason = f"line {last}: {reason.removesuffix(' (at end of document)')}, at the end"
        printable = "".join(char if char.isprintable() else "?" for char in reason)
        raise ConfigurationError(f"{path}: {printable[:300]}") from error


def _places(toml: str) -> dict[str, int]:
    """Number of the line by path as problems spell it."""
    from tetrasback.config.document import lines

    found: dict[str, int] = {}
    for keys, line in lines(toml).items():
        path = ""
        for key in keys:
            path = child(path, key)
        found.setdefault(path, line)
    return found


def _with_line(problem: Problem, places: Mapping[str, int]) -> str:
    """PROBLEM with the line of what it is about, or of the nearest thing around that."""
    path = problem.path
    while path and path not in places:
        path = re.sub(r'(\[\d+\]|\.?[^."\[\]]+|\.?"(?:\\.|[^"\\])*")\Z', "", path, count=1)
    return f"line {places[path]}: {problem}" if path else str(problem)
