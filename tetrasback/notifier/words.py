"""Short pieces of text that several notes share."""

from collections.abc import Iterable
from typing import Final

from tetrasback.lang.i18n import _, ngettext
from tetrasback.lang.text import clean
from tetrasback.lang.told import told
from tetrasback.lang.units import duration, percent, size
from tetrasback.lang.words import LABELS, PHASES, STEPS, WHY, say
from tetrasback.wire import BackupView, DiskView, JobView

Progress = BackupView | JobView
"""What goes on and has an end."""

NAME_LIMIT: Final = 64
LINE_LIMIT: Final = 300


def disk_name(disk: DiskView) -> str:
    """What to call a disk: its name, else its label, its model, its UUID."""
    return clean(disk.name or disk.label or disk.model or disk.uuid, NAME_LIMIT)


def lines(*given: str) -> tuple[str, ...]:
    """Those that say something, each made safe to show."""
    return tuple(clean(line, LINE_LIMIT) for line in given if line)


def sentence(text: str) -> str:
    """TEXT of ours, which may be the middle of one, as a sentence of its own. A script's name at
    its beginning stays as it is."""
    if text.split(" ", 1)[0].isalpha():
        text = text[:1].upper() + text[1:]
    return text if not text or text.endswith((".", "…", "!", "?")) else text + "."


def joined(parts: Iterable[str]) -> str:
    """PARTS that say something, with commas between."""
    return ", ".join(part for part in parts if part)


def fraction(backup: Progress) -> float | None:
    """How far it is; None where that is not known, and 1 never: that is for the verdict to say."""
    if not 0 <= backup.fraction <= 1:
        return None
    return min(int(backup.fraction * 100), 99) / 100


def progress(backup: Progress) -> str:
    """What a backup is doing, and how far it is."""
    step = say(PHASES, backup.state)
    if backup.step:
        step = say(STEPS if backup.step in STEPS else LABELS, backup.step)
    done = fraction(backup)
    return joined((step, "" if done is None else percent(done), _amount(backup), warnings(backup)))


def _amount(backup: Progress) -> str:
    if not backup.bytes_done or not backup.bytes_total:
        return size(backup.bytes_done) if backup.bytes_done else ""
    return _("{done} of {total}").format(
        done=size(backup.bytes_done), total=size(backup.bytes_total)
    )


def why(backup: Progress) -> str:
    """Why a backup ended as it did."""
    return told(backup.message, say(WHY, backup.code))


def facts(backup: Progress) -> str:
    """How much, how many, how long, as far as it is known."""
    copied = ""
    if backup.bytes_done or backup.files_done:
        text = ngettext("{size} in {n} file", "{size} in {n} files", backup.files_done)
        copied = text.format(size=size(backup.bytes_done), n=backup.files_done)
    took = ""
    if backup.started_at and backup.finished_at:
        took = duration((backup.finished_at - backup.started_at) / 1_000_000)
    return joined((copied, took))


def warnings(backup: Progress) -> str:
    """How many warnings; empty = none."""
    if not backup.warnings:
        return ""
    return ngettext("{n} warning", "{n} warnings", backup.warnings).format(n=backup.warnings)
