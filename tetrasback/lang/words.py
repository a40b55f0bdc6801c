"""The contract's words in a person's, in one place for all who say them.

Each table maps a word of the bus to English, marked for translation; `say` says it in the reader's
language, and a word that a newer daemon may have added as it is.
"""

from collections.abc import Mapping
from typing import Final

from tetrasback.lang.i18n import N_, NP_, _, pgettext
from tetrasback.lang.text import clean

DISK_STATES: Final[Mapping[str, str]] = {
    "absent": N_("not plugged in"),
    "unknown": N_("unknown disk"),
    "plugged": N_("plugged in"),
    "queued": N_("waiting its turn"),
    "running": N_("backup running"),
    "held": N_("still in use"),
    "safe-to-unplug": N_("safe to unplug"),
    "rejected": N_("cannot be used"),
}

REASONS: Final[Mapping[str, str]] = {
    "duplicate-uuid": N_("two plugged disks carry the same UUID; unplug one of them"),
    "unsupported-filesystem": N_(
        "its file system cannot hold a server's files; save what is on it, forget the disk,"
        " then make it ext4 with tetras-backctl prepare"
    ),
    "encrypted": N_("it is encrypted; make it ext4 with tetras-backctl prepare, or use another"),
    "mounted-elsewhere": N_("it is mounted by somebody else; unmount it first"),
    "in-use": N_("a program still uses it; do not pull it out yet"),
    "read-only": N_("it is write-protected; look for a switch on it, or use another disk"),
    "damaged": N_("its file system is damaged; have it repaired with fsck"),
    "identity": N_("what was mounted is not the disk that was plugged in; unplug it and try again"),
    "foreign-file": N_(
        "it is a file that is not root's and only looks like a disk; use a real one"
    ),
    "system-disk": N_("it holds the running system or its swap"),
    "other-partition": N_("another partition of the same disk is still in use"),
    "job": N_("backups on it are being read; do not pull it out yet"),
}

PHASES: Final[Mapping[str, str]] = {
    "queued": N_("waiting its turn"),
    "mounting": N_("opening the disk"),
    "running": N_("copying"),
    "finishing": N_("writing everything to the disk"),
    "done": N_("done"),
}

STEPS: Final[Mapping[str, str]] = {
    "sync": N_("writing everything to the disk"),
    "mount": N_("opening the disk"),
    "unmount": N_("closing the disk"),
}
"""The daemon's own steps; for those of scripts see `LABELS`."""

LABELS: Final[Mapping[str, str]] = {
    "sync": N_("sync"),
    "mount": N_("mount"),
    "unmount": N_("unmount"),
    # TRANSLATORS: room is being made on the disk
    "room": N_("room"),
    # TRANSLATORS: the users' home directories are being copied
    "home": N_("home"),
    "databases": N_("databases"),
    "archive": N_("archive"),
    # TRANSLATORS: the copy is compared with its source
    "compare": N_("compare"),
    # TRANSLATORS: what lies on the disk is read again
    "verify": N_("verify"),
    "done": N_("done"),
}
"""What a step is called in short. Those of scripts of others are shown as they are."""

PREPARING: Final[Mapping[str, str]] = {
    "erase": N_("erasing what is on it"),
    "partition": N_("making the partition table"),
    "format": N_("making the file system"),
    "check": N_("writing everything to the disk, and reading it back"),
    "save": N_("saving it as a backup disk"),
}
"""What is done to a disk that is prepared."""

TRIGGERS: Final[Mapping[str, str]] = {
    "plug": NP_("trigger", "plugged in"),
    "request": NP_("trigger", "asked for"),
}

JOB_KINDS: Final[Mapping[str, str]] = {
    "restore": NP_("job", "restore"),
    "verify": NP_("job", "verification"),
}
"""What is done with a backup that was made."""

VERDICTS: Final[Mapping[str, str]] = {
    "success": N_("success"),
    "warning": N_("complete, with warnings"),
    "failed": N_("FAILED"),
    "cancelled": N_("cancelled"),
    "interrupted": N_("INTERRUPTED"),
    "": N_("running"),
}

VERDICT_WORDS: Final[Mapping[str, str]] = {
    "success": NP_("verdict", "success"),
    "warning": NP_("verdict", "warning"),
    "failed": NP_("verdict", "failed"),
    "cancelled": NP_("verdict", "cancelled"),
    "interrupted": NP_("verdict", "interrupted"),
    "": NP_("verdict", "running"),
}
"""The verdict in one word, for tables."""

CODES: Final[Mapping[str, str]] = {
    "": "",
    "source-unreadable": N_("some files could not be read"),
    "script-warning": N_("a script gave a warning"),
    "units-not-started": N_("a service stopped for the backup could not be started again"),
    "script-failed": N_("a script failed"),
    "script-refused": N_("a script may not be run"),
    "no-scripts": N_("no script is enabled"),
    "timed-out": N_("a script took too long and was stopped"),
    "source-shrunk": N_("what is saved has shrunk suspiciously; old backups were kept"),
    "disk-full": N_("the disk is full"),
    "disk-error": N_("the disk reports errors"),
    "disk-gone": N_("the disk was pulled out, or failed, before the end"),
    "unmount-failed": N_("the disk could not be closed"),
    "history": N_("the history could not be written"),
    "cancelled": N_("somebody cancelled it"),
    "unplug-requested": N_("somebody asked to unplug the disk"),
    "forgotten": N_("the disk was forgotten"),
    "held": N_("the disk was held back, to be restored from"),
    "daemon-stopped": N_("the service was stopped"),
    "daemon-died": N_("the service or the server stopped unexpectedly"),
}

JOB_CODES: Final[Mapping[str, str]] = {
    "no-snapshot": N_("the disk holds no such backup"),
    "no-manifest": N_("the backup has no manifest"),
    "unproved": N_("the backup is not proved to be what was made"),
    "content-damaged": N_("something is not as it was written"),
    "restore-warning": N_("not everything came back as it was"),
    "destination": N_("the service cannot write there"),
    "job-failed": N_("it could not be done"),
}
"""Why a restore or a verification has its verdict, besides `CODES` and `REASONS`."""

PROOFS: Final[Mapping[str, str]] = {
    "sealed": N_("sealed"),
    "unsealed": N_("not sealed"),
    "other-key": N_("sealed with another key"),
    "broken": N_("not what was sealed"),
}
"""What a backup proves about itself."""

WHY: Final[Mapping[str, str]] = {**REASONS, **JOB_CODES, **CODES}
"""Why anything has its verdict."""

ALERTS: Final[Mapping[str, str]] = {
    "configuration": N_("the configuration has an error"),
    "history": N_("the history cannot be written"),
    "failed": N_("the last backup failed"),
    "interrupted": N_("the last backup was interrupted"),
    "rejected": N_("the disk cannot be used"),
    "held": N_("still in use: do not pull it out"),
    "units-stopped": N_("services stopped for a backup are not running again"),
    "no-good-backup": N_("no good backup on any disk for a long time"),
    "mail": N_("mails cannot be sent"),
    "stale": N_("no good backup for a long time"),
    "never-backed-up": N_("never backed up"),
    "warning": N_("the last backup had warnings"),
    "cancelled": N_("the last backup was cancelled"),
    "unknown-disk": N_("unknown disk"),
    "safe-to-unplug": N_("safe to unplug"),
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
    "no-good-backup": "error",
    "mail": "warning",
    "stale": "warning",
    "never-backed-up": "warning",
    "warning": "warning",
    "cancelled": "warning",
    "unknown-disk": "info",
    "safe-to-unplug": "good",
}
"""How bad: error, warning, info, good."""

LEVELS: Final[Mapping[str, str]] = {
    "error": NP_("level", "error"),
    "warning": NP_("level", "warning"),
    "info": NP_("level", "info"),
    "good": NP_("level", "good"),
    "running": NP_("level", "running"),
    # TRANSLATORS: the last backup
    "last": NP_("level", "last"),
}
"""What stands before a line of `status`."""

FILESYSTEM_ADVICE: Final = N_(
    "its file system ({type}) cannot hold a server's files; save what is on it, then erase it"
    " and format it with ext4: {command}"
)
ENCRYPTED_ADVICE: Final = N_(
    "it is encrypted; use another disk, or erase it and format it with ext4: {command}"
)
SUPPORTED_FILESYSTEMS: Final = frozenset({"ext4", "xfs", "btrfs"})


def say(table: Mapping[str, str], word: str, context: str = "") -> str:
    """WORD in a person's words; one that is not in TABLE as it is, made safe to print.

    CONTEXT is the one that TABLE is marked with, if it is.
    """
    if word not in table:
        return clean(word, 80)
    text = table[word]
    return pgettext(context, text) if context else text and _(text)


def about(subject: str, text: str) -> str:
    """TEXT as what there is to say of SUBJECT, with the reader's punctuation."""
    return _("{subject}: {text}").format(subject=subject, text=text)


def filesystem_advice(fstype: str, whole: str = "") -> str:
    """Why no backup can go onto this file system and what to do; empty where one can.

    WHOLE: the whole disk that it lies on, where that is known.
    """
    command = f"tetras-backctl prepare {clean(whole, 100) or 'DEVICE'} --name NAME --erase"
    if fstype in SUPPORTED_FILESYSTEMS:
        return ""
    if fstype == "crypto_LUKS":
        return _(ENCRYPTED_ADVICE).format(command=command)
    return _(FILESYSTEM_ADVICE).format(type=clean(fstype, 20) or _("unknown"), command=command)
