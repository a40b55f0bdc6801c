"""What to do about it: one sentence or two for each code of a backup."""

import shlex
from collections.abc import Mapping
from typing import Final

from tetrasback.lang import words
from tetrasback.lang.i18n import N_, _
from tetrasback.letters.plain import line

CODES: Final[Mapping[str, str]] = {
    "source-unreadable": N_(
        "See below which files could not be read, and why; everything else is in the backup."
    ),
    "script-warning": N_("See the warnings below; the backup is complete apart from them."),
    "units-not-started": N_(
        "Look after the services named below: systemctl status NAME tells why they do not run,"
        " systemctl start NAME starts them."
    ),
    "script-failed": N_(
        "The end of the log, below, has the reason. Mend it, then run the backup again:"
        " tetras-backctl backup {disk}"
    ),
    "script-refused": N_(
        "Mend what is said above, then run the backup again: tetras-backctl backup {disk}"
    ),
    "no-scripts": N_(
        "Enable a script (tetras-backctl scripts lists them): tetras-backctl enable SCRIPT"
    ),
    "timed-out": N_(
        "See in the log where the time went. If it is right that it takes so long, raise"
        " timeout_hours in the configuration."
    ),
    "source-shrunk": N_(
        "See whether everything is where it should be on the server: a disk that is not mounted,"
        " files that were deleted. Until then no older backup is removed."
    ),
    "disk-full": N_(
        "Use a larger disk, or remove from this one what is no backup. Older backups were removed"
        " as far as that is safe."
    ),
    "disk-error": N_(
        "Do not rely on this disk: back up onto another one, and have this one checked or replaced."
    ),
    "disk-gone": N_(
        "Plug the disk in again, and wait until it is said that it may be unplugged. If nobody"
        " pulled it out, look at its cable and its power supply."
    ),
    "unmount-failed": N_(
        "Do not rely on this backup. See that no program uses the disk, plug it in again, and let"
        " the backup run to its end."
    ),
    "cancelled": N_(
        "Nothing, if that was wanted; otherwise run it again: tetras-backctl backup {disk}"
    ),
    "unplug-requested": N_("Nothing, if that was wanted; otherwise plug the disk in again."),
    "forgotten": N_("Nothing, if that was wanted; otherwise save the disk again."),
    "held": N_(
        "Nothing: if the disk stays plugged in, the backup runs once the hold is over, or at:"
        " tetras-backctl release"
    ),
    "daemon-stopped": N_(
        "If the disk stays plugged in, the backup runs again when the service is started;"
        " otherwise plug it in again then."
    ),
    "daemon-died": N_(
        "If the disk stays plugged in, the backup runs again by itself; otherwise plug it in"
        " again. If the server had no power cut and was not restarted, the journal has more:"
        " journalctl -u tetras-back"
    ),
}

WHY: Final[Mapping[str, str]] = {**words.CODES, **words.REASONS}
"""Why a backup has its verdict, for every code that one can have."""


def on_backup(code: str, name: str, fstype: str) -> str:
    """What to do about a backup that ended with CODE on disk NAME; empty where there is nothing."""
    if code in CODES:
        return _(CODES[code]).format(disk=shlex.quote(line(name)))
    return on_disk(code, fstype) if code in words.REASONS else ""


def on_disk(reason: str, fstype: str) -> str:
    """Why a disk cannot be used for REASON, and what to do."""
    if reason in ("unsupported-filesystem", "encrypted") and words.filesystem_advice(fstype):
        return words.filesystem_advice(fstype)
    return words.say(words.REASONS, reason)
