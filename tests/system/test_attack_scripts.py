"""Holes once found in the backup scripts: what must not go, or must not be told, never again."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.harness import LoopDisk, run
from tests.system.scripts_support import (
    MIRROR,
    NOCLOUD,
    Bench,
    Outcome,
    finish,
    mounted,
    small_source,
    start,
)

MB = 1 << 20


@pytest.fixture
def bench(workspace: Path, loop_disk: Callable[..., LoopDisk]) -> Bench:
    return Bench(mounted(loop_disk(), workspace / "mnt"), small_source(workspace / "src"))


@contextmanager
def unreadable(path: Path) -> Iterator[None]:
    """A file that even root cannot read."""
    path.touch()
    run(["mount", "--bind", "/proc/self/mem", path])
    try:
        yield
    finally:
        run(["umount", path])


def run_without(bench: Bench, program: str, *, only: str = "") -> Outcome:
    """Run the dated backup where PROGRAM is killed, each time or if its first argument is ONLY."""
    place = bench.mount.parent / "bin"
    place.mkdir()
    fake = place / program
    guard = f'[ "$1" != "{only}" ] || ' if only else ""
    fake.write_text(f'#!/bin/sh\n{guard}kill -KILL $$\nexec /usr/bin/{program} "$@"\n')
    fake.chmod(0o755)
    environment = bench.environment()
    environment["PATH"] = f"{place}:{environment['PATH']}"
    return finish(start(bench.argv(NOCLOUD, "--data"), environment, bench.mount))


def fill(bench: Bench, count: int) -> list[str]:
    """Backups of a big file that is new each time; their folders."""
    made = []
    for _ in range(count):
        (bench.source / "home/big").write_bytes(os.urandom(14 * MB))
        made.append(bench.backup("--data"))
    (bench.source / "home/big").write_bytes(os.urandom(14 * MB))
    return made


def test_making_room_and_an_unreadable_file_are_a_warning_only(bench: Bench) -> None:
    """What has gone to make room was still named as a place to link from."""
    first, *others = fill(bench, 3)
    with unreadable(bench.source / "home/alice/unread"):
        done = bench.run(NOCLOUD, "--data")
    assert done.status == 3, done.output
    assert first not in bench.folders()
    assert bench.folders() == [*others, done.snapshot]


def test_a_source_that_cannot_be_counted_is_not_saved(bench: Bench) -> None:
    """Without figures a source that has shrunk was taken for one that had not."""
    made = [bench.backup("--data")]
    done = run_without(bench, "awk")
    assert done.status == 1
    assert "could not be counted" in done.output
    assert bench.folders() == made


def test_a_disk_that_tells_no_figures_loses_no_backup(bench: Bench) -> None:
    """No figure for the free room was taken for none, and one backup after the other went."""
    made = fill(bench, 2)
    done = run_without(bench, "stat", only="-f")
    assert done.status == 1
    assert bench.folders() == made


@pytest.mark.parametrize("part", ["etc", "home"])
def test_the_mirror_deletes_nothing_that_somebody_else_made(bench: Bench, part: str) -> None:
    """A disk's own home/ was taken for an older mirror, and emptied."""
    (bench.mount / part).mkdir()
    (bench.mount / part / "wedding.jpg").write_bytes(b"x" * 100)
    done = bench.run(MIRROR)
    assert done.status == 1
    assert "nothing says that this server made" in done.output
    assert os.listdir(bench.mount / part) == ["wedding.jpg"]
