"""Which whole disks may be prepared for backups, and the course of that.

::

    PrepareRequested ─► refused, or `preparing` is set
    PreparationMoved ─► its step            PreparationMade ─► its partition is whole on the disk
    (the request goes on: SaveRequested)    PreparationEnded ─► `preparing` is over, whatever came

A disk that is being prepared is nobody's: what udev tells of its partition waits until it is saved,
or until all is over. Saving counts as what happened on this plug, so it starts no backup.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from tetrasback.config.model import Config
from tetrasback.core import disks, events
from tetrasback.core.effects import StopPreparing
from tetrasback.core.state import State
from tetrasback.core.turn import Turn
from tetrasback.core.wholes import (
    MIB,
    Kind,
    Order,
    Preparation,
    Step,
    Survey,
    WholeDisk,
    is_partition,
    picture,
)
from tetrasback.errors import Busy, ConfigurationError, InvalidArgs, Rejected

LEAST: Final[Mapping[str, int]] = {"ext4": 32 * MIB, "btrfs": 128 * MIB, "xfs": 304 * MIB}
"""File systems that a disk can be given, with the smallest disk for each in bytes."""

MOST: Final = 64
"""Whole disks that are known at once."""

_SHOWN: Final = 6


def begin(turn: Turn, event: events.PrepareRequested) -> None:
    """Refuse, or note that the disk is being prepared."""
    order = event.order
    check_time(turn.state, turn.config, order)
    _check_disk(order.whole, order.survey)
    if order.whole.size < LEAST[order.fstype]:
        least = LEAST[order.fstype] // MIB
        raise Rejected(f"{picture(order.whole)} is too small for {order.fstype}: {least} MiB it is")
    found = _findings(order.whole, order.survey)
    if found and not event.erase:
        raise Rejected(
            f"{picture(order.whole)} is not empty: {', '.join(found)}; nothing was changed;"
            f" to erase all of it: tetras-backctl prepare {order.whole.node} --name NAME --erase"
        )
    turn.set(preparing=Preparation(order))
    disks.keep_from_automounters(turn)


def check_time(state: State, config: Config, order: Order) -> None:
    """Refuse what cannot be done now, whatever is on the disk: so before anybody looks at it."""
    if state.stopping:
        raise Busy("the service is stopping")
    if state.preparing is not None:
        node = state.preparing.order.whole.node
        raise Busy(f"{node} is being prepared: wait until that is done, then try again")
    if state.configuration_error:
        raise ConfigurationError(
            f"nothing can be saved, so nothing was erased: {state.configuration_error}"
        )
    for uuid, settings in config.disks.items():
        if settings.name == order.name:
            raise InvalidArgs(f"the name {order.name} belongs to disk {uuid}; choose another")
    whole = order.whole
    there = [state.disks[uuid] for uuid in candidates(state, whole)]
    if any(state.in_use(disk.uuid) for disk in there) or whole.node in state.checking:
        raise Busy(f"{whole.node} is in use by a backup: wait until it may be unplugged")
    ours = [disk.name for disk in there if disk.saved]
    known = (*(item.uuid for item in whole.contents), *order.survey.uuids)
    ours += [config.disks[uuid].name for uuid in known if uuid in config.disks]
    if ours:
        raise Rejected(
            f"{whole.node} is the saved disk {ours[0]}, and its backups would be lost; if that is"
            f" what you want, forget it first: tetras-backctl forget {ours[0]}"
        )


def _check_disk(whole: WholeDisk, survey: Survey) -> None:
    """Whether it is a disk that may be written to at all."""
    shown = picture(whole)
    if whole.system:
        raise Rejected(f"{shown} is a disk that this system runs from")
    if whole.kind is Kind.OPTICAL:
        raise Rejected(f"{shown} is an optical drive: backups need a disk")
    if whole.kind is Kind.VIRTUAL:
        raise Rejected(
            f"{whole.node} is made of other devices or of memory: give a disk of its own"
        )
    if survey.foreign:
        raise Rejected(f"{whole.node} is a file that belongs to somebody else than root")
    for item in whole.contents:
        if item.mounts:
            where = item.mounts[0]
            raise Rejected(f"{item.node} on {shown} is mounted at {where}: unmount it first")
        if item.users:
            raise Rejected(f"{item.node} on {shown} is in use ({item.users[0]}): end that first")
    if survey.user:
        raise Rejected(f"{shown} cannot be prepared: {survey.user}: end that first")
    if whole.read_only or survey.read_only:
        raise Rejected(f"{shown} is write-protected: move its switch, or use another disk")


def _findings(whole: WholeDisk, survey: Survey) -> list[str]:
    """What is on the disk, in words; none = it is blank."""
    found = [f"a partition table ({whole.table})"] if whole.table else []
    for item in whole.contents:
        words = [item.node, item.fstype or "data of no known kind"]
        words += [f"“{item.label}”"] if item.label else []
        found.append(" ".join(words))
    told = {whole.table, *(item.fstype for item in whole.contents)}
    found += [word for word in survey.signatures if word.partition(" ")[0] not in told]
    if not found and not survey.zeros:
        found = ["data of no known kind"]
    if len(found) > _SHOWN:
        found = [*found[:_SHOWN], f"and {len(found) - _SHOWN} more"]
    return found


def moved(turn: Turn, event: events.PreparationMoved) -> None:
    """It has come to its next step."""
    preparing = _this(turn, event.uuid)
    if preparing is not None:
        turn.set(preparing=replace(preparing, step=event.step))


def made(turn: Turn, event: events.PreparationMade) -> None:
    """The file system is whole on the disk: now it can be saved."""
    preparing = _this(turn, event.device.uuid)
    if preparing is not None:
        turn.set(preparing=replace(preparing, step=Step.SAVE, device=event.device))


def ended(turn: Turn, event: events.PreparationEnded) -> None:
    """It is over. What is whole on the disk but was not saved after all is an unknown disk."""
    preparing = _this(turn, event.uuid)
    if preparing is None:
        return
    turn.set(preparing=None)
    if preparing.device is not None and event.uuid not in turn.state.disks:
        disks.seen(turn, preparing.device)
    disks.keep_from_automounters(turn)


def _this(turn: Turn, uuid: str) -> Preparation | None:
    preparing = turn.state.preparing
    return preparing if preparing is not None and preparing.order.uuid == uuid else None


def keep_off(state: State, node: str) -> None:
    """Raise Busy if NODE is the disk that is being prepared, or a partition of it."""
    if state.preparing is not None:
        whole = state.preparing.order.whole.node
        if node == whole or is_partition(node, whole):
            raise Busy(f"{whole} is being prepared: wait until that is done")


def is_preparing(state: State, whole: str) -> bool:
    """Whether this is the whole disk that is being prepared."""
    return state.preparing is not None and state.preparing.order.whole.node == whole


def keep_name(turn: Turn, uuid: str, name: str) -> None:
    """Raise Busy if the disk that is being prepared, another than UUID, will have this NAME."""
    preparing = turn.state.preparing
    if preparing is not None and preparing.order.name == name and preparing.order.uuid != uuid:
        raise Busy(f"the name {name} is for the disk that is being prepared: choose another")


def stop(turn: Turn) -> None:
    """The daemon ends: what is half made stays so, and is nobody's."""
    if turn.state.preparing is not None:
        turn.do(StopPreparing())


def preparable(state: State) -> tuple[WholeDisk, ...]:
    """Those that might be prepared: no disk of the system, none with a saved disk on it."""
    ours = {device.whole for disk in state.disks.values() if disk.saved for device in disk.devices}
    return tuple(
        whole
        for whole in state.wholes.values()
        if not whole.system and whole.kind in (Kind.DISK, Kind.LOOP) and whole.node not in ours
    )


def candidates(state: State, whole: WholeDisk) -> tuple[str, ...]:
    """UUIDs of the disks (file systems) that lie on a whole disk."""
    return tuple(
        disk.uuid
        for disk in state.disks.values()
        if any(device.whole == whole.node for device in disk.devices)
    )


def whole_seen(turn: Turn, event: events.WholeSeen) -> None:
    """A whole disk is here, or is otherwise than before. Nobody may fill our memory with them."""
    if event.whole.syspath not in turn.state.wholes and len(turn.state.wholes) >= MOST:
        return
    turn.set(wholes={**turn.state.wholes, event.whole.syspath: event.whole})


def whole_gone(turn: Turn, event: events.WholeGone) -> None:
    """A whole disk has left."""
    left = {key: item for key, item in turn.state.wholes.items() if key != event.syspath}
    turn.set(wholes=left)
