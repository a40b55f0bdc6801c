"""What is done with a backup is done with the right one, and what is said of it is true of all."""

import json
import sys
from pathlib import Path

import pytest

from tetrasback.adapters import destination
from tetrasback.adapters.sim_records import SimLogs
from tetrasback.adapters.tasks import Tasks
from tetrasback.core.task import Kind, Task
from tetrasback.ports import TaskOrder, TaskResult

FOLDER = "2026-11-25_03-04-05_Sauvegarde_x"
RIGHT, WRONG = "a" * 64, "b" * 64
PROGRAM = f"""
import sys
if sys.argv[1] == "list":
    print(open(sys.argv[2] + "/listed").read())
elif sys.argv[1] == "seal":
    open(sys.argv[-1]).close()
    print("seal {RIGHT}")
"""


async def run(mount: Path, task: Task, proofs: dict[str, str]) -> tuple[TaskResult, str]:
    """How TASK ends on a disk with backups that say these PROOFS, newest first, and its log."""
    lines = [
        json.dumps({"snapshot": name, "manifest": True, "proof": proof, "started": -place})
        for place, (name, proof) in enumerate(proofs.items())
    ]
    (mount / "listed").write_text("\n".join(lines))
    logs = SimLogs()
    tasks = Tasks(logs, key=mount / "key", program=(sys.executable, "-c", PROGRAM))
    order = TaskOrder(
        job_id=1,
        task=task,
        mount=str(mount),
        name="bleu",
        device="/dev/x",
        fstype="ext4",
        source="/",
        nice=0,
        timeout=60.0,
    )
    result = await tasks.run(order, lambda said: None)
    return result, await logs.read(1)


@pytest.mark.parametrize(
    ("noted", "is_there", "warned"),
    [
        (f"archive_bytes=1\narchive_seal={RIGHT}\n", True, ""),
        (f"archive_bytes=1\narchive_seal={WRONG}\n", True, "its content has changed"),
        (f"archive_bytes=1\narchive_seal={RIGHT}\n", False, "its content has changed"),
        ("archive_bytes=1\n", True, "no seal of it is noted"),
        ("archive_bytes=1\n", False, "no seal of it is noted"),
        ("", True, "no seal of it is noted"),
        ("data_files=1\n", False, ""),
    ],
)
async def test_archive_is_verified_too(
    tmp_path: Path, noted: str, is_there: bool, warned: str
) -> None:
    mark = tmp_path / ".tetras-back/complete" / FOLDER
    mark.parent.mkdir(parents=True)
    mark.write_text(noted)
    (tmp_path / FOLDER).mkdir()
    if is_there:
        (tmp_path / FOLDER / "serveur.tar.gz").touch()
    result, told = await run(tmp_path, Task(Kind.VERIFY, "u"), {FOLDER: "sealed"})
    assert (result.status, result.progress.warnings) == ((3, 1) if warned else (0, 0))
    assert warned in told
    assert not result.unproved


@pytest.mark.parametrize("damaged", [False, True])
async def test_what_has_no_seal_is_not_passed_off_as_this_servers(
    tmp_path: Path, damaged: bool
) -> None:
    mark = tmp_path / ".tetras-back/complete" / FOLDER
    mark.parent.mkdir(parents=True)
    mark.write_text("archive_bytes=1\n" if damaged else "data_files=1\n")
    result, told = await run(tmp_path, Task(Kind.VERIFY, "u", FOLDER), {FOLDER: "unsealed"})
    assert (result.status, result.progress.warnings) == (3, 2 if damaged else 1)
    assert f"warning: {FOLDER}: it has no seal: it may be another, or an older one" in told
    assert result.unproved is not damaged


@pytest.mark.parametrize(
    ("proofs", "taken"),
    [
        (["sealed", "sealed", "sealed"], 0),
        (["unsealed", "sealed", "sealed"], 1),
        (["broken", "other-key", "sealed"], 2),
        (["broken", "unsealed", "other-key"], 1),
        (["broken", "broken", "broken"], 0),
        (["", "broken", ""], 0),
    ],
)
async def test_the_newest_that_proves_what_it_is_is_taken(
    tmp_path: Path, proofs: list[str], taken: int
) -> None:
    names = [f"2026-11-2{day}_03-04-05_Sauvegarde_x" for day in (7, 6, 5)]
    listed = dict(zip(names, proofs, strict=True))
    result, told = await run(tmp_path, Task(Kind.VERIFY, "u"), listed)
    assert result.snapshot == names[taken]
    assert ("is taken" in told) == (taken > 0)


async def test_nothing_is_made_writable_for_a_restore_that_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(destination, "protected")
    task = Task(Kind.RESTORE, "u", in_place=True)
    result, _ = await run(tmp_path, task, {FOLDER: "unsealed"})
    assert result.code == "unproved"
