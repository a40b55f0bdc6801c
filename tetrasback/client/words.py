"""The contract's words in a person's, in one place so that a translation has one place to go.

Each table maps a word of the bus to English. `say` shows a word that a newer daemon may have added
as it is.
"""

from collections.abc import Mapping
from typing import Final

from tetrasback.client.text import clean

DISK_STATES: Final[Mapping[str, str]] = {
    "absent": "not plugged in",
    "unknown": "unknown disk",
    "plugged": "plugged in",
    "queued": "waiting its turn",
    "running": "backup running",
    "held": "still in use",
    "safe-to-unplug": "safe to unplug",
    "rejected": "cannot be used",
}

REASONS: Final[Mapping[str, str]] = {
    "duplicate-uuid": "two plugged disks carry the same UUID; unplug one of them",
    "unsupported-filesystem": "its file system cannot hold a server's files; back up what is on it,"
    " then format it with ext4",
    "encrypted": "it is encrypted; format it with ext4 or use another disk",
    "mounted-elsewhere": "it is mounted by somebody else; unmount it first",
    "in-use": "a program still uses it; do not pull it out yet",
    "read-only": "it is write-protected; look for a switch on it, or use another disk",
    "damaged": "its file system is damaged; have it repaired with fsck",
    "identity": "what was mounted is not the disk that was plugged in; unplug it and try again",
    "foreign-file": "it is a file that is not root's and only looks like a disk; use a real one",
    "system-disk": "it holds the running system or its swap",
    "other-partition": "another partition of the same disk is still in use",
}

PHASES: Final[Mapping[str, str]] = {
    "queued": "waiting its turn",
    "mounting": "opening the disk",
    "running": "copying",
    "finishing": "writing everything to the disk",
    "done": "done",
}

STEPS: Final[Mapping[str, str]] = {
    "sync": "writing everything to the disk",
    "mount": "opening the disk",
    "unmount": "closing the disk",
}
"""The daemon's own steps; a script's labels are shown as they are."""

TRIGGERS: Final[Mapping[str, str]] = {
    "plug": "plugged in",
    "request": "asked for",
}

VERDICTS: Final[Mapping[str, str]] = {
    "success": "success",
    "warning": "complete, with warnings",
    "failed": "FAILED",
    "cancelled": "cancelled",
    "interrupted": "INTERRUPTED",
    "": "running",
}

CODES: Final[Mapping[str, str]] = {
    "": "",
    "source-unreadable": "some files could not be read",
    "script-warning": "a script gave a warning",
    "units-not-started": "a service stopped for the backup could not be started again",
    "script-failed": "a script failed",
    "script-refused": "a script may not be run",
    "no-scripts": "no script is enabled",
    "timed-out": "a script took too long and was stopped",
    "source-shrunk": "what is saved has shrunk suspiciously; old backups were kept",
    "disk-full": "the disk is full",
    "disk-error": "the disk reports errors",
    "disk-gone": "the disk was pulled out, or failed, before the end",
    "unmount-failed": "the disk could not be closed",
    "history": "the history could not be written",
    "cancelled": "somebody cancelled it",
    "unplug-requested": "somebody asked to unplug the disk",
    "forgotten": "the disk was forgotten",
    "daemon-stopped": "the service was stopped",
    "daemon-died": "the service or the server stopped unexpectedly",
}

ALERTS: Final[Mapping[str, str]] = {
    "configuration": "the configuration has an error",
    "history": "the history cannot be written",
    "failed": "the last backup failed",
    "interrupted": "the last backup was interrupted",
    "rejected": "the disk cannot be used",
    "held": "still in use: do not pull it out",
    "units-stopped": "services stopped for a backup are not running again",
    "stale": "no good backup for a long time",
    "never-backed-up": "never backed up",
    "warning": "the last backup had warnings",
    "cancelled": "the last backup was cancelled",
    "unknown-disk": "unknown disk",
    "safe-to-unplug": "safe to unplug",
}
"""For an alert without a message of its own."""

ALERT_LEVELS: Final[Mapping[str, str]] = {
    "configuration": "error",
    "history": "error",
    "failed": "error",
    "interrupted": "error",
    "rejected": "error",
    "held": "error",
    "units-stopped": "error",
    "stale": "warning",
    "never-backed-up": "warning",
    "warning": "warning",
    "cancelled": "warning",
    "unknown-disk": "info",
    "safe-to-unplug": "good",
}
"""How bad: error, warning, info, good."""

FILESYSTEM_ADVICE: Final = (
    "its file system ({type}) cannot hold a server's files; save what is on it,"
    " then format it with ext4"
)
ENCRYPTED_ADVICE: Final = "it is encrypted; format it with ext4, or use another disk"
SUPPORTED_FILESYSTEMS: Final = frozenset({"ext4", "xfs", "btrfs"})


def say(table: Mapping[str, str], word: str) -> str:
    """WORD in a person's words; one that is not in TABLE as it is, made safe to print."""
    return table[word] if word in table else clean(word, 80)


def filesystem_advice(fstype: str) -> str:
    """Why no backup can go onto this file system and what to do; empty where one can."""
    if fstype in SUPPORTED_FILESYSTEMS:
        return ""
    if fstype == "crypto_LUKS":
        return ENCRYPTED_ADVICE
    return FILESYSTEM_ADVICE.format(type=clean(fstype, 20) or "unknown")
