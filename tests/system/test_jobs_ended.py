"""Scripts that hang, hide, fork away or are left behind: all of it is ended."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.harness import wait_until
from tests.harness.process import BASE_ENVIRONMENT, PROJECT, Process
from tests.system.jobs_support import Bench, have_marked, marked, until
from tetrasback.core.state import Code, Progress
from tetrasback.ports import JobResult

MARK = "tetras-back-test-mark"

# Marked processes: a child, one in a session of its own, and one whose parent has ended, twice
# over; none of them listens to TERM.
STUBBORN = f"""
trap '' TERM
sleeper() {{ exec -a sleep bash -c 'trap "" TERM; while :; do sleep 0.2; done' {MARK}; }}
sleeper &
setsid bash -c "trap '' TERM; while :; do sleep 0.2; done" {MARK} &
(setsid bash -c "trap '' TERM; while :; do sleep 0.2; done" {MARK} &) &
"""
COUNT = 3


@pytest.fixture
def bench(workspace: Path) -> Bench:
    return Bench(workspace)


async def test_what_a_script_leaves_running_is_ended_and_told(bench: Bench) -> None:
    result = await bench.run(STUBBORN + f"until [ $(pgrep -cf {MARK}) -ge 3 ]; do :; done; exit 0")
    assert result.status == 0
    assert marked(MARK) == []
    assert any(
        line.startswith("ended what the script left running: ") for line in await bench.lines()
    )


async def test_what_ends_when_asked_to_may_do_so(bench: Bench) -> None:
    result = await bench.run(
        f"setsid bash -c 'trap \"echo bye; exit\" TERM; touch ../up; while :; do sleep 0.1; done'"
        f" {MARK} &\nuntil [ -e ../up ]; do sleep 0.01; done"
    )
    assert result.status == 0
    assert "bye" in await bench.lines()


@pytest.mark.parametrize("how", ["stop", "time-out", "cancelled task"])
async def test_a_script_that_will_not_end_is_ended_with_all_it_started(
    bench: Bench, how: str
) -> None:
    bench.script(STUBBORN + "echo files 5 >&3; while :; do sleep 0.2; done")
    job = bench.job(timeout=1.0 if how == "time-out" else 60.0)
    task = asyncio.create_task(bench.jobs.run(job, bench.told.append))
    await until(have_marked(MARK, COUNT), "the script's processes")
    if how == "cancelled task":
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(have_marked(MARK, 0), "them to end")
        return
    if how == "stop":
        bench.jobs.stop(job.backup_id)
    result = await asyncio.wait_for(task, 15)
    assert marked(MARK) == []
    progress = Progress(files_done=5)
    if how == "stop":
        assert result == JobResult(None, progress)
    else:
        assert (result.status, result.progress) == (None, progress)
        assert result.code == Code.TIMED_OUT
        assert "test.sh was stopped: it ran longer than" in result.message


async def test_a_script_may_end_by_itself_when_it_is_stopped(bench: Bench) -> None:
    bench.script("trap 'echo cleaned; exit 0' TERM; touch ../up; while :; do sleep 0.05; done")
    job = bench.job()
    task = asyncio.create_task(bench.jobs.run(job, bench.told.append))
    await until(bench.file("up").exists, "the script to begin")
    bench.jobs.stop(job.backup_id)
    bench.jobs.stop(job.backup_id)
    assert await asyncio.wait_for(task, 10) == JobResult(None, Progress())
    assert (await bench.lines())[-1] == "cleaned"  # bash itself may say "Terminated" before


async def test_a_stopped_process_is_ended_too(bench: Bench) -> None:
    bench.script(f"exec -a {MARK} bash -c 'kill -STOP $$' {MARK}")
    job = bench.job()
    task = asyncio.create_task(bench.jobs.run(job, bench.told.append))
    await until(lambda: any(_state(pid) == "T" for pid in marked(MARK)), "it to stand still")
    bench.jobs.stop(job.backup_id)
    assert (await asyncio.wait_for(task, 10)).status is None


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


async def test_a_stop_that_comes_before_the_script_keeps_it_from_beginning(bench: Bench) -> None:
    bench.script("touch ../ran")
    job = bench.job()
    bench.jobs.stop(job.backup_id)
    assert await bench.jobs.run(job, bench.told.append) == JobResult(None, Progress())
    assert not bench.file("ran").exists()
    assert (await bench.jobs.run(bench.job(), bench.told.append)).status == 0


async def test_forking_without_end_is_ended(bench: Bench) -> None:
    bench.script(
        f"f() {{ (sleep 0.05; f) & (exec -a {MARK} sleep 0.3 {MARK}) & }}\n"
        f"trap '' TERM; f; setsid bash -c 'trap \"\" TERM; while :; do sleep 0.01 & done' {MARK} &"
        " touch ../up; sleep 60"
    )
    job = bench.job()
    task = asyncio.create_task(bench.jobs.run(job, bench.told.append))
    await until(bench.file("up").exists, "the script to begin")
    bench.jobs.stop(job.backup_id)
    assert (await asyncio.wait_for(task, 30)).status is None
    assert marked(MARK) == []


async def test_a_killed_supervisor_is_a_failure_and_leaves_nothing(bench: Bench) -> None:
    bench.script(STUBBORN + "kill -KILL $PPID; while :; do sleep 0.2; done")
    result = await asyncio.wait_for(bench.jobs.run(bench.job(), bench.told.append), 15)
    assert (result.status, result.code) == (None, Code.SCRIPT_FAILED)
    assert "from outside" in result.message
    assert marked(MARK) == []


async def test_a_descriptor_kept_by_a_stranger_does_not_keep_the_backup(bench: Bench) -> None:
    keeper = os.pidfd_open(os.getpid())
    bench.script("echo $$ > ../pid; echo said; until [ -e ../go ]; do sleep 0.02; done")
    task = asyncio.create_task(bench.jobs.run(bench.job(), bench.told.append))
    await until(lambda: _text(bench.file("pid")), "the script to begin")
    outputs = [os.open(f"/proc/{_text(bench.file('pid'))}/fd/1", os.O_WRONLY)]
    try:
        bench.file("go").touch()
        assert (await asyncio.wait_for(task, 10)).status == 0
    finally:
        for descriptor in (*outputs, keeper):
            os.close(descriptor)
    assert await bench.lines() == ["said"]


def _text(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


DAEMON = """
import asyncio, sys
from pathlib import Path
from tests.system.jobs_support import Bench
async def main():
    bench = Bench(Path(sys.argv[1]))
    bench.script(Path(sys.argv[2]).read_text())
    await bench.jobs.run(bench.job(), print)
asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_survives_the_daemon(workspace: Path, number: int) -> None:
    script = workspace / "script"
    script.write_text(STUBBORN + "while :; do sleep 0.2; done")
    (workspace / "bench").mkdir()
    daemon = Process(
        [sys.executable, "-c", DAEMON, workspace / "bench", script],
        log=workspace / "log",
        env={**BASE_ENVIRONMENT, "PYTHONPATH": str(PROJECT)},
    )
    try:
        wait_until(have_marked(MARK, COUNT), "the script's processes")
        supervisor = f"{PROJECT}/tetrasback/adapters/supervise.py"
        assert len(marked(supervisor)) == 1
        daemon.send(number)
        wait_until(have_marked(MARK, 0), "them to end", 3)
        wait_until(have_marked(supervisor, 0), "the supervisor to end", 3)
    finally:
        daemon.kill()


async def test_what_cannot_be_ended_is_given_up_and_told(workspace: Path) -> None:
    """A supervisor that stands still is as near to a process hanging in the kernel as we get."""
    (workspace / "hangs").mkdir()
    bench = Bench(workspace / "hangs", grace=0.2, patience=0.3)
    bench.script(f"exec -a {MARK} bash -c 'echo $PPID > ../parent; sleep 60' {MARK}")
    job = bench.job()
    task = asyncio.create_task(bench.jobs.run(job, bench.told.append))
    parent = int(await until(lambda: _text(bench.file("parent")), "the script to begin"))
    os.kill(parent, signal.SIGSTOP)
    try:
        bench.jobs.stop(job.backup_id)
        result = await asyncio.wait_for(task, 10)
        assert (result.status, result.code) == (None, Code.SCRIPT_FAILED)
        assert "could not be ended" in result.message
    finally:
        os.kill(parent, signal.SIGCONT)
    await until(have_marked(MARK, 0), "the script to be ended after all")
    await until(lambda: not Path(f"/proc/{parent}").exists(), "the supervisor to be collected")
