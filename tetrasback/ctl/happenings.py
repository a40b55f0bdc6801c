"""Events → sentences for people."""

import time
from typing import Any

from tetrasback.client.events import DaemonBack, DaemonGone, Event, Lost, Signal
from tetrasback.client.mirror import Mirror
from tetrasback.client.proxy import backup_id_of
from tetrasback.errors import TetrasBackError
from tetrasback.lang.words import REASONS, VERDICTS, say


def clock() -> str:
    """The time of day, for the beginning of a line."""
    return time.strftime("%H:%M:%S")


def sentence(event: Event, mirror: Mirror) -> str:
    """An event for a person; empty for changes that other events tell of."""
    match event:
        case Signal(name, arguments):
            return _signal(name, dict(arguments), mirror)
        case DaemonGone():
            return "the service has stopped"
        case DaemonBack():
            return "the service has started"
        case Lost():
            return "some events were lost"
    return ""


def _signal(name: str, arguments: dict[str, Any], mirror: Mirror) -> str:
    uuid = arguments.get("uuid", "")
    if not uuid and "backup" in arguments:
        backup = mirror.backups.get(_id(arguments["backup"]))
        uuid = backup.uuid if backup else ""
    disk = mirror.disks.get(uuid)
    called = (disk.name or disk.label if disk else "") or uuid or "a disk"
    match name:
        case "DiskSaved":
            return f"{arguments['name']}: saved ({uuid})"
        case "DiskForgotten":
            return f"{called}: forgotten"
        case "DiskPlugged":
            return f"{called}: plugged in ({arguments['device']})"
        case "DiskUnplugged":
            return f"{called}: unplugged ({arguments['device']})"
        case "DiskRejected":
            return f"{called}: cannot be used: {say(REASONS, arguments['reason'])}"
        case "BackupStarted":
            return f"{arguments['name']}: backup started"
        case "BackupProgress":
            fraction = arguments["fraction"]
            share = f"{fraction:.0%} " if fraction >= 0 else ""
            return f"{called}: {share}{arguments['step']}".rstrip()
        case "BackupFinished":
            message = arguments["message"]
            verdict = say(VERDICTS, arguments["verdict"])
            return f"{called}: backup ended: {verdict}" + (f": {message}" if message else "")
        case "SafeToUnplug":
            return f"{called}: safe to unplug ({arguments['device']})"
    return name


def _id(path: str) -> int:
    try:
        return backup_id_of(path)
    except TetrasBackError:
        return -1
