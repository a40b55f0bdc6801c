"""What the daemon may change in the configuration file, as values, and how a text is changed.

An edit knows nothing of files: it says which paths get which values, `apply` does that to the
text and proves the result.
"""

import copy
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tetrasback.config.forms import normalise_uuid, shown
from tetrasback.config.model import Config, ScriptConfig
from tetrasback.errors import ConfigurationError, InvalidArgs, UnknownDisk

Path = tuple[str, ...]
Step = tuple[Path, str | list[str] | None]
"""A path and its new value; None takes it out."""


@dataclass(frozen=True, slots=True)
class SaveDisk:
    """Save a disk under a name, or give a saved one another name."""

    uuid: str
    name: str

    def steps(self, mapping: Mapping[str, Any], config: Config) -> Iterator[Step]:
        """What to change in a file that says MAPPING. Raises InvalidArgs if the name is taken."""
        for uuid, disk in config.disks.items():
            if disk.name == self.name and uuid != self.uuid:
                raise InvalidArgs(
                    f"the name {shown(self.name)} belongs to disk {uuid} already; choose another"
                )
        yield ("disks", _key(mapping, self.uuid), "name"), self.name


@dataclass(frozen=True, slots=True)
class ForgetDisk:
    """Take a disk and all that is said about it out."""

    uuid: str

    def steps(self, mapping: Mapping[str, Any], config: Config) -> Iterator[Step]:
        """What to change in the file. Raises UnknownDisk if it is not saved."""
        if self.uuid not in config.disks:
            raise UnknownDisk(f"no disk {self.uuid} is saved; see tetras-backctl disks")
        yield ("disks", _key(mapping, self.uuid)), None


@dataclass(frozen=True, slots=True)
class EnableScripts:
    """Enable these scripts, in this order, and no others."""

    names: tuple[str, ...]

    def steps(self, mapping: Mapping[str, Any], config: Config) -> Iterator[Step]:
        """What to change in the file."""
        del mapping, config
        yield ("backup", "scripts"), list(self.names)


@dataclass(frozen=True, slots=True)
class Merge:
    """Add what an import brought; see `migrate.plan_import`, which makes it."""

    disks: Mapping[str, str] = field(default_factory=dict)
    """New disks: UUID → name."""
    enabled: tuple[str, ...] | None = None
    """The enabled scripts from now on; None = as they are."""
    scripts: Mapping[str, ScriptConfig] = field(default_factory=dict)
    """Tables of scripts that have none yet."""

    def steps(self, mapping: Mapping[str, Any], config: Config) -> Iterator[Step]:
        """What to change in the file. Raises InvalidArgs if a name is taken."""
        for uuid, name in self.disks.items():
            yield from SaveDisk(uuid, name).steps(mapping, config)
        if self.enabled is not None:
            yield ("backup", "scripts"), list(self.enabled)
        for name, script in self.scripts.items():
            if script.args:
                yield ("scripts", name, "args"), list(script.args)
            if script.takes:
                yield ("scripts", name, "takes"), script.takes
            if script.interrupt:
                yield ("scripts", name, "interrupt"), list(script.interrupt)


Edit = SaveDisk | ForgetDisk | EnableScripts | Merge


def apply(text: str, edit: Edit, config: Config) -> str:
    """TEXT, a valid configuration that says CONFIG, changed by EDIT; itself if nothing changes.

    The result is read again and must say what TEXT says but for the edit: where the file is
    written in a way that cannot be edited so, ConfigurationError says to do it by hand. Raises
    what the edit raises.
    """
    before = _exact(text)
    steps = [step for step in edit.steps(before, config) if not _holds(before, *step)]
    if not steps:
        return text
    # Imported here: a daemon that edits nothing need not hold tomlkit in memory.
    from tomlkit.exceptions import TOMLKitError

    from tetrasback.config.document import Document

    wanted = copy.deepcopy(before)
    try:
        document = Document(text)
        for path, value in steps:
            if value is None:
                document.remove(path)
            else:
                document.set(path, value)
            _change(wanted, path, value)
        result = document.text()
        same = _filled(_exact(result)) == _filled(wanted)
    except (TOMLKitError, tomllib.TOMLDecodeError):
        same = False
    if not same:
        raise ConfigurationError(
            f"the file writes {steps[0][0][0]} in a way that cannot be edited safely;"
            " nothing was changed, edit it by hand"
        )
    return result


def _key(mapping: Mapping[str, Any], uuid: str) -> str:
    """How the file spells UUID, which is normalised, as a key of its disks."""
    for key in mapping.get("disks", {}):
        if normalise_uuid(key) == uuid:
            return str(key)
    return uuid


def _exact(text: str) -> dict[str, Any]:
    # Numbers as they are written, for a comparison that no rounding and no NaN can fool.
    return tomllib.loads(text, parse_float=lambda number: ("float", number))


def _holds(mapping: Mapping[str, Any], path: Path, value: str | list[str] | None) -> bool:
    found: Any = mapping
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return bool(found == value)


def _change(mapping: dict[str, Any], path: Path, value: str | list[str] | None) -> None:
    for key in path[:-1]:
        mapping = mapping.setdefault(key, {})
    if value is None:
        del mapping[path[-1]]
    else:
        mapping[path[-1]] = value


def _filled(mapping: dict[str, Any]) -> dict[str, Any]:
    """MAPPING without empty tables at the top: whether ``[disks]`` is written says nothing."""
    return {key: value for key, value in mapping.items() if value != {}}
