"""The script directories: which scripts there are, and which of them may be run as root."""

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from tetrasback.adapters import trust
from tetrasback.config.forms import check_script_name, shown
from tetrasback.errors import InvalidArgs
from tetrasback.ports import ScriptFile

DEFAULT_DIRECTORIES: Final = (
    Path("/usr/local/lib/tetras-back"),
    Path("/usr/lib/tetras-back/scripts"),
)
LIMIT: Final = 1000
"""Scripts that are listed; more is a mistake, and would swell the bus."""


class ScriptDirectories:
    """Directories in the order in which they are searched: a name is taken from the first.

    ``owner`` is the user whose files may be run.
    """

    def __init__(
        self, directories: Sequence[Path | str] = DEFAULT_DIRECTORIES, owner: int = 0
    ) -> None:
        self._directories = tuple(Path(directory) for directory in directories)
        self._owner = owner

    def scripts(self) -> Sequence[ScriptFile]:
        """Every executable file, by name; the first directory wins, at most `LIMIT`."""
        found: dict[str, ScriptFile] = {}
        for directory in self._directories:
            for name in _names(directory):
                if name not in found and _is_candidate(directory / name):
                    found[name] = self._judge(directory / name)
        return [found[name] for name in sorted(found)[:LIMIT]]

    def find(self, name: str, takes: str = "") -> ScriptFile:
        """The script of this name, with what forbids to run it, if anything, in `problem`.

        TAKES is as configured: a script that hides one of a later directory is refused until it
        is said what it takes, since it may be the original's, which wants the device. Where there
        is none, ``path`` is empty and ``problem`` says so.
        """
        try:
            check_script_name(name)
        except InvalidArgs as error:
            return ScriptFile(name, "", str(error))
        holders = [place for place in self._directories if os.path.lexists(place / name)]
        if not holders:
            where = " or ".join(str(directory) for directory in self._directories)
            return ScriptFile(
                name, "", f"there is no script {shown(name)} in {where}; put it there"
            )
        script = self._judge(holders[0] / name)
        if not script.problem and len(holders) > 1 and not takes:
            return ScriptFile(
                name,
                script.path,
                f"{script.path} hides {holders[1] / name}; say in the configuration what it takes"
                f' ([scripts."{name}"], takes = "mount" or "device"), or rename it',
            )
        return script

    def _judge(self, path: Path) -> ScriptFile:
        return ScriptFile(path.name, str(path), trust.problem(path, self._owner))


def _names(directory: Path) -> Iterable[str]:
    """The acceptable names in DIRECTORY; none if it is not there."""
    names = []
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if _acceptable(entry.name):
                    names.append(entry.name)
    except OSError:
        return []
    return names


def _acceptable(name: str) -> bool:
    try:
        name.encode("utf-8")  # a name of odd bytes could not be written on the bus
        check_script_name(name)
    except (InvalidArgs, UnicodeEncodeError):
        return False
    return True


def _is_candidate(path: Path) -> bool:
    """Whether it looks like a script: executable. Others (lib.sh, data) are not listed."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return path.is_symlink()  # dangling: better shown with its problem than hidden
    return stat.S_ISREG(mode) and bool(mode & 0o111)
