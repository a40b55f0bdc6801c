"""A name for a disk that nobody has named: a notification cannot ask for one."""

from collections.abc import Iterable
from itertools import count
from typing import Final

from tetrasback.lang.i18n import _
from tetrasback.wire import DiskView

NAME_MAX: Final = 64
"""Characters in a disk's name, as the contract has it."""


def suggest_name(disk: DiskView, taken: Iterable[str]) -> str:
    """A name that can be saved and that none of TAKEN is: of its label, else of its model."""
    known = {name.casefold() for name in taken}
    base = next(filter(None, map(_nameable, (disk.label, disk.model))), _("backup disk"))
    if base.casefold() not in known:
        return base
    for number in count(2):  # pragma: no branch: TAKEN ends
        suffix = f" {number}"
        name = base[: NAME_MAX - len(suffix)].rstrip() + suffix
        if name.casefold() not in known:
            break
    return name


def _nameable(text: str) -> str:
    """TEXT without what a name must not have; empty where nothing is left."""
    printable = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.split()).lstrip("- ")[:NAME_MAX].rstrip()
