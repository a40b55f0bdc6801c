"""What shows a backup to a user does not begin, or does not go on: nothing is left of it."""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness import LoopDisk, User, run, run_as
from tetrasback.adapters.outside import Outside, hold_namespace
from tetrasback.adapters.showing import MOST
from tetrasback.adapters.sim_records import SimLogs
from tetrasback.adapters.tasks import Tasks
from tetrasback.adapters.userview import FAILED, NO_PROGRAM, UserViews, is_mounted
from tetrasback.adapters.window import Window
from tetrasback.core.task import JobCode, Kind, Task
from tetrasback.ports import Fault, TaskOrder

FOLDER = "2026-11-25_03-04-05_Sauvegarde_x"
OLDER = "2025-11-25_03-04-05_Sauvegarde_x"
LISTING = f"""
for folder in ("{FOLDER}", "{OLDER}"):
    print('{{"snapshot": "%s"}}' % folder)
"""


@pytest.fixture
def outside() -> Outside:
    return Outside(hold_namespace(), systemd=False)


@pytest.fixture
def folder(workspace: Path) -> Path:
    made = workspace / "disk" / FOLDER
    made.mkdir(parents=True)
    (made / "secret").write_text("x")
    (made / "secret").chmod(0o600)
    return made


def nothing_left(workspace: Path) -> bool:
    shown = [*workspace.glob("views/*"), *workspace.glob("browse/*")]
    mounts = Path("/proc/self/mountinfo").read_text(errors="replace")
    return not shown and not any(f"{workspace}/{name}/" in mounts for name in ("browse", "views"))


def died() -> None:
    raise AssertionError("nothing had begun")


def program(workspace: Path, text: str) -> Path:
    made = workspace / "bindfs"
    made.write_text(f"#!/bin/sh\n{text}\n")
    made.chmod(0o755)
    return made


@pytest.mark.parametrize(
    "text",
    [
        "exit 1",
        'exec /usr/bin/bindfs -o no-such-option "$@"',  # it mounts, and only then complains
        'exec /usr/bin/bindfs "$1" "$2" /nonexistent "$4"',
    ],
)
async def test_program_that_fails_is_told_and_leaves_nothing(
    workspace: Path, folder: Path, outside: Outside, text: str
) -> None:
    views = UserViews(workspace / "views", outside, program(workspace, text))
    with pytest.raises(Fault) as fault:
        await views.show(folder, 4321, died)
    assert (fault.value.code, fault.value.message) == (JobCode.FAILED, FAILED)
    assert nothing_left(workspace)


async def test_what_lies_in_the_way_is_not_mounted_on(
    workspace: Path, folder: Path, outside: Outside
) -> None:
    views = UserViews(workspace / "views", outside, program(workspace, f"touch {workspace}/run"))
    (workspace / "views/4321").mkdir(parents=True)
    (workspace / "views/4321" / FOLDER).symlink_to(workspace)
    with pytest.raises(Fault):
        await views.show(folder, 4321, died)
    assert not (workspace / "run").exists()


async def test_odd_names_are_seen_as_mounted(workspace: Path) -> None:
    place = workspace / 'a\tb c\\ "é\n'
    place.mkdir()
    assert not is_mounted(str(place))
    run(["mount", "-t", "tmpfs", "none", place])
    assert is_mounted(str(place))


def tasks(workspace: Path, outside: Outside, bindfs: Path, seconds: int) -> Tasks:
    return Tasks(
        SimLogs(),
        key=workspace / "key",
        window=Window(workspace / "browse", outside),
        views=UserViews(workspace / "views", outside, bindfs),
        shown_seconds=seconds,
        program=(sys.executable, "-c", LISTING),
    )


def order(disk: LoopDisk, user: int) -> TaskOrder:
    task = Task(Kind.BROWSE, disk.uuid, user=user)
    return TaskOrder(1, task, "/nonexistent", "bleu", disk.device, "ext4", "/", 0, 60.0)


@pytest.fixture
def disk(workspace: Path, loop_disk: Callable[..., LoopDisk]) -> LoopDisk:
    made = loop_disk("ext4", 16)
    place = workspace / "place"
    place.mkdir()
    run(["mount", made.attach(), place])
    for folder in (FOLDER, OLDER):
        (place / folder).mkdir(mode=0o700)
        (place / folder / "secret").write_text("x")
    run(["umount", place])
    return made


async def test_it_ends_when_its_time_is_over(
    workspace: Path, outside: Outside, disk: LoopDisk, user: User
) -> None:
    seen: list[str] = []

    def shown(path: str, seconds: int) -> None:
        read = run_as(user, ["cat", f"{path}/secret"], env=dict(os.environ))
        seen.extend([read.stdout, str(seconds)])

    shown_for = tasks(workspace, outside, Path("/usr/bin/bindfs"), 1)
    result = await shown_for.browse(order(disk, user.uid), shown)
    assert (result.status, result.code, seen) == (0, "", ["x", "1"])
    assert nothing_left(workspace)


async def test_where_there_is_no_bindfs_a_user_is_told_and_root_is_not(
    workspace: Path, outside: Outside, disk: LoopDisk
) -> None:
    places: list[str] = []
    without = tasks(workspace, outside, workspace / "nonexistent", 0)
    result = await without.browse(order(disk, 4321), lambda path, _: places.append(path))
    assert (result.code, result.message, places) == (JobCode.FAILED, NO_PROGRAM, [])
    assert not (workspace / "browse").exists()
    result = await without.browse(order(disk, 0), lambda path, _: places.append(path))
    assert (result.status, len(places)) == (0, 1)


async def test_several_are_shown_each_to_its_user_and_end_together(
    workspace: Path, outside: Outside, disk: LoopDisk, user: User, operator: User
) -> None:
    showing = tasks(workspace, outside, Path("/usr/bin/bindfs"), 60)
    begun = asyncio.Event()
    browsing = asyncio.create_task(
        showing.browse(order(disk, user.uid), lambda path, seconds: begun.set())
    )
    await begun.wait()

    def reads(who: User, path: str) -> bool:
        return run_as(who, ["cat", f"{path}/secret"], env=dict(os.environ)).stdout == "x"

    own = await showing.show(1, FOLDER, user.uid)
    older = await showing.show(1, OLDER, user.uid)
    others = await showing.show(1, OLDER, operator.uid)
    assert [reads(user, path) for path in (own, older, others)] == [True, True, False]
    assert [reads(operator, path) for path in (own, older, others)] == [False, False, True]
    assert Path(await showing.show(1, "", 0)).parent.parent == workspace / "browse"
    for number in range(MOST - 3):
        await showing.show(1, FOLDER, 40000 + number)
    for folder, uid, code in ((FOLDER, 50000, JobCode.FAILED), ("x", 0, JobCode.NO_SNAPSHOT)):
        with pytest.raises(Fault) as fault:
            await showing.show(1, folder, uid)
        assert fault.value.code == code
    showing.stop(1)
    assert (await browsing).status == 0
    assert nothing_left(workspace)
    with pytest.raises(Fault, match="no longer"):
        await showing.show(1, FOLDER, user.uid)
