"""A verification is of the whole backup, or does not say that all is well."""

import sys
from pathlib import Path

import pytest

from tetrasback.adapters.sim_records import SimLogs
from tetrasback.adapters.tasks import Tasks
from tetrasback.core.task import Kind, Task
from tetrasback.ports import TaskOrder

FOLDER = "2026-11-25_03-04-05_Sauvegarde_x"
RIGHT, WRONG = "a" * 64, "b" * 64
PROGRAM = f"""
import json, sys
if sys.argv[1] == "list":
    print(json.dumps({{"snapshot": "{FOLDER}", "manifest": True}}))
elif sys.argv[1] == "seal":
    open(sys.argv[-1]).close()
    print("seal {RIGHT}")
"""


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
    logs = SimLogs()
    tasks = Tasks(logs, key=tmp_path / "key", program=(sys.executable, "-c", PROGRAM))
    order = TaskOrder(
        job_id=1,
        task=Task(Kind.VERIFY, "u"),
        mount=str(tmp_path),
        name="bleu",
        device="/dev/x",
        fstype="ext4",
        source="/",
        nice=0,
        timeout=60.0,
    )
    result = await tasks.run(order, lambda said: None)
    assert (result.status, result.progress.warnings) == ((3, 1) if warned else (0, 0))
    assert warned in await logs.read(1)
