"""Events → sentences for people."""

import time
from typing import Any

from tetrasback.client.events import DaemonBack, DaemonGone, Event, Lost, Signal
from tetrasback.client.mirror import Mirror
from tetrasback.client.proxy import backup_id_of
from tetrasback.errors import TetrasBackError
from tetrasback.lang.i18n import _
from tetrasback.lang.told import told
from tetrasback.lang.units import percent
from tetrasback.lang.words import LABELS, REASONS, VERDICTS, about, say


def clock() -> str:
    """The time of day, for the beginning of a line."""
    return time.strftime("%H:%M:%S")


def sentence(event: Event, mirror: Mirror) -> str:
    """An event for a person; empty for changes that other events tell of."""
    match event:
        case Signal(name, arguments):
            return _signal(name, dict(arguments), mirror)
        case DaemonGone():
            return _("the service has stopped")
        case DaemonBack():
            return _("the service has started")
        case Lost():
            return _("some events were lost")
    return ""


def _signal(name: str, arguments: dict[str, Any], mirror: Mirror) -> str:
    uuid = arguments.get("uuid", "")
    if not uuid and "backup" in arguments:
        backup = mirror.backups.get(_id(arguments["backup"]))
        uuid = backup.uuid if backup else ""
    disk = mirror.disks.get(uuid)
    called = (disk.name or disk.label if disk else "") or uuid or _("a disk")
    match name:
        case "DiskSaved":
            return about(arguments["name"], _("saved ({uuid})").format(uuid=uuid))
        case "DiskForgotten":
            return about(called, _("forgotten"))
        case "DiskPlugged":
            return about(called, _("plugged in ({device})").format(device=arguments["device"]))
        case "DiskUnplugged":
            return about(called, _("unplugged ({device})").format(device=arguments["device"]))
        case "DiskRejected":
            why = say(REASONS, arguments["reason"])
            return about(called, _("cannot be used: {why}").format(why=why))
        case "BackupStarted":
            return about(arguments["name"], _("backup started"))
        case "BackupProgress":
            fraction = arguments["fraction"]
            share = percent(fraction) + " " if fraction >= 0 else ""
            return about(called, share + say(LABELS, arguments["step"])).rstrip()
        case "BackupFinished":
            ended = _("backup ended: {verdict}").format(verdict=say(VERDICTS, arguments["verdict"]))
            message = told(arguments["message"])
            return about(called, about(ended, message) if message else ended)
        case "SafeToUnplug":
            return about(called, _("safe to unplug ({device})").format(device=arguments["device"]))
    return name


def _id(path: str) -> int:
    try:
        return backup_id_of(path)
    except TetrasBackError:
        return -1
