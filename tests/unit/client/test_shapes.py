"""The JSON shapes are those of the manual page, and times are what they say."""

import re
from pathlib import Path

import pytest

from tetrasback.client.shapes import (
    backup_shape,
    disk_shape,
    history_shape,
    hold_shape,
    job_entry_shape,
    job_shape,
    snapshot_shape,
)
from tetrasback.ctl.progress import Pace
from tetrasback.lang.units import ago, duration, iso, moment, size
from tetrasback.wire import (
    BackupView,
    DiskView,
    HistoryEntry,
    HoldView,
    JobEntry,
    JobView,
    SnapshotView,
)

MANUAL = Path(__file__).parents[3] / "man/tetras-backctl.1"


@pytest.mark.parametrize(
    ("title", "shape"),
    [
        ("DISK", disk_shape(DiskView())),
        ("BACKUP", backup_shape(BackupView())),
        ("ENTRY", history_shape(HistoryEntry())),
        ("HOLD", hold_shape(HoldView("", 0), "")),
        ("SNAPSHOT", snapshot_shape(SnapshotView(), DiskView())),
        ("JOB", job_shape(JobView())),
        ("JOBENTRY", job_entry_shape(JobEntry())),
    ],
)
def test_shape_is_the_documented_one(title: str, shape: dict[str, object]) -> None:
    text = MANUAL.read_text().split(f".TP\n.I {title}\n")[1].split("}")[0]
    assert re.findall(r'"(\w+)"', text) == list(shape)


def test_never_and_unknown_are_null() -> None:
    assert disk_shape(DiskView())["last_seen"] is None
    assert backup_shape(BackupView())["fraction"] is None


def test_times_that_no_calendar_holds_are_no_crash() -> None:
    assert iso(2**64 - 1) is None
    assert moment(2**64 - 1) == "never"
    assert moment(0) == "never"
    assert iso(1_700_000_000_000_000) is not None


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_960, "1.0 MB"), (2**64 - 1, "18.4 EB")],
)
def test_size_counts_in_thousands(count: int, text: str) -> None:
    assert size(count) == text


def test_durations_and_ages() -> None:
    assert [duration(value) for value in (0.4, 61, 3700, 90_000)] == [
        "0 s",
        "1 min 01 s",
        "1 h 01 min",
        "1 d 1 h",
    ]
    day = 86_400_000_000
    assert (ago(0, day), ago(day, 3 * day), ago(2 * day, day)) == (
        "never",
        "2 days ago",
        "just now",
    )


def test_pace_tells_speed_and_what_remains() -> None:
    pace = Pace()
    for second in range(5):
        backup = BackupView(bytes_done=second * 1000, bytes_total=10_000)
        pace.see(backup, second)
    assert pace.speed == 1000
    assert pace.remaining(backup) == 6
    pace.see(BackupView(bytes_done=0), 6)
    assert pace.speed == 0
    assert pace.remaining(BackupView()) is None
    for second in range(7, 9):
        backup = BackupView(fraction=second / 10)
        pace.see(backup, second)
    assert pace.remaining(BackupView()) is None or pace.remaining(BackupView()) > 0
