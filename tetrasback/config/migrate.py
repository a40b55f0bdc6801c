"""Take over the original's configuration: what of it becomes ours, and what a person must know.

`perl.read_perl` makes data of the file, `plan_import` makes of the data one edit of the
configuration, the last backups for the history, and remarks on all that could not be carried over.
The same file imported twice changes nothing more.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tetrasback.config.edits import Merge
from tetrasback.config.forms import (
    DISK_NAME_MAX,
    check_script_name,
    has_control,
    normalise_uuid,
    shown,
)
from tetrasback.config.model import DEFAULT_SCRIPTS, Config, ScriptConfig
from tetrasback.config.values import LIST_MAX, Wrong, argument, unit
from tetrasback.errors import InvalidArgs
from tetrasback.perl import client_remark, fifo_clients

SHIPPED: Final = frozenset(("backup_nocloud.sh", "backup_demo-tibox.sh"))
SCRIPT_DIRECTORY: Final = "/usr/local/lib/tetras-back"

DISKS_MAX: Final = 256
"""Nobody has more; without a bound, a file of 256 KiB could keep the daemon busy for minutes."""

_KNOWN_KEYS: Final = frozenset(("DISKS", "SCRIPTS", "CLIENTS", "fifo", "scriptdir"))
_ARCHIVING: Final = frozenset(("--config", "--mysql", "--postgresql"))
_CARRIED_OPTIONS: Final = _ARCHIVING | {"--data"}
_DIRECTORIES: Final = {"--unifi": "/var/lib/unifi"}
"""Options that only stood for a directory in the archive."""
_STATUS: Final = re.compile(r"(.*?)\s*\b([0-9]{9,10})(?:\.[0-9]+)?\s*", re.DOTALL)
_EPOCH: Final = re.compile(r"[0-9]{9,10}")
_BAD_WORDS: Final = re.compile(
    r"échou|échec|echec|echou|erreur|impossible|incompl|fail|error|abort|unsucc"
    r"|\b(?:pas|non|not|no|sans)\b",
    re.IGNORECASE,
)
_GONE_WORDS: Final = re.compile(
    r"interromp|débranch|retiré|arrach|pulled|unplugged|interrupt", re.IGNORECASE
)
_GOOD_WORDS: Final = re.compile(
    r"réussi|effectué|terminé|succès|success|complete|\bdone\b|\bok\b", re.I
)


@dataclass(frozen=True, slots=True)
class LastBackup:
    """What the original said of a disk's last backup."""

    uuid: str
    name: str
    finished_at: int
    """µs since the epoch."""
    verdict: str
    """``success``, ``failed`` or ``interrupted``, told from its words; in doubt ``failed``."""
    message: str


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import does."""

    merge: Merge
    remarks: tuple[str, ...]
    history: tuple[LastBackup, ...]
    clients: tuple[str, ...]
    """FIFOs that were registered; whoever asked for the import registers them with the relay."""
    seen: tuple[tuple[str, int], ...] = ()
    """UUIDs of disks, and when each was last plugged in: µs since the epoch."""


@dataclass(slots=True)
class _Notes:
    remarks: list[str] = field(default_factory=list)
    history: list[LastBackup] = field(default_factory=list)
    seen: list[tuple[str, int]] = field(default_factory=list)

    def remark(self, text: str) -> None:
        self.remarks.append("".join(char if char.isprintable() else "?" for char in text))


def plan_import(
    data: Mapping[str, Any], config: Config, known_scripts: Mapping[str, bool]
) -> ImportPlan:
    """What to do with DATA (from `read_perl`) where CONFIG is in force.

    KNOWN_SCRIPTS has every script of the script directories by name, and whether its file is fit to
    run as it is: a shipped one is not where the original's own of the same name hides it. Raises
    InvalidArgs if DATA is no configuration of the original.
    """
    if not {"DISKS", "SCRIPTS"} & data.keys():
        raise InvalidArgs("this is no configuration of the original: no DISKS and no SCRIPTS in it")
    notes = _Notes()
    disks = dict(_disks(_table(_table(data, "DISKS"), "KNOWN"), config, notes))
    enabled, tables = _scripts(_scripts_table(data), config, known_scripts, notes)
    clients = fifo_clients(data)
    for path in clients:
        notes.remark(client_remark(path))
    if "fifo" in data:
        notes.remark("the command FIFO is gone: use the tetras-back command, it has the same flags")
    directory = str(data.get("scriptdir") or SCRIPT_DIRECTORY)
    if directory.rstrip("/") != SCRIPT_DIRECTORY:
        notes.remark(
            f"scriptdir {shown(directory)} is not carried over: move its scripts to"
            f" {SCRIPT_DIRECTORY}, or start the service with --script-dir"
        )
    for key in data:
        if key not in _KNOWN_KEYS:
            notes.remark(f"{shown(key)} is not known and is not carried over")
    merge = Merge(disks=disks, enabled=enabled, scripts=tables)
    return ImportPlan(merge, tuple(notes.remarks), tuple(notes.history), clients, tuple(notes.seen))


def _table(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = data.get(key)
    if found is None:
        return {}
    if not isinstance(found, Mapping):
        raise InvalidArgs(f"{key} of the Perl configuration must be a hash")
    return found


def _scripts_table(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """SCRIPTS by name; the first versions had a plain list of those that were enabled."""
    listed = data.get("SCRIPTS")
    if isinstance(listed, list):
        if not all(isinstance(name, str) for name in listed):
            raise InvalidArgs(
                "SCRIPTS of the Perl configuration must be a hash, or a list of names"
            )
        return dict.fromkeys(listed, 1)
    return _table(data, "SCRIPTS")


def _disks(known: Mapping[str, Any], config: Config, notes: _Notes) -> Iterator[tuple[str, str]]:
    """New disks and their names."""
    if len(known) > DISKS_MAX:
        raise InvalidArgs(
            f"the Perl configuration knows {len(known)} disks; at most {DISKS_MAX} are taken over"
        )
    taken = {disk.name for disk in config.disks.values()}
    seen = set(config.disks)
    for key, value in known.items():
        try:
            uuid = normalise_uuid(key)
        except InvalidArgs:
            notes.remark(f"disk {shown(key)} is left out: this is not the UUID of a file system")
            continue
        entry = value if isinstance(value, Mapping) else {"name": value}
        wanted = "" if entry.get("name") is None else str(entry["name"])
        if uuid in seen:
            name = config.disks[uuid].name if uuid in config.disks else wanted
            if name != wanted:
                notes.remark(f"disk {uuid} keeps its name {shown(name)}; it was {shown(wanted)}")
        else:
            name = _free_name(wanted, uuid, taken)
            if name != wanted:
                notes.remark(f"disk {uuid} is called {shown(name)}: {shown(wanted)} cannot be used")
            taken.add(name)
            yield uuid, name
        seen.add(uuid)
        notes.history.extend(_last_backup(uuid, name, entry.get("last_backup"), notes))
        epoch = str(entry.get("last_seen"))  # or a word: never
        if _EPOCH.fullmatch(epoch):
            notes.seen.append((uuid, int(epoch) * 1_000_000))


def _free_name(wanted: str, uuid: str, taken: set[str]) -> str:
    """WANTED as a name that a disk can have and no other disk has."""
    base = "".join(char for char in wanted if not has_control(char)).strip().lstrip("-").strip()
    base = base or f"disk {uuid[:8]}"
    name, number = base[:DISK_NAME_MAX].rstrip(), 1
    while name in taken:
        number += 1
        suffix = f" ({number})"
        name = base[: DISK_NAME_MAX - len(suffix)].rstrip() + suffix
    return name


def _last_backup(uuid: str, name: str, status: Any, notes: _Notes) -> Iterator[LastBackup]:
    """From a sentence, a space and the epoch."""
    if status in (None, "", "Never", 0, "0"):
        return
    match = _STATUS.fullmatch(str(status))
    if match is None:
        notes.remark(
            f"the last backup of disk {shown(name)} is not understood: {shown(str(status))}"
        )
        return
    words = "".join(char for char in match[1] if char.isprintable())[:200]
    if _BAD_WORDS.search(words):
        verdict = "failed"
    elif _GONE_WORDS.search(words):
        verdict = "interrupted"
    else:
        verdict = "success" if _GOOD_WORDS.search(words) else "failed"
    yield LastBackup(uuid, name, int(match[2]) * 1_000_000, verdict, words)


def _scripts(
    scripts: Mapping[str, Any], config: Config, known: Mapping[str, bool], notes: _Notes
) -> tuple[tuple[str, ...] | None, dict[str, ScriptConfig]]:
    """The enabled scripts from now on (None = as they are), and the tables to add."""
    if len(scripts) > LIST_MAX:
        raise InvalidArgs(
            f"the Perl configuration has {len(scripts)} scripts; at most {LIST_MAX} are taken over"
        )
    enabled: list[str] = []
    tables: dict[str, ScriptConfig] = {}
    # The default was nobody's choice: what was enabled takes its place, and is added to a choice.
    chosen = () if config.backup.scripts == DEFAULT_SCRIPTS else config.backup.scripts
    for name, value in scripts.items():
        try:
            check_script_name(name)
        except InvalidArgs:
            notes.remark(f"script {shown(name)} is left out: this is not the name of a file")
            continue
        if value is None or str(value) == "0":
            continue
        if name not in known:
            notes.remark(
                f"script {shown(name)} is left out, there is no such file: copy it to"
                f" {SCRIPT_DIRECTORY} and import again"
            )
            continue
        try:
            words = [] if str(value) == "1" else shlex.split(str(value))
            table, fit = _script(name, [argument(word) for word in words], known[name], notes)
        except (ValueError, Wrong):
            notes.remark(f"script {shown(name)} is left out: its arguments cannot be read")
            continue
        if fit:
            enabled.append(name)
        if name in config.scripts or name in chosen:
            if config.scripts.get(name, ScriptConfig()) != table:
                notes.remark(f"script {shown(name)} keeps the settings it has here")
        elif table != ScriptConfig():
            tables[name] = table
    if not enabled:
        if scripts:
            notes.remark("no script was enabled: what is enabled here stays so")
        return None, tables
    return (*chosen, *(name for name in enabled if name not in chosen)), tables


def _script(name: str, words: list[str], fit: bool, notes: _Notes) -> tuple[ScriptConfig, bool]:
    """The settings of a script with its original arguments, and whether to enable it."""
    if len(words) > LIST_MAX:
        raise ValueError
    if name not in SHIPPED or not fit:
        # Written for the original: it mounts the device itself.
        if name in SHIPPED:
            notes.remark(
                f"script {shown(name)} in {SCRIPT_DIRECTORY} is the original's and gets the device,"
                " as before; to use this version's, move it away and take its table out of the"
                " configuration"
            )
        if any(word.partition("=")[0] == "--encfs" for word in words):
            notes.remark(
                f"the settings of script {shown(name)} hold a password:"
                " see that only root can read the configuration file"
            )
        return ScriptConfig(args=tuple(words), takes="device"), True
    args: list[str] = []
    units: list[str] = []
    enable = True
    rest = iter(words)
    for word in rest:
        option, _, value = word.partition("=")
        if option in _CARRIED_OPTIONS:
            args.append(option)
        elif option in _DIRECTORIES:
            args += ["--also", _DIRECTORIES[option]]
        elif option == "--interrupt":
            for item in filter(None, (value or next(rest, "")).split(",")):
                units.append(unit(item if "." in item else f"{item}.service"))
        elif option == "--encfs":
            if not value:
                next(rest, "")
            enable = False
            notes.remark(
                f"script {shown(name)} is not enabled: it encrypted with encfs, ours does not;"
                " encrypt the disk, or enable it as it is with tetras-backctl enable"
            )
        elif option != "--verbose":
            if option == "--seafile" and not value:
                next(rest, "")
            notes.remark(f"script {shown(name)}: {shown(option)} is not carried over")
    if _ARCHIVING.intersection(args):
        notes.remark(
            f"script {shown(name)} archives /etc, /srv, /var/www and /root; if your version of the"
            " original also archived /usr, /lib, /opt and /var/opt, add --also /opt and so on"
        )
    return ScriptConfig(args=tuple(args), interrupt=tuple(units)), enable
