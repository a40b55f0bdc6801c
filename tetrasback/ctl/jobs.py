"""Restores and verifications: the list of them, those under way, and the end of one."""

from collections.abc import Sequence

from tetrasback.client import shapes
from tetrasback.client.jobs import Jobs
from tetrasback.client.proxy import Client
from tetrasback.ctl.attend import look
from tetrasback.ctl.context import Context
from tetrasback.ctl.match import history_uuid
from tetrasback.ctl.output import Column, Table
from tetrasback.ctl.sentences import VERDICT_STYLES
from tetrasback.errors import EXIT_OK, NotRunning, UnknownMethod
from tetrasback.lang.i18n import _
from tetrasback.lang.told import told
from tetrasback.lang.units import duration, moment, size
from tetrasback.lang.words import JOB_KINDS, VERDICT_WORDS, WHY, say
from tetrasback.wire import JobEntry, JobView

PAGE = 1000


async def jobs(context: Context) -> int:
    """Past and running jobs, newest first."""
    options = context.options
    uuid = await history_uuid(context.client, options.disk) if options.disk else ""
    entries: list[JobEntry] = []
    before = options.before
    while len(entries) < options.count:
        wanted = min(PAGE, options.count - len(entries))
        page = await Jobs(context.client).entries(uuid, before, wanted)
        entries += page
        if len(page) < wanted:
            break
        before = page[-1].id
    if context.out.json:
        context.out.data({"jobs": [shapes.job_entry_shape(entry) for entry in entries]})
    elif entries:
        context.out.table(_table(entries))
    else:
        context.out.line(_("nothing has been restored or verified yet"))
    return EXIT_OK


def _table(entries: Sequence[JobEntry]) -> Table:
    table = Table(
        [
            Column(_("Id"), right=True, full=True),
            Column(_("Job"), full=True),
            Column(_("Disk")),
            Column(_("Started"), full=True),
            Column(_("Took"), right=True, full=True),
            Column(_("Verdict"), full=True),
            Column(_("Size"), right=True),
            Column(_("Files"), right=True),
            Column(_("Snapshot")),
            Column(_("Message")),
        ]
    )
    for entry in entries:
        took = (entry.finished_at - entry.started_at) / 1_000_000
        verdict = say(VERDICT_WORDS, entry.verdict, "verdict")
        table.rows.append(
            (
                str(entry.id),
                say(JOB_KINDS, entry.kind, "job"),
                entry.name or entry.uuid,
                moment(entry.started_at),
                duration(took) if entry.started_at and entry.finished_at else "-",
                (verdict, VERDICT_STYLES.get(entry.verdict, "bold blue")),
                size(entry.bytes) if entry.bytes else "-",
                str(entry.files) if entry.files else "-",
                entry.snapshot or "-",
                told(entry.message, say(WHY, entry.code)),
            )
        )
    return table


async def running(client: Client, limit: int) -> list[JobView]:
    """Those of the newest LIMIT jobs that have not ended; none where the service knows no jobs."""
    try:
        entries = await Jobs(client).entries(limit=limit)
    except UnknownMethod:
        return []
    return [await look(client, entry.id) for entry in entries if not entry.verdict]


async def cancel(context: Context, number: int) -> int:
    """End the job NUMBER; 0 = the one that runs."""
    if not number:
        under_way = await running(context.client, PAGE)
        if not under_way:
            raise NotRunning(_("no restore or verification is under way"))
        number = under_way[0].id
    await Jobs(context.client).cancel(number)
    if context.out.json:
        context.out.data({"cancelled": {"job": number}})
    context.out.line(_("job {number} is being cancelled").format(number=number))
    return EXIT_OK
