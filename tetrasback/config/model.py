"""What the configuration says, once it has been checked.

Frozen and made of the standard library only, so that the core can decide upon it. A `Config()`
without arguments holds every default. How each value may look is said in `check`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Final

DEFAULT_SCRIPTS: Final = ("backup_nocloud.sh",)
MAIL_WORDS: Final = ("success", "warning", "failed", "interrupted", "cancelled", "rejected")
TAKES: Final = ("mount", "device")


def _empty() -> Mapping[str, Any]:
    return MappingProxyType({})


DEFAULT_EXCLUDE: Final = (
    "/home/*/.cache/*",
    "/home/*/.local/share/Trash/*",
    "/home/*/.thumbnails/*",
    "/home/*/.mozilla/firefox/*/cache2/*",
    "/root/.cache/*",
)
"""Caches, which their programs make anew."""


@dataclass(frozen=True, slots=True)
class BackupConfig:
    """``[backup]``: what every backup does."""

    scripts: tuple[str, ...] = DEFAULT_SCRIPTS
    """The enabled scripts, in the order in which they run."""
    source: str = "/"
    """Root of what is saved, an absolute path."""
    nice: int = 10
    timeout_hours: float = 24
    """Hours after which a script that still runs is stopped."""
    spin_down: bool = False
    exclude: tuple[str, ...] = DEFAULT_EXCLUDE
    """Patterns as in rsync(1), relative to the source."""
    shrink_alert: float = 0.5
    """A source with less than this part of the files or bytes of its last backup is suspicious."""
    verify_minutes: float = 2
    """So long after each backup, older content is read again."""


@dataclass(frozen=True, slots=True)
class RetentionConfig:
    """``[retention]``: which backups are kept though nobody needs the room. 0, '' = no rule."""

    keep_last: int = 0
    keep_daily: int = 0
    keep_weekly: int = 0
    keep_monthly: int = 0
    keep_yearly: int = 0
    keep_within: str = ""
    """A length of time such as ``30d`` or ``1y6m``."""

    @property
    def rules(self) -> str:
        """As a script is told: ``last=3 daily=7 within=1m``; '' = all are kept."""
        named = {item.name.removeprefix("keep_"): getattr(self, item.name) for item in fields(self)}
        return " ".join(f"{name}={value}" for name, value in named.items() if value)


@dataclass(frozen=True, slots=True)
class MailConfig:
    """``[mail]``: who is told by mail, and of what."""

    to: tuple[str, ...] = ("root",)
    """Addresses; none = no mail."""
    on: tuple[str, ...] = MAIL_WORDS
    sendmail: str = "/usr/sbin/sendmail"


@dataclass(frozen=True, slots=True)
class AlertsConfig:
    """``[alerts]``."""

    stale_days: float = 14
    """Days without a good backup after which a disk is called stale; 0 = never."""
    console: bool = False


@dataclass(frozen=True, slots=True)
class ScriptConfig:
    """``[scripts."NAME"]``: how one script is run."""

    args: tuple[str, ...] = ()
    takes: str = ""
    """``mount`` or ``device``; empty = not said."""
    interrupt: tuple[str, ...] = ()
    """systemd units stopped while it runs."""


@dataclass(frozen=True, slots=True)
class DiskConfig:
    """``[disks."UUID"]``: one saved disk."""

    name: str
    scripts: tuple[str, ...] | None = None
    """Instead of `BackupConfig.scripts`; None = those."""
    stale_days: float | None = None
    """Instead of `AlertsConfig.stale_days`; None = that."""
    retention: RetentionConfig | None = None
    """Instead of `Config.retention`; None = that."""


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration; `disks` by normalised UUID, in the order of the file."""

    language: str = ""
    """Of mails, such as ``fr``; empty = the system's."""
    backup: BackupConfig = BackupConfig()
    mail: MailConfig = MailConfig()
    alerts: AlertsConfig = AlertsConfig()
    retention: RetentionConfig = RetentionConfig()
    scripts: Mapping[str, ScriptConfig] = field(default_factory=_empty)
    disks: Mapping[str, DiskConfig] = field(default_factory=_empty)

    def retention_of(self, uuid: str) -> RetentionConfig:
        """What is in force for one disk."""
        disk = self.disks.get(uuid)
        return disk.retention if disk is not None and disk.retention else self.retention
