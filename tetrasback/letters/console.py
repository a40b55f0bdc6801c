"""What is called out at the console: one line."""

from tetrasback.core.news import BackupEnded, Call, DiskRefused, DiskSafe
from tetrasback.core.state import Verdict
from tetrasback.lang import words
from tetrasback.lang.i18n import _
from tetrasback.lang.told import told
from tetrasback.letters import advice
from tetrasback.letters.plain import line


def called_out(call: Call) -> str:
    """CALL as one line, in the language that is set."""
    match call:
        case DiskSafe(name=name):
            return _("Tetras-back: disk {name} is safe to unplug").format(name=line(name))
        case DiskRefused(disk, reason=reason):
            text = _("Tetras-back: disk {name} cannot be used: {why}")
            return text.format(name=line(disk.name), why=advice.on_disk(reason, disk.fstype))
        case BackupEnded(backup):
            text = (
                _("Tetras-back: the backup on disk {name} was INTERRUPTED: {why}")
                if backup.verdict == Verdict.INTERRUPTED
                else _("Tetras-back: the backup on disk {name} FAILED: {why}")
            )
            why = words.say(advice.WHY, backup.code)
            return text.format(name=line(backup.name), why=why or line(told(backup.message)))
