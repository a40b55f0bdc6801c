"""`restore`, `verify`, `jobs` and their logs against a stand-in: what is asked, what is told."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bus.standin import UUID, Ctl, Ended, StandIn, finish, standing_in
from tests.bus.terminal import converse
from tests.harness import PrivateBus
from tests.harness.process import PYTHON
from tetrasback import errors, names
from tetrasback.wire import Alert, DiskView, JobEntry, JobView, ManagerView, SnapshotView

FOLDER = "2025-11-24_16-14-00_Sauvegarde_web"
HOSTILE = "\x1b]0;owned\x07\u202eevil\n[red]x[/red]"
BLEU = DiskView(uuid=UUID, name="bleu", saved=True, device="/dev/sdz1", state="held", reason="job")
RUNNING = JobView(
    id=3, kind="restore", uuid=UUID, snapshot=FOLDER, state="running", step="home", fraction=0.5
)
ROW = JobEntry(id=3, kind="restore", uuid=UUID, name="bleu", snapshot=FOLDER)
PATH = names.job_path(3)


def prepare(daemon: StandIn) -> None:
    daemon.add(BLEU)
    daemon.snapshots[UUID] = [SnapshotView(snapshot=FOLDER, ours=True, host="web")]
    daemon.jobs[3] = RUNNING
    daemon.entries = [ROW]


def end(daemon: StandIn, verdict: str, **members: object) -> None:
    daemon.entries = [replace(ROW, verdict=verdict, **members)]  # type: ignore[arg-type]
    daemon.add(replace(BLEU, state="safe-to-unplug"))
    daemon.show_job(replace(RUNNING, state="done", verdict=verdict))


@pytest.fixture
async def daemon(bus: PrivateBus) -> AsyncIterator[StandIn]:
    async with standing_in(bus) as running:
        prepare(running)
        yield running


@pytest.fixture
def ctl(bus: PrivateBus) -> Ctl:
    return Ctl(bus)


def asked(daemon: StandIn, member: str) -> list[object]:
    """The arguments of the one call of a method."""
    (body,) = [call[1] for call in daemon.calls if call[0] == member]
    return [
        {key: value.value for key, value in item.items()} if isinstance(item, dict) else item
        for item in body
    ]


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        (("latest", "--to", "/srv/x"), [FOLDER, [], "/srv/x", {}]),
        ((FOLDER, "/etc/fstab", "/home/a b/../c", "--to=x"), ["/etc/fstab", "/home/c", "/x"]),
        ((FOLDER, "--to", "/srv/x", "/etc/fstab"), [FOLDER, ["/etc/fstab"], "/srv/x", {}]),
        ((FOLDER, "etc/fstab", "--in-place", "--yes"), ["/etc/fstab", "", {"in-place": True}]),
        (
            (FOLDER, "--in-place", "--yes", "--unproved"),
            [FOLDER, [], "", {"in-place": True, "unproved": True}],
        ),
        ((FOLDER, "--database=mysql", "--yes", "shop"), [["shop"], "", {"database": "mysql"}]),
        ((FOLDER, "--database", "postgresql", "--yes"), [[], "", {"database": "postgresql"}]),
    ],
)
async def test_what_is_to_be_restored_and_where_to(
    daemon: StandIn, ctl: Ctl, words: tuple[str, ...], arguments: list[object]
) -> None:
    """Names that are not absolute are meant from where the command is run: here the root."""
    ended = await ctl("restore", "bleu", *words, "--no-wait")
    assert (ended.code, ended.err) == (0, "")
    assert "tetras-backctl cancel --job 3" in ended.out
    uuid, snapshot, paths, destination, options = asked(daemon, "Restore")
    assert (uuid, snapshot) == (UUID, FOLDER)
    assert isinstance(paths, list)
    for argument in arguments:
        assert argument in (snapshot, paths, *paths, destination, options)


@pytest.mark.parametrize(
    ("words", "percent", "snapshot"),
    [
        ((), 100, ""),
        (("--sample", "10%"), 10, ""),
        (("2025", "--sample=1"), 1, FOLDER),
        (("latest",), 100, FOLDER),
    ],
)
async def test_what_is_to_be_verified(
    daemon: StandIn, ctl: Ctl, words: tuple[str, ...], percent: int, snapshot: str
) -> None:
    ended = await ctl("verify", "bleu", *words, "--no-wait", "--json")
    assert json.loads(ended.out)["job"]["id"] == 3
    assert asked(daemon, "Verify") == [UUID, snapshot, percent]


@pytest.mark.parametrize(
    "words",
    [
        ("restore", "bleu", FOLDER),
        ("restore", "bleu", FOLDER, "--to", "/x", "--in-place"),
        ("restore", "bleu", FOLDER, "--to", ""),
        ("restore", "bleu", FOLDER, "", "--to", "/x"),
        ("restore", "bleu", FOLDER, "--to", "/x", "--nonsense"),
        ("restore", "bleu", FOLDER, "--database", "oracle", "--yes"),
        ("verify", "bleu", "--sample", "0"),
        ("verify", "bleu", "--sample", "101%"),
        ("verify", "bleu", FOLDER, "more"),
        ("cancel",),
        ("cancel", "bleu", "--job=3"),
    ],
    ids=" ".join,
)
async def test_wrong_words(daemon: StandIn, ctl: Ctl, words: tuple[str, ...]) -> None:
    assert (await ctl(*words)).code == 2
    assert not {"Restore", "Verify", "CancelJob"} & {call[0] for call in daemon.calls}


@pytest.mark.parametrize("how", ["--in-place", "--database=mysql"])
@pytest.mark.parametrize("more", [(), ("--json",)])
async def test_without_a_terminal_replacing_needs_yes(
    daemon: StandIn, ctl: Ctl, how: str, more: tuple[str, ...]
) -> None:
    ended = await ctl("restore", "bleu", "latest", how, *more)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert "--yes" in ended.err
    assert "Restore" not in [call[0] for call in daemon.calls]


@pytest.mark.parametrize(
    ("typed", "code"), [("yes\n", 0), ("y\n", 2), ("\n", 2), ("\x04", 2), ("\x03", 1)]
)
async def test_on_a_terminal_replacing_is_asked_for(
    daemon: StandIn, ctl: Ctl, typed: str, code: int
) -> None:
    words = ("restore", "bleu", FOLDER, "/etc/\x1b[31mfstab", "--in-place", "--no-wait")
    argv = [PYTHON, "-m", "tetrasback.ctl", *words]
    ended, shown = await asyncio.to_thread(
        converse, argv, ctl.environment, typed, "To go on, type yes:"
    )
    assert ended == code
    assert "/etc/\N{REPLACEMENT CHARACTER}[31mfstab" in shown
    assert ("Restore" in [call[0] for call in daemon.calls]) == (code == 0)


@pytest.mark.parametrize(
    ("verdict", "code"),
    [("success", 0), ("warning", 7), ("failed", 6), ("cancelled", 9), ("interrupted", 9)],
)
async def test_the_exit_code_is_the_verdicts(
    daemon: StandIn, ctl: Ctl, verdict: str, code: int
) -> None:
    process = await ctl.start("restore", "bleu", FOLDER, "--to", "/srv/x")
    await daemon.called("Restore")
    end(daemon, verdict, message="why", bytes=4_700_000, files=2)
    ended = await finish(process)
    assert ended.code == code
    assert ("more: tetras-backctl log 3" in ended.out) == (verdict in ("warning", "failed"))
    assert ended.out.endswith("\nbleu is safe to unplug\n")
    assert "(4.7 MB in 2 files): why" in ended.out


async def test_json_is_the_job_as_it_ended(daemon: StandIn, ctl: Ctl) -> None:
    process = await ctl.start("verify", "bleu", "--json")
    await daemon.called("Verify")
    end(daemon, "warning", kind="verify", warnings=2)
    ended = await finish(process)
    answer = json.loads(ended.out)
    assert answer["disk"]["state"] == "safe-to-unplug"
    job = answer["job"]
    assert (job["kind"], job["verdict"], job["warnings"]) == ("verify", "warning", 2)


async def test_a_held_disk_is_safe_when_the_service_says_so(daemon: StandIn, ctl: Ctl) -> None:
    """Nothing was backed up onto it: its state remains `plugged`, and only the signal tells."""
    process = await started(ctl)
    daemon.entries = [replace(ROW, verdict="success")]
    daemon.add(replace(BLEU, state="plugged", reason=""))
    daemon.show_job(replace(RUNNING, state="done", verdict="success"))
    daemon.tell("JobFinished", PATH, "restore", UUID, "success", "complete")
    daemon.tell("SafeToUnplug", UUID, "/dev/sdz1")
    ended = await finish(process)
    assert (ended.code, ended.out.splitlines()[-1]) == (0, "bleu is safe to unplug")


async def test_a_disk_that_is_used_again_is_not_called_safe(daemon: StandIn, ctl: Ctl) -> None:
    process = await started(ctl)
    end(daemon, "success")
    daemon.add(replace(BLEU, state="queued", reason=""))
    assert "do not unplug bleu yet" in (await finish(process)).out


async def test_interrupting_cancels_and_waits_for_the_end(daemon: StandIn, ctl: Ctl) -> None:
    process = await started(ctl)
    process.send_signal(signal.SIGINT)
    await daemon.called("CancelJob")
    end(daemon, "cancelled")
    ended = await finish(process)
    assert ended.code == 9
    assert "restore from bleu: cancelled" in ended.out
    assert asked(daemon, "CancelJob") == [3]


async def test_interrupting_twice_stops_the_waiting(daemon: StandIn, ctl: Ctl) -> None:
    process = await started(ctl)
    process.send_signal(signal.SIGINT)
    await daemon.called("CancelJob")
    process.send_signal(signal.SIGINT)
    ended = await finish(process)
    assert ended.code == 1
    assert "job 3 goes on" in ended.err


async def test_a_terminal_that_goes_away_leaves_the_job_alone(daemon: StandIn, ctl: Ctl) -> None:
    process = await started(ctl)
    process.send_signal(signal.SIGHUP)
    ended = await finish(process)
    assert ended.code == 1
    assert "CancelJob" not in [call[0] for call in daemon.calls]


async def test_a_cancel_that_is_refused_is_told(daemon: StandIn, ctl: Ctl) -> None:
    daemon.errors["CancelJob"] = (errors.AccessDenied.dbus_name, "not you")
    process = await started(ctl)
    process.send_signal(signal.SIGINT)
    await daemon.called("CancelJob")
    end(daemon, "success")
    ended = await finish(process)
    assert ended.code == 0
    assert "it goes on: not you" in ended.err


async def test_a_daemon_that_dies_is_waited_for(bus: PrivateBus, ctl: Ctl) -> None:
    async with AsyncExitStack() as first:
        prepare(await first.enter_async_context(standing_in(bus)))
        process = await started(ctl)
        assert process.stderr is not None
    assert b"gone away" in await asyncio.wait_for(process.stderr.readline(), 15)
    async with standing_in(bus) as daemon:
        prepare(daemon)
        daemon.jobs.clear()
        daemon.add(replace(BLEU, state="safe-to-unplug"))
        daemon.entries = [replace(ROW, verdict="interrupted")]
        ended = await finish(process)
    assert ended.code == 9


async def started(ctl: Ctl) -> asyncio.subprocess.Process:
    """A restore that shows already how far it is."""
    process = await ctl.start("restore", "bleu", FOLDER, "--to", "/srv/x")
    assert process.stdout is not None
    assert await process.stdout.readline() == b"restore from bleu: home, 50%\n"
    return process


async def test_jobs_are_listed_newest_first(daemon: StandIn, ctl: Ctl) -> None:
    daemon.entries = [
        ROW,
        replace(ROW, id=2, kind="verify", verdict="failed", code="disk-error", message=""),
    ]
    title, *rows = (await ctl("jobs")).out.splitlines()
    assert title.split() == [
        *("ID", "JOB", "DISK", "STARTED", "TOOK", "VERDICT", "SIZE", "FILES", "SNAPSHOT"),
        "MESSAGE",
    ]
    assert [row.split()[:3] for row in rows] == [
        ["3", "restore", "bleu"],
        ["2", "verification", "bleu"],
    ]
    assert "running" in rows[0]
    assert rows[1].endswith(f"{FOLDER}  the disk reports errors")
    shown = json.loads((await ctl("jobs", "bleu", "-n", "1", "--json")).out)["jobs"]
    assert [job["id"] for job in shown] == [3]
    shown = json.loads((await ctl("jobs", "--before", "3", "--json")).out)["jobs"]
    assert [job["id"] for job in shown] == [2]
    daemon.entries.clear()
    assert (await ctl("jobs")).out == "nothing has been restored or verified yet\n"


async def test_log_of_a_job(daemon: StandIn, ctl: Ctl) -> None:
    daemon.log, daemon.job_log = "a backup's", "a job's"
    assert (await ctl("log", "--job", "3")).out == "a job's\n"
    assert (await ctl("log", "--job", "bleu")).out == "a job's\n"
    assert json.loads((await ctl("log", "--job", "--json")).out) == {"id": 3, "log": "a job's"}
    daemon.entries.clear()
    assert (await ctl("log", "--job")).code == 1
    assert (await ctl("log", "3")).out == "a backup's\n"
    daemon.errors["GetLog"] = (errors.UnknownBackup.dbus_name, "no such backup")
    assert (await ctl("log", "3")).out == "a job's\n"
    daemon.errors["GetJobLog"] = (errors.UnknownJob.dbus_name, "no such job")
    assert (await ctl("log", "3")).err == "tetras-backctl: no such backup\n"


async def test_the_job_that_runs_is_cancelled(daemon: StandIn, ctl: Ctl) -> None:
    assert (await ctl("cancel", "--job")).out == "job 3 is being cancelled\n"
    assert asked(daemon, "CancelJob") == [3]
    daemon.entries = [replace(ROW, verdict="success")]
    ended = await ctl("cancel", "--job")
    assert (ended.code, ended.err) == (
        1,
        "tetras-backctl: no restore or verification is under way\n",
    )


async def test_status_and_watch_show_what_runs(daemon: StandIn, ctl: Ctl) -> None:
    held = Alert("held", UUID, 1, "do not unplug disk bleu yet: its backups are being read")
    daemon.manager = ManagerView(alerts=(held,))
    assert (await ctl("status")).out.splitlines()[0] == "running  restore from bleu: home, 50%"
    assert json.loads((await ctl("status", "--json")).out)["jobs"][0]["id"] == 3
    process = await ctl.start("watch")
    assert process.stdout is not None
    await process.stdout.readline()
    for name, *arguments in (
        ("JobStarted", PATH, "restore", UUID),
        ("JobProgress", PATH, 0.5, "home"),
        ("JobProgress", PATH, 0.51, "home"),
        ("JobFinished", PATH, "restore", UUID, "failed", "why\x1b[0m"),
    ):
        daemon.tell(name, *arguments)
    lines = [
        (await asyncio.wait_for(process.stdout.readline(), 10)).decode().split(" ", 1)[1]
        for _ in range(3)
    ]
    process.send_signal(signal.SIGINT)
    await finish(process)
    assert lines == [
        "restore from bleu: started\n",
        "restore from bleu: 50% home\n",
        "restore from bleu: FAILED: why\N{REPLACEMENT CHARACTER}[0m\n",
    ]


async def test_an_older_service_is_told_in_one_line(daemon: StandIn, ctl: Ctl) -> None:
    for member in ("Restore", "Verify", "CancelJob", "GetJobs", "GetJobLog"):
        daemon.errors[member] = (errors.UnknownMethod.dbus_name, "no such method")
    for words in (
        ("restore", "bleu", FOLDER, "--to", "/x"),
        ("verify", "bleu"),
        ("jobs",),
        ("log", "--job", "3"),
        ("cancel", "--job=3"),
    ):
        ended: Ended = await ctl(*words)
        assert (ended.code, ended.err.count("\n")) == (1, 1)
        assert "older than this program" in ended.err
    assert (await ctl("status")).code == 0


async def test_text_of_strangers_never_reaches_the_terminal(
    daemon: StandIn, ctl: Ctl, tmp_path: Path
) -> None:
    hostile = replace(
        ROW, kind=HOSTILE, name=HOSTILE, snapshot=HOSTILE, verdict=HOSTILE, message=HOSTILE
    )
    daemon.entries = [replace(hostile, verdict=""), hostile]
    daemon.jobs[3] = replace(RUNNING, kind=HOSTILE, step=HOSTILE, snapshot=HOSTILE)
    daemon.job_log = f"{HOSTILE}\nsecond\tline"
    for words in (("jobs",), ("status",), ("log", "--job")):
        ended = await ctl(*words)
        assert ended.code == 0
        assert "[red]x" in ended.out
        assert not set(ended.out) & {"\x1b", "\x07", "\u202e"}
    process = await ctl.start("restore", "bleu", HOSTILE[:4], "--to", str(tmp_path))
    assert not {"\x1b"} & set((await finish(process)).err)
