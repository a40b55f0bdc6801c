"""The configuration file: read, kept as the last good one, and edited without losing a comment.

A file that is broken, half-written, emptied or gone never takes effect: what it said last stays in
force, from memory or from a copy in the state directory, and the file is left as it is. An edit
starts from what the file says at that moment and replaces it as a whole.
"""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tetrasback.config import text
from tetrasback.config.check import Problem
from tetrasback.config.edits import Edit, apply
from tetrasback.config.model import Config
from tetrasback.errors import ConfigurationError
from tetrasback.host.atomic import Overtaken, replace

TRIES: Final = 5
"""How often an edit starts over because somebody else wrote the file meanwhile."""

# Arguments of scripts may hold a password (`--encfs` of the original's): root's alone.
_NEW_FILE_MODE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a look at the file gave."""

    config: Config
    """In force from now on."""
    warnings: tuple[Problem, ...]
    error: str
    """Why `config` is not what the file says now, in one line; empty = it is."""


@dataclass(frozen=True, slots=True)
class _Good:
    data: bytes
    config: Config


class ConfigFile:
    """The file at PATH, and the copy of its last good content at LAST_GOOD.

    Every method touches the disk: call them in a thread. They exclude each other.
    """

    def __init__(self, path: Path, last_good: Path) -> None:
        self._path = path
        self._copy = last_good
        self._good: _Good | None = None
        self._lock = threading.Lock()

    def load(self) -> Loaded:
        """Read the file. Never raises: what cannot be is told in the result."""
        with self._lock:
            try:
                source = self._read()
                found = text.decode(source.data if source else b"", self._path)
                config, warnings = text.parse(found, self._path)
            except ConfigurationError as error:
                return self._last(str(error))
            trouble = self._keep(_Good(source.data, config)) if source else ""
            return Loaded(config, (*warnings, *self._told(trouble)), "")

    def edit(self, change: Edit) -> Config:
        """Make CHANGE in the file; the configuration that it then holds.

        Raises ConfigurationError if the file is broken (and then leaves it alone) or cannot be
        written, and what the change itself raises (InvalidArgs, UnknownDisk).
        """
        with self._lock:
            for _ in range(TRIES):
                try:
                    return self._edit_once(change)
                except Overtaken:
                    continue
                except OSError as error:
                    raise ConfigurationError(
                        f"{self._path}: cannot be written: {error.strerror}; nothing was changed"
                    ) from error
        raise ConfigurationError(f"{self._path}: is being written by others; try again")

    def _edit_once(self, change: Edit) -> Config:
        source = self._read()
        old = text.decode(source.data if source else b"", self._path)
        config, _ = text.parse(old, self._path)
        toml = apply(old.toml, change, config)
        if toml == old.toml:
            return config
        data = old.encode(toml)
        if len(data) > text.SIZE_MAX:
            raise ConfigurationError(f"{self._path}: would become larger than 1 MiB")
        new, _ = text.parse(text.decode(data, self._path), self._path)
        replace(self._path, data, _NEW_FILE_MODE, lambda: text.read(self._path) == source)
        self._keep(_Good(data, new))
        return new

    def _read(self) -> text.Source | None:
        """The file, or None if it does not exist and never said anything.

        Raises ConfigurationError if it cannot be read, or has lost all that it said.
        """
        source = text.read(self._path)
        if source is None or not source.data.removeprefix(b"\xef\xbb\xbf").strip():
            good, trouble = self._recall()
            if trouble or (good and good.config != Config()):
                raise ConfigurationError(
                    f"{self._path}: is {'empty' if source else 'missing'};"
                    " to start afresh, write a comment into it"
                )
        return source

    def _last(self, error: str) -> Loaded:
        good, trouble = self._recall()
        if good:
            return Loaded(good.config, (), f"{error}; what it said last stays in force")
        return Loaded(Config(), self._told(trouble), f"{error}; the defaults are in force, no disk")

    def _recall(self) -> tuple[_Good | None, str]:
        """The last good content, if there was one, and why it cannot be had, if there is one."""
        if self._good is None:
            try:
                source = text.read(self._copy)
                if source is not None:
                    found = text.decode(source.data, self._copy)
                    self._good = _Good(source.data, text.parse(found, self._copy)[0])
            except ConfigurationError as error:
                return None, str(error)
        return self._good, ""

    def _keep(self, good: _Good) -> str:
        """Remember GOOD, here and on disk; what prevented the latter, in one line."""
        same = self._good is not None and self._good.data == good.data
        self._good = good
        if same:
            return ""
        try:
            kept = text.read(self._copy)
            if kept is None or kept.data != good.data:
                replace(self._copy, good.data, 0o600, lambda: True)
        except ConfigurationError as error:
            return str(error)
        except OSError as error:
            return f"{self._copy}: cannot be written: {error.strerror}"
        return ""

    @staticmethod
    def _told(trouble: str) -> tuple[Problem, ...]:
        return (Problem("", trouble),) if trouble else ()
