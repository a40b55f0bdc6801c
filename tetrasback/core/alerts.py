"""What a person should know now, worst first. A function of the state and the time alone."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from tetrasback.config.model import Config
from tetrasback.core import prepare, staleness
from tetrasback.core.devices import SUPPORTED_FILESYSTEMS
from tetrasback.core.explanations import EXPLANATIONS
from tetrasback.core.state import Disk, DiskState, State, Verdict
from tetrasback.core.wholes import picture

MAX_ALERTS: Final = 100

ORDER: Final = (
    "configuration",
    "history",
    "units-stopped",
    "no-good-backup",
    "failed",
    "rejected",
    "interrupted",
    "held",
    "mail",
    "never-backed-up",
    "stale",
    "warning",
    "cancelled",
    "unknown-disk",
    "safe-to-unplug",
)
"""Codes, worst first."""


GOOD_TO_KNOW: Final = frozenset({"unknown-disk", "safe-to-unplug"})
"""Codes of alerts about which nothing is wrong."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing; ``since`` in µs since the epoch, ``uuid`` empty where it is about no one disk."""

    code: str
    uuid: str
    since: int
    message: str


def alerts(state: State, config: Config, now: int) -> tuple[Alert, ...]:
    """All there is to know, as `worst_first` puts it."""
    disks = state.disks.values()
    of_disks = chain.from_iterable(of_disk(disk, config, now) for disk in disks)
    lasting = but_glances(of_disks, state)
    return worst_first([*of_server(state), *of_all_disks(disks, config, now), *lasting])


def but_glances(found: Iterable[Alert], state: State) -> Iterator[Alert]:
    """FOUND without that a disk is held which is only looked at: before that could be read, it is
    over."""
    job = state.current_job
    glance = job is not None and job.task.kind.is_brief and job.before[0] is not DiskState.HELD
    uuid = job.task.uuid if job is not None and glance else ""
    return (item for item in found if item.code != "held" or item.uuid != uuid)


def worst_first(found: Iterable[Alert]) -> tuple[Alert, ...]:
    """At most `MAX_ALERTS`, worst first; when there are more, the last says how many."""
    found = sorted(found, key=lambda alert: ORDER.index(alert.code))
    if len(found) <= MAX_ALERTS:
        return tuple(found)
    left = found[MAX_ALERTS - 1 :]
    rest = Alert(left[0].code, "", left[0].since, f"and {len(left)} more: see tetras-backctl disks")
    return (*found[: MAX_ALERTS - 1], rest)


def of_server(state: State) -> Iterator[Alert]:
    """What is about no one disk."""
    if state.configuration_error:
        yield Alert(
            "configuration",
            "",
            state.configuration_error_since,
            f"the configuration file is not in force: {state.configuration_error}",
        )
    if state.history_error:
        yield Alert("history", "", state.history_error_since, state.history_error)
    if state.units_stopped:
        units = ", ".join(state.units_stopped)
        yield Alert(
            "units-stopped",
            "",
            0,
            f"stopped for a backup and not started again: {units}: start them by hand",
        )
    if state.mail_error:
        yield Alert("mail", "", state.mail_error_since, state.mail_error)
    yield from _of_whole_disks(state)


def of_all_disks(disks: Iterable[Disk], config: Config, now: int) -> Iterator[Alert]:
    """What is about all disks together. Time makes a difference only as the days go by."""
    since = staleness.none_since(disks, config, now)
    if since:
        days = staleness.days_passed(since, now)
        yield Alert("no-good-backup", "", since, f"no disk has had a good backup for {days} days")


def _of_whole_disks(state: State) -> Iterator[Alert]:
    """Disks that nobody could save, for nothing on them could be a backup disk's file system."""
    for whole in prepare.preparable(state) if state.wholes else ():
        if whole.usable:
            continue  # it is told of as a disk of its own, or will be in a moment
        if not prepare.candidates(state, whole) and not prepare.is_preparing(state, whole.node):
            yield Alert(
                "unknown-disk",
                "",
                0,
                f"{picture(whole)} has no file system for backups; to make it a backup disk:"
                f" tetras-backctl prepare {whole.node} --name NAME",
            )


def of_disk(disk: Disk, config: Config, now: int) -> tuple[Alert, ...]:
    """What is about one disk. Time makes a difference only as the days go by."""
    if not disk.saved:
        return tuple(_of_presence(disk))
    return (*_of_presence(disk), *_of_verdict(disk), *_of_age(disk, config, now))


def _of_presence(disk: Disk) -> Iterator[Alert]:
    name = disk.name or disk.label or disk.uuid
    if disk.state is DiskState.REJECTED:
        why = EXPLANATIONS.get(disk.reason, disk.reason)
        yield Alert("rejected", disk.uuid, disk.since, f"disk {name} cannot be used: {why}")
    elif disk.state is DiskState.HELD:
        why = EXPLANATIONS.get(disk.reason, disk.reason)
        yield Alert("held", disk.uuid, disk.since, f"do not unplug disk {name} yet: {why}")
    elif disk.state is DiskState.UNKNOWN:
        yield Alert(
            "unknown-disk", disk.uuid, disk.since, f"disk {name} is plugged {_unsaved(disk)}"
        )
    elif disk.state is DiskState.SAFE:
        yield Alert("safe-to-unplug", disk.uuid, disk.since, f"disk {name} may be unplugged")


def _unsaved(disk: Disk) -> str:
    if disk.device is not None and disk.fstype not in SUPPORTED_FILESYSTEMS:
        return (
            f"but cannot take backups as it is ({disk.fstype}); to erase it and make it a backup"
            f" disk: tetras-backctl prepare {disk.device.whole} --name NAME --erase"
        )
    return "but not saved"


def _of_verdict(disk: Disk) -> Iterator[Alert]:
    if disk.last_verdict in (
        Verdict.FAILED,
        Verdict.INTERRUPTED,
        Verdict.WARNING,
        Verdict.CANCELLED,
    ):
        yield Alert(
            str(disk.last_verdict),
            disk.uuid,
            disk.last_ended,
            f"the last backup on disk {disk.name} ended as: {disk.last_verdict}",
        )


def _of_age(disk: Disk, config: Config, now: int) -> Iterator[Alert]:
    since = staleness.waits_since(disk)
    days = staleness.days_passed(since, now)
    if staleness.is_stale(disk, config, now):
        message = (
            f"the last good backup on disk {disk.name} is {days} days old"
            if disk.last_success
            else f"disk {disk.name} was saved {days} days ago and holds no good backup yet"
        )
        yield Alert("stale", disk.uuid, since, message)
    elif not disk.last_success:
        yield Alert(
            "never-backed-up", disk.uuid, since, f"disk {disk.name} holds no good backup yet"
        )
