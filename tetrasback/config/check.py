"""From what the file says to the model, or to *every* problem with its path.

Nothing is corrected in silence: a value of the wrong type or out of bounds is a problem, and the
configuration as a whole is then refused. Keys nobody knows are only warned about, so that a file
written for a newer version still works.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, TypeVar

from tetrasback.config.forms import check_script_name, normalise_uuid, shown
from tetrasback.config.model import (
    DEFAULT_EXCLUDE,
    DEFAULT_SCRIPTS,
    AlertsConfig,
    BackupConfig,
    Config,
    DiskConfig,
    MailConfig,
    RetentionConfig,
    ScriptConfig,
)
from tetrasback.config.values import (
    Wrong,
    absolute,
    address,
    argument,
    boolean,
    count,
    days,
    disk_name,
    hours,
    kind,
    language,
    length_of_time,
    list_of,
    mail_word,
    minutes,
    nice,
    part_of_one,
    pattern,
    script_names,
    takes,
    unit,
)
from tetrasback.errors import ConfigurationError, InvalidArgs

DISKS_MAX: Final = 10_000
SCRIPTS_MAX: Final = 1_000
MESSAGE_MAX: Final = 1000
"""Characters in the one line that tells all problems."""

_BARE_KEY: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where (``disks."0b5a…".name``, ``mail.to[1]``) and what."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class ConfigProblems(ConfigurationError):
    """The configuration says things that cannot be; `problems` has them all."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(one_line(str(problem) for problem in problems))
        self.problems = problems


def one_line(texts: Iterable[str]) -> str:
    """TEXTS joined by "; " in at most MESSAGE_MAX characters, saying how many did not fit."""
    parts = list(texts)
    kept: list[str] = []
    size = 0
    for part in parts:
        if kept and size + len(part) > MESSAGE_MAX - 20:
            break
        kept.append(part[: MESSAGE_MAX - 20])
        size += len(part) + 2
    left = len(parts) - len(kept)
    return "; ".join(kept) + (f"; and {left} more" if left else "")


def child(path: str, key: str) -> str:
    """The path of KEY in the table at PATH, quoted as in TOML where a bare key cannot be sure."""
    part = key if _BARE_KEY.fullmatch(key) else shown(key)
    return f"{path}.{part}" if path else part


def check(mapping: Mapping[str, Any]) -> tuple[Config, tuple[Problem, ...]]:
    """The configuration that MAPPING (a parsed TOML document) stands for, and warnings.

    Raises ConfigProblems with every problem. The warnings are about keys that are not known.
    """
    problems: list[Problem] = []
    warnings: list[Problem] = []
    root = _Table(mapping, "", problems, warnings)
    config = Config(
        language=root.take("language", language, ""),
        backup=_backup(root.table("backup")),
        mail=_mail(root.table("mail")),
        alerts=_alerts(root.table("alerts")),
        retention=_retention(root.table("retention")),
        scripts=_scripts(root.table("scripts")),
        disks=_disks(root.table("disks")),
    )
    root.end()
    if problems:
        raise ConfigProblems(tuple(problems))
    return config, tuple(warnings)


class _Table:
    """A table being read: what is taken out of it is known, what is left at the end is not."""

    def __init__(
        self,
        values: Mapping[str, Any],
        path: str,
        problems: list[Problem],
        warnings: list[Problem],
    ) -> None:
        self.values = values
        self.path = path
        self.problems = problems
        self.warnings = warnings
        self._known: set[str] = set()

    def take(self, key: str, form: Callable[[Any], T], default: T) -> T:
        """The value of KEY in the form that FORM makes, or DEFAULT where it is absent or wrong."""
        self._known.add(key)
        if key not in self.values:
            return default
        try:
            return form(self.values[key])
        except Wrong as wrong:
            for below, message in wrong.faults:
                self.problem(child(self.path, key) + below, message)
            return default

    def table(self, key: str) -> "_Table":
        """The table at KEY; an empty one where it is absent or no table."""
        self._known.add(key)
        path = child(self.path, key)
        value = self.values.get(key, {})
        if not isinstance(value, Mapping):
            self.problem(path, f"must be a table, not {kind(value)}")
            value = {}
        return _Table(value, path, self.problems, self.warnings)

    def problem(self, path: str, message: str) -> None:
        self.problems.append(Problem(path, message))

    def end(self) -> None:
        """Warn about every key that nobody took."""
        for key in self.values:
            if key not in self._known:
                self.warnings.append(
                    Problem(child(self.path, key), "is not known and has no effect")
                )


def _backup(table: _Table) -> BackupConfig:
    found = BackupConfig(
        scripts=table.take("scripts", script_names, DEFAULT_SCRIPTS),
        source=table.take("source", absolute, "/"),
        nice=table.take("nice", nice, 10),
        timeout_hours=table.take("timeout_hours", hours, 24.0),
        spin_down=table.take("spin_down", boolean, False),
        exclude=table.take("exclude", list_of(pattern), DEFAULT_EXCLUDE),
        shrink_alert=table.take("shrink_alert", part_of_one, 0.5),
        verify_minutes=table.take("verify_minutes", minutes, 2.0),
    )
    table.end()
    return found


def _mail(table: _Table) -> MailConfig:
    default = MailConfig()
    found = MailConfig(
        to=table.take("to", list_of(address), default.to),
        on=table.take("on", list_of(mail_word), default.on),
        sendmail=table.take("sendmail", absolute, default.sendmail),
    )
    table.end()
    return found


def _alerts(table: _Table) -> AlertsConfig:
    found = AlertsConfig(
        stale_days=table.take("stale_days", days, 14.0),
        console=table.take("console", boolean, False),
    )
    table.end()
    return found


def _retention(table: _Table) -> RetentionConfig:
    found = RetentionConfig(
        keep_last=table.take("keep_last", count, 0),
        keep_daily=table.take("keep_daily", count, 0),
        keep_weekly=table.take("keep_weekly", count, 0),
        keep_monthly=table.take("keep_monthly", count, 0),
        keep_yearly=table.take("keep_yearly", count, 0),
        keep_within=table.take("keep_within", length_of_time, ""),
    )
    table.end()
    return found


def _scripts(table: _Table) -> Mapping[str, ScriptConfig]:
    _bounded(table, SCRIPTS_MAX, "scripts")
    found: dict[str, ScriptConfig] = {}
    for name in table.values:
        entry = table.table(name)
        try:
            check_script_name(name)
        except InvalidArgs as error:
            table.problem(entry.path, str(error))
        found[name] = ScriptConfig(
            args=entry.take("args", list_of(argument), ()),
            takes=entry.take("takes", takes, ""),
            interrupt=entry.take("interrupt", list_of(unit), ()),
        )
        entry.end()
    return MappingProxyType(found)


def _disks(table: _Table) -> Mapping[str, DiskConfig]:
    _bounded(table, DISKS_MAX, "disks")
    found: dict[str, DiskConfig] = {}
    names: dict[str, str] = {}
    for key in table.values:
        entry = table.table(key)
        try:
            uuid = normalise_uuid(key)
        except InvalidArgs as error:
            table.problem(entry.path, str(error))
            uuid = key
        if uuid in found:
            table.problem(entry.path, "is the same disk as another one above; keep one of them")
            continue
        disk = _disk(entry)
        found[uuid] = disk
        if disk.name and disk.name in names:
            table.problem(
                f"{entry.path}.name",
                f"{shown(disk.name)} is the name of {names[disk.name]} already; change one of them",
            )
        names.setdefault(disk.name, uuid)
    return MappingProxyType(found)


def _disk(entry: _Table) -> DiskConfig:
    if "name" not in entry.values:
        entry.problem(f"{entry.path}.name", "is missing; every saved disk needs a name")
    disk = DiskConfig(
        name=entry.take("name", disk_name, ""),
        scripts=entry.take("scripts", script_names, None),
        stale_days=entry.take("stale_days", days, None),
        retention=_retention(entry.table("retention")) if "retention" in entry.values else None,
    )
    entry.end()
    return disk


def _bounded(table: _Table, limit: int, what: str) -> None:
    if len(table.values) > limit:
        table.problem(table.path, f"has {len(table.values)} {what}; at most {limit} are served")
        table.values = {}
