"""What the texts of mails are made of."""

from collections.abc import Iterable, Sequence
from textwrap import fill
from typing import Final

from tetrasback.core.state import Disk
from tetrasback.lang.i18n import _, ngettext
from tetrasback.lang.told import told
from tetrasback.lang.units import size
from tetrasback.letters.plain import line, lines

LOG_LINES: Final = 40
"""Of the end of the log."""

LIST_MAX: Final = 100
"""Warnings, removed backups or disks that are named one by one."""

WIDTH: Final = 76
"""Columns of our own sentences; what others wrote stays on its line."""


def of_disk(disk: Disk, name: str) -> Iterable[tuple[str, str]]:
    """What tells a disk from others."""
    yield _("Disk:"), line(name)
    yield _("UUID:"), line(disk.uuid)
    if disk.model or disk.serial:
        model = _("{model}, serial number {serial}") if disk.serial else "{model}"
        yield (
            _("Model:"),
            model.format(model=line(disk.model) or _("unknown"), serial=line(disk.serial)),
        )
    if disk.fstype:
        yield _("File system:"), line(disk.fstype)


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Labels and values, one pair a line."""
    known = list(pairs)
    width = max((len(label) for label, _value in known), default=0)
    return "\n".join(f"{label:<{width}} {value}" for label, value in known)


def paragraph(text: str) -> str:
    """One of our own sentences."""
    return fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def labelled(label: str, text: str) -> str:
    """LABEL and TEXT; empty without a text."""
    return paragraph(f"{label} {text}") if text else ""


def section(head: str, texts: Sequence[str], count: int) -> str:
    """HEAD over the first of TEXTS, and how many of the COUNT are not there; empty without any.

    What is known of TEXTS is said in the reader's language.
    """
    shown = lines(map(told, texts[:LIST_MAX]))
    left = count - len(shown)
    if left > 0:
        more = ngettext("… and {count} more", "… and {count} more", left)
        shown.append("  " + more.format(count=left))
    return "\n".join((head, *shown)) if shown else ""


def amount(count: int, files: int) -> str:
    """So many bytes in so many files."""
    text = ngettext("{size} in {count} file", "{size} in {count} files", files)
    return text.format(size=size(count), count=files)


def end_of(log: str) -> str:
    """The last lines of LOG; empty without any."""
    end = [text for text in log.splitlines() if text.strip()][-LOG_LINES:]
    return "\n".join((_("The end of the log:"), *lines(end))) if end else ""
