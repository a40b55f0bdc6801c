"""Short pieces of text that several notes share."""

from collections.abc import Iterable
from typing import Final

from tetrasback.lang.i18n import _, ngettext
from tetrasback.lang.text import clean
from tetrasback.lang.units import duration, size
from tetrasback.lang.words import CODES, PHASES, STEPS, say
from tetrasback.wire import BackupView, DiskView

NAME_LIMIT: Final = 64
LINE_LIMIT: Final = 300


def disk_name(disk: DiskView) -> str:
    """What to call a disk: its name, else its label, its model, its UUID."""
    return clean(disk.name or disk.label or disk.model or disk.uuid, NAME_LIMIT)


def lines(*given: str) -> tuple[str, ...]:
    """Those that say something, each made safe to show."""
    return tuple(clean(line, LINE_LIMIT) for line in given if line)


def sentence(text: str) -> str:
    """TEXT, which may be the middle of one, as a sentence of its own."""
    text = text[:1].upper() + text[1:]
    return text if not text or text.endswith((".", "…", "!", "?")) else text + "."


def step(backup: BackupView) -> str:
    """What a backup is doing, and how far it is."""
    doing = say(STEPS, backup.step) if backup.step else say(PHASES, backup.state)
    percent = per_cent(backup)
    if percent is None:
        return doing
    return _("{step}, {percent}%").format(step=doing, percent=percent)


def per_cent(backup: BackupView) -> int | None:
    """How far it is; None where that is not known. 100 only when everything is done."""
    if not 0 <= backup.fraction <= 1:
        return None
    return min(int(backup.fraction * 100), 99)


def amount(backup: BackupView) -> str:
    """How much has been copied; empty = nothing yet."""
    if not backup.bytes_done:
        return ""
    done = size(backup.bytes_done)
    if not backup.bytes_total:
        return done
    return _("{done} of {total}").format(done=done, total=size(backup.bytes_total))


def why(backup: BackupView) -> str:
    """Why a backup ended as it did; in the daemon's words where there are no others."""
    if backup.code in CODES and backup.code:
        return say(CODES, backup.code)
    return backup.message or say(CODES, backup.code)


def facts(backup: BackupView) -> str:
    """How much, how many, how long, as far as it is known."""
    parts = []
    if backup.bytes_done:
        parts.append(size(backup.bytes_done))
    if backup.files_done:
        parts.append(
            ngettext("{count} file", "{count} files", backup.files_done).format(
                count=backup.files_done
            )
        )
    if backup.started_at and backup.finished_at:
        parts.append(duration((backup.finished_at - backup.started_at) / 1_000_000))
    return ", ".join(parts)


def warnings(backup: BackupView) -> str:
    """How many warnings; empty = none."""
    if not backup.warnings:
        return ""
    return ngettext("{count} warning", "{count} warnings", backup.warnings).format(
        count=backup.warnings
    )


def joined(parts: Iterable[str]) -> str:
    """PARTS that say something, with commas between."""
    return ", ".join(part for part in parts if part)
