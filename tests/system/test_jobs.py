"""Real scripts: what they are given, what they say, how they end."""

import asyncio
import itertools
import logging
import os
import signal
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from tests.system.jobs_support import UUID, Bench
from tetrasback.adapters.jobs import Jobs
from tetrasback.adapters.scripts import ScriptDirectories
from tetrasback.adapters.supervise import SCRIPT_PROGRESS_FD
from tetrasback.core.state import Code, Progress
from tetrasback.ports import JobResult


@pytest.fixture
def bench(workspace: Path) -> Bench:
    return Bench(workspace)


async def test_a_script_gets_what_the_contract_names_and_nothing_else(bench: Bench) -> None:
    result = await bench.run('env -0 | sort -z | tr "\\0" "\\n"; pwd; printf "<%s>" "$@"', "-a", "")
    assert result == JobResult(0, Progress())
    lines = await bench.lines()
    assert lines[-2:] == [str(bench.mount), f"<-a><><{bench.mount}>"]
    assert dict(
        line.split("=", 1) for line in lines[:-2] if line[:2] not in ("_=", "PW", "SH")
    ) == {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/root",
        "TETRAS_BACK_MOUNT": str(bench.mount),
        "TETRAS_BACK_UUID": UUID,
        "TETRAS_BACK_NAME": "bleu à moi",
        "TETRAS_BACK_DEVICE": "/dev/loop99",
        "TETRAS_BACK_SOURCE": "/srv/source",
        "TETRAS_BACK_HOSTNAME": socket.gethostname(),
        "TETRAS_BACK_ID": "1",
        "TETRAS_BACK_EXCLUDE": "",
        "TETRAS_BACK_KEEP": "",
        "TETRAS_BACK_SHRINK_ALERT": "0.5",
        "TETRAS_BACK_VERIFY_MINUTES": "0",
        "TETRAS_BACK_PROGRESS_FD": str(SCRIPT_PROGRESS_FD),
    }


async def test_a_script_that_takes_the_device_gets_it_last_and_no_mount(bench: Bench) -> None:
    await bench.run('echo "$1 ${TETRAS_BACK_MOUNT-unset} $PWD"', takes="device")
    assert await bench.lines() == ["/dev/loop99 unset /"]


async def test_a_script_has_its_own_group_its_nice_and_no_descriptor_of_ours(bench: Bench) -> None:
    await bench.run(
        "read -r line; echo in=$line\n"
        "ps -o pid=,pgid=,nice= $$ | tr -s ' '; ls -C -w 0 /proc/$$/fd\n"
        "grep -E 'Sig(Blk|Ign)' /proc/self/status"
    )
    empty, ps, descriptors, blocked, ignored = await bench.lines()
    assert empty == "in="
    pid, group, nice = ps.split()
    assert pid == group
    assert int(nice) >= 7
    assert set(descriptors.split()) <= {"0", "1", "2", str(SCRIPT_PROGRESS_FD), "255"}
    reserved = 0b11 << 31  # 32 and 33 are the C library's own: nobody can set them back
    for line in (blocked, ignored):
        assert int(line.split()[1], 16) & ~reserved == 0


async def test_a_scripts_files_are_as_readable_as_ever(bench: Bench) -> None:
    ours = os.umask(0o077)  # as the unit's UMask=
    try:
        await bench.run("umask")
    finally:
        os.umask(ours)
    assert await bench.lines() == ["0022"]


async def test_a_nice_that_is_not_permitted_keeps_no_script_from_running(bench: Bench) -> None:
    python = bench.file("python")  # as the unit's CapabilityBoundingSet=
    python.write_text('#!/bin/sh\nexec setpriv --bounding-set=-sys_nice -- /usr/bin/python3 "$@"\n')
    python.chmod(0o755)
    bench.script("nice")
    jobs = Jobs(ScriptDirectories([bench.scripts]), bench.logs, python=str(python))
    result = await jobs.run(replace(bench.job(), nice=-5), bench.told.append)
    assert result.status == 0
    assert await bench.lines() == [str(os.nice(0))]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("exit 0", 0),
        ("exit 3", 3),
        ("exit 255", 255),
        ("kill -KILL $$", -signal.SIGKILL),
        ("kill -SEGV $$", -signal.SIGSEGV),
    ],
)
async def test_the_status_is_told_as_it_is(bench: Bench, text: str, status: int) -> None:
    assert (await bench.run(text)).status == status


async def test_what_is_said_on_the_progress_descriptor_is_in_the_result(bench: Bench) -> None:
    result = await bench.run(
        "exec >&$TETRAS_BACK_PROGRESS_FD\n"
        "echo progress 0.5 home; echo bytes 10 20; echo files 3; echo snapshot s1\n"
        "echo warning source-shrunk: less than half; echo nonsense; echo note fine; exit 3"
    )
    assert result == JobResult(
        3,
        Progress(
            fraction=0.5,
            step="home",
            bytes_done=10,
            bytes_total=20,
            files_done=3,
            warnings=1,
            notes=1,
            warned=("less than half",),
            snapshot="s1",
            code=Code.SOURCE_SHRUNK,
        ),
    )
    assert await bench.lines() == [
        "warning: source-shrunk: less than half",
        "a progress line was ignored, it is no progress line: nonsense",
        "note: fine",
    ]


async def test_sh_can_write_to_the_progress_descriptor(bench: Bench) -> None:
    result = await bench.run('#!/bin/sh\necho "files 4" >&$TETRAS_BACK_PROGRESS_FD\n')
    assert result.progress.files_done == 4


async def test_every_warning_of_a_flood_is_counted(bench: Bench) -> None:
    result = await bench.run("seq -f 'warning %.0f' 1 30000 >&$TETRAS_BACK_PROGRESS_FD")
    assert result.progress.warnings == 30_000
    assert (await bench.lines())[-1].endswith("are counted only")


async def test_progress_is_told_at_most_four_times_a_second(bench: Bench) -> None:
    loop = asyncio.get_running_loop()
    times: list[float] = []
    bench.script("for i in {1..100}; do echo files $i >&3; sleep 0.01; done; echo files 1000 >&3")
    began = loop.time()
    result = await bench.jobs.run(bench.job(), lambda said: times.append(loop.time()))
    assert result.progress.files_done == 1000
    assert 2 <= len(times) <= (loop.time() - began) * 4 + 1
    assert all(later - earlier > 0.24 for earlier, later in itertools.pairwise(times))


async def test_a_gigabyte_is_neither_kept_nor_in_the_way(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    longest = 0.0

    async def heartbeat() -> None:
        nonlocal longest
        while True:
            before = loop.time()
            await asyncio.sleep(0.005)
            longest = max(longest, loop.time() - before)

    beat = asyncio.create_task(heartbeat())
    with caplog.at_level(logging.INFO, "tetrasback.script"):
        result = await bench.run("echo begins; yes | head -c 1000000000; echo ends")
    beat.cancel()
    assert result.status == 0
    lines = await bench.lines()
    assert lines[0] == "begins"
    assert lines[-1] == "ends"
    assert any(line.endswith("bytes left out …") for line in lines)
    assert sum(map(len, lines)) < 1024 * 1024
    assert len(caplog.records) <= 1001
    assert longest < 1.0


async def test_odd_output_is_made_fit_for_a_log(bench: Bench) -> None:
    await bench.run(r"printf 'a\0b\033[31m\xff\n'; printf '10%%\r99%%\n'; head -c 9999 /dev/zero")
    first, second, third = await bench.lines()
    assert first == "a\\x00b\\x1b[31m�"
    assert second == "99%"
    assert third.startswith("\\x00\\x00")
    assert third.endswith("…")


async def test_closed_output_is_no_end(bench: Bench) -> None:
    result = await bench.run("exec >&- 2>&- 3>&-; sleep 0.3; echo x > ../done; exit 5")
    assert result.status == 5
    assert (bench.file("done")).exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("#!/no/such/interpreter\n", "cannot be started: No such file or directory"),
        ("\x7fELF rubbish", None),
    ],
)
async def test_a_script_that_cannot_be_started(bench: Bench, text: str, says: str | None) -> None:
    bench.script("#!x")
    (bench.scripts / "test.sh").write_text(text)
    result = await bench.jobs.run(bench.job(), bench.told.append)
    if says:
        assert (result.status, result.code) == (None, Code.SCRIPT_REFUSED)
        assert says in result.message
    else:
        assert result.status not in (0, None)


async def test_a_script_without_interpreter_line_is_given_to_sh(bench: Bench) -> None:
    bench.script("#!x")
    (bench.scripts / "test.sh").write_text('echo "$0 $1"; exit 4\n')
    assert (await bench.jobs.run(bench.job("-v"), bench.told.append)).status == 4
    assert await bench.lines() == [f"{bench.scripts}/test.sh -v"]


async def test_refused_scripts_are_not_run(bench: Bench) -> None:
    bench.script("touch ../ran")
    (bench.scripts / "test.sh").chmod(0o777)
    result = await bench.jobs.run(bench.job(), bench.told.append)
    assert (result.status, result.code) == (None, Code.SCRIPT_REFUSED)
    assert "chmod go-w" in result.message
    (bench.scripts / "test.sh").unlink()
    result = await bench.jobs.run(bench.job(), bench.told.append)
    assert "there is no script" in result.message
    assert not bench.file("ran").exists()


async def test_arguments_that_no_program_can_have(bench: Bench) -> None:
    result = await bench.run("touch ../ran", "nul\0byte")
    assert (result.status, result.code) == (None, Code.SCRIPT_REFUSED)
    result = await bench.run("touch ../ran", *["x" * 100_000] * 100)
    assert (result.status, result.code) == (None, Code.SCRIPT_REFUSED)
    assert not bench.file("ran").exists()


async def test_a_mount_point_that_is_gone(bench: Bench) -> None:
    bench.mount.rmdir()
    result = await bench.run("touch ../ran")
    assert (result.status, result.code) == (None, Code.SCRIPT_REFUSED)
    assert not bench.file("ran").exists()
