"""The commands that only look: status, disks, scripts, history, log, version."""

import asyncio

from tetrasback import __version__
from tetrasback.client import shapes
from tetrasback.client.explain import explain
from tetrasback.client.jobs import Jobs
from tetrasback.client.proxy import Client
from tetrasback.ctl import sentences
from tetrasback.ctl.context import Context
from tetrasback.ctl.holds import hold_line
from tetrasback.ctl.jobs import running as running_jobs
from tetrasback.ctl.match import history_uuid
from tetrasback.ctl.wholes import without_disk
from tetrasback.errors import (
    EXIT_OK,
    EXIT_UNREACHABLE,
    UnknownBackup,
    UnknownJob,
    UnknownMethod,
    Unreachable,
)
from tetrasback.lang.i18n import _
from tetrasback.lang.text import clean_lines
from tetrasback.lang.units import ago, now
from tetrasback.lang.words import ALERT_LEVELS
from tetrasback.wire import BackupView, HistoryEntry

RECENT = 10
"""Rows of the history in which queued and running backups and the last verdict are looked for."""
MAX_MENTIONED = 100
"""Disks asked about by `status`; the daemon names no more in its alerts."""
PAGE = 1000


async def status(context: Context) -> int:
    """What a person should know, worst first.

    Cheap with any number of disks: only those that an alert or a backup names are asked for.
    """
    client, out = context.client, context.out
    manager, recent, jobs = await asyncio.gather(
        client.manager(), client.history(limit=RECENT), running_jobs(client, RECENT)
    )
    running = [entry for entry in recent if not entry.verdict]
    mentioned = dict.fromkeys(
        alert.uuid
        for alert in manager.alerts
        # Other messages say everything; only programs want the disk's name besides.
        if alert.uuid and (out.json or alert.code == "unknown-disk" or not alert.message)
    )
    mentioned |= dict.fromkeys(hold.uuid for hold in manager.holds if hold.uuid)
    mentioned |= dict.fromkeys(job.uuid for job in jobs)
    disks, backups = await asyncio.gather(
        client.find_disks(list(mentioned)[:MAX_MENTIONED]),
        asyncio.gather(*(_backup(context, entry) for entry in reversed(running))),
    )
    last = next((entry for entry in recent if entry.verdict), None)
    if out.json:
        out.data(
            {
                "version": manager.version,
                "busy": manager.busy,
                "configuration_error": manager.configuration_error,
                "alerts": [
                    shapes.alert_shape(alert, disks[alert.uuid].name if alert.uuid in disks else "")
                    for alert in manager.alerts
                ],
                "backups": [shapes.backup_shape(backup) for backup in backups],
                "last": shapes.history_shape(last) if last else None,
                "jobs": [shapes.job_shape(job) for job in jobs],
                "holds": [
                    shapes.hold_shape(hold, disks[hold.uuid].name if hold.uuid in disks else "")
                    for hold in manager.holds
                ],
            }
        )
        return EXIT_OK
    at = now()
    names = {entry.uuid: entry.name for entry in running}
    good = [alert for alert in manager.alerts if ALERT_LEVELS.get(alert.code) == "good"]
    for alert in sentences.beside_jobs(manager.alerts, jobs):
        if alert not in good:
            disk = disks.get(alert.uuid)
            out.line(*sentences.alert_line(alert, disk, at, manager.preparable))
    for backup in backups:
        line = sentences.backup_line(backup, names.get(backup.uuid) or backup.uuid)
        out.line(*sentences.level_line("running", line))
    for job in jobs:
        disk = disks.get(job.uuid)
        title = sentences.job_title(job.kind, sentences.disk_name(disk) if disk else job.uuid)
        line = sentences.progress_line(title, job)
        out.line(*sentences.level_line("running", line))
    for hold in manager.holds:
        out.line(*sentences.level_line("info", hold_line(hold, disks.get(hold.uuid))))
    for alert in good:
        out.line(*sentences.alert_line(alert, disks.get(alert.uuid), at))
    if not manager.alerts and not backups and not jobs and not manager.holds:
        out.line(*sentences.level_line("good", _("nothing needs your attention")))
    if last is not None:
        verdict = sentences.verdict_line(last.name or last.uuid, last)
        when = f" ({ago(last.finished_at, at)})" if last.finished_at else ""
        out.line(*sentences.level_line("last", ""), *verdict, when)
    else:
        out.line(*sentences.level_line("last", _("no backup yet")))
    return EXIT_OK


async def _backup(context: Context, entry: HistoryEntry) -> BackupView:
    try:
        return await context.client.backup(entry.id)
    except UnknownBackup:  # it has ended between the two questions
        return BackupView(
            id=entry.id, uuid=entry.uuid, trigger=entry.trigger, started_at=entry.started_at
        )


async def disks(context: Context) -> int:
    """Every disk that is saved or plugged in."""
    objects, manager = await asyncio.gather(context.client.objects(), context.client.manager())
    found, preparable = list(objects.disks.values()), manager.preparable
    out = context.out
    if out.json:
        out.data(
            {
                "disks": [shapes.disk_shape(disk) for disk in sentences.sort_disks(found)],
                "preparable": [shapes.preparable_shape(whole) for whole in preparable],
            }
        )
        return EXIT_OK
    blank = without_disk(preparable, found)
    if not found and not blank:
        out.line(_("no disk is saved, and none is plugged in that could be"))
        return EXIT_OK
    full = context.options.full or not out.terminal
    out.table(sentences.disks_table(found, full=full, blank=blank), wide=full)
    hints = sentences.disk_hints(found, preparable)
    if hints:
        out.line("")
    for hint in hints:
        out.line(hint)
    return EXIT_OK


async def scripts(context: Context) -> int:
    """The backup scripts, and which run."""
    found = (await context.client.manager()).scripts
    if context.out.json:
        context.out.data({"scripts": [shapes.script_shape(script) for script in found]})
    elif found:
        context.out.table(sentences.scripts_table(found))
    else:
        context.out.line(_("there is no backup script; look at /usr/lib/tetras-back/scripts"))
    return EXIT_OK


async def history(context: Context) -> int:
    """Past backups, newest first."""
    options = context.options
    uuid = await history_uuid(context.client, options.disk) if options.disk else ""
    entries: list[HistoryEntry] = []
    before = options.before
    while len(entries) < options.count:
        wanted = min(PAGE, options.count - len(entries))
        page = await context.client.history(uuid, before, wanted)
        entries += page
        if len(page) < wanted:
            break
        before = page[-1].id
    if context.out.json:
        context.out.data({"history": [shapes.history_shape(entry) for entry in entries]})
    elif entries:
        context.out.table(sentences.history_table(entries))
    else:
        context.out.line(_("no backup yet"))
    return EXIT_OK


async def log(context: Context) -> int:
    """The log of one backup or job: by its number, or the newest (of one disk)."""
    which, is_job = context.options.which, context.options.job
    if which.isdecimal() and which.isascii() and len(which) < 19:
        number = int(which)
    else:
        uuid = await history_uuid(context.client, which) if which else ""
        number = await _newest(context.client, uuid, is_job)
    text = await _log(context.client, number, is_job)
    if context.out.json:
        context.out.data({"id": number, "log": text})
    else:
        context.out.raw(clean_lines(text))
    return EXIT_OK


async def _log(client: Client, number: int, is_job: bool) -> str:
    """The log of the backup or job NUMBER: one counter numbers both."""
    try:
        return await (Jobs(client) if is_job else client).log(number)
    except UnknownBackup:
        try:
            return await Jobs(client).log(number)
        except (UnknownJob, UnknownMethod):
            pass  # what was said first is what there is to say
        raise


async def _newest(client: Client, uuid: str, is_job: bool) -> int:
    """The number of the newest backup or job, of one disk or (empty) of all."""
    newest = await (Jobs(client).entries if is_job else client.history)(uuid, 0, 1)
    if newest:
        return newest[0].id
    if is_job:
        raise UnknownJob(_("nothing has been restored or verified yet"))
    raise UnknownBackup(_("there has been no backup yet"))


async def version(context: Context) -> int:
    """Of this program and of the daemon."""
    daemon = None
    code = EXIT_OK
    problem = ""
    try:
        daemon = (await context.client.manager()).version
    except Unreachable as error:
        problem, code = explain(error), EXIT_UNREACHABLE
    if context.out.json:
        context.out.data({"client": __version__, "daemon": daemon})
    else:
        context.out.line(f"tetras-backctl {__version__}")
        if daemon is not None:
            context.out.line(f"tetras-backd {daemon}")
    if problem:
        context.out.note(problem)
    return code
