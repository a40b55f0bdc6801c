"""Whole disks that could be prepared, in a person's words. Pure: everything shown is given."""

from collections.abc import Iterable, Sequence

from tetrasback.lang.i18n import _
from tetrasback.lang.text import clean
from tetrasback.lang.units import size
from tetrasback.wire import DiskView, PreparableView

MAX_LINES = 20


def is_empty(whole: PreparableView) -> bool:
    """Whether nothing is known to be on it."""
    return not whole.contents and not whole.partition_table


def without_disk(
    preparable: Iterable[PreparableView], disks: Iterable[DiskView]
) -> list[PreparableView]:
    """Those on which no file system has an object of its own: nothing else would show them."""
    devices = {disk.device for disk in disks if disk.device}
    return [
        whole
        for whole in preparable
        if devices.isdisjoint({whole.device, *(item.device for item in whole.contents)})
    ]


def preparable_name(whole: PreparableView) -> str:
    """Its device, model and size."""
    facts = [clean(whole.model, 100), size(whole.size) if whole.size else ""]
    return f"{clean(whole.device, 100)} ({', '.join(fact for fact in facts if fact)})"


def preparable_state(whole: PreparableView) -> str:
    """What is on it, in a word or two."""
    return _("blank") if is_empty(whole) else _("no file system")


def preparable_hint(whole: PreparableView) -> str:
    """The command that makes it a backup disk."""
    command = f"tetras-backctl prepare {clean(whole.device, 100)} --name NAME"
    if not is_empty(whole):
        command += " --erase"
    return _("{disk}: {state}; to make it a backup disk: {command}").format(
        disk=preparable_name(whole), state=preparable_state(whole), command=command
    )


def facts(whole: PreparableView) -> str:
    """All there is to know of the disk as a thing."""
    parts = [preparable_name(whole)]
    if whole.serial:
        parts.append(_("serial {serial}").format(serial=clean(whole.serial, 100)))
    if whole.partition_table:
        table = clean(whole.partition_table, 20)
        parts.append(_("partition table {type}").format(type=table))
    return ", ".join(parts)


def contents_lines(whole: PreparableView) -> Sequence[str]:
    """A line for each thing on it."""
    if not whole.contents:
        return ["  " + _("a partition table without partitions")] if whole.partition_table else []
    lines = []
    for item in whole.contents[:MAX_LINES]:
        parts = [
            clean(item.device, 100),
            clean(item.filesystem_type, 20) or _("no file system"),
            f"“{clean(item.label, 100)}”" if item.label else "",
            size(item.size),
            *(_("mounted at {where}").format(where=clean(at, 200)) for at in item.mount_points),
            *(_("in use ({user})").format(user=clean(user, 100)) for user in item.used_by),
        ]
        lines.append("  " + "  ".join(part for part in parts if part))
    if len(whole.contents) > MAX_LINES:
        lines.append("  …")
    return lines
