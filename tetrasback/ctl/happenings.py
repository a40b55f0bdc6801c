"""Events → sentences for people."""

import time
from typing import Any

from tetrasback.client.events import DaemonBack, DaemonGone, Event, Lost, Signal
from tetrasback.client.mirror import Mirror
from tetrasback.client.proxy import id_below
from tetrasback.ctl.sentences import job_title
from tetrasback.errors import TetrasBackError
from tetrasback.lang.i18n import _, pgettext
from tetrasback.lang.told import told
from tetrasback.lang.units import percent
from tetrasback.lang.words import LABELS, REASONS, VERDICTS, about, say
from tetrasback.names import BACKUPS_PATH, JOBS_PATH


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
    uuid, kind = arguments.get("uuid", ""), arguments.get("kind", "")
    if "backup" in arguments:
        backup = mirror.backups.get(_id(BACKUPS_PATH, arguments["backup"]))
        uuid = uuid or (backup.uuid if backup else "")
    elif "job" in arguments:
        job = mirror.jobs.get(_id(JOBS_PATH, arguments["job"]))
        uuid, kind = uuid or (job.uuid if job else ""), kind or (job.kind if job else "")
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
            return _progress(called, arguments)
        case "BackupFinished":
            ended = _("backup ended: {verdict}").format(verdict=say(VERDICTS, arguments["verdict"]))
            message = told(arguments["message"])
            return about(called, about(ended, message) if message else ended)
        case "JobStarted":
            return about(job_title(kind, called), pgettext("job", "started"))
        case "JobProgress":
            return _progress(job_title(kind, called), arguments)
        case "JobFinished":
            verdict, message = say(VERDICTS, arguments["verdict"]), told(arguments["message"])
            ended = about(verdict, message) if message else verdict
            return about(job_title(kind, called), ended)
        case "SafeToUnplug":
            return about(called, _("safe to unplug ({device})").format(device=arguments["device"]))
    return name


def _progress(subject: str, arguments: dict[str, Any]) -> str:
    fraction = arguments["fraction"]
    share = percent(fraction) + " " if fraction >= 0 else ""
    return about(subject, share + say(LABELS, arguments["step"])).rstrip()


def _id(parent: str, path: str) -> int:
    try:
        return id_below(parent, path)
    except TetrasBackError:
        return -1
