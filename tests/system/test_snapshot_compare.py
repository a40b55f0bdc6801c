"""rsync as the judge that a person can ask for: what it finds, and what it leaves be."""

import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.harness import LoopDisk, run, wait_until
from tests.harness.process import PROJECT
from tests.system.scripts_support import (
    NOCLOUD,
    Bench,
    finish,
    mounted,
    odd_entries,
    small_source,
    start,
)
from tetrasback.snapshot.program import EXIT_ERROR, EXIT_OK, EXIT_WARNING

PROGRAM = ("env", f"PYTHONPATH={PROJECT}", sys.executable, "-m", "tetrasback.snapshot.program")
CACHE = "Signature: 8a477f597d28d172789f06886806bc55\n"


@dataclass
class Pair:
    """A source and a snapshot of it, made with EXCLUDES."""

    source: Path
    copy: Path
    excludes: tuple[str, ...]

    def compare(self, *options: str, status: int = EXIT_OK) -> list[str]:
        """What was said of entries, without the figures."""
        command = [*PROGRAM, "compare", *self.excludes, *options, str(self.source), str(self.copy)]
        done = run(command, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        lines = (done.stdout + done.stderr).splitlines()
        return [line for line in lines if not line.startswith(("bytes ", "files "))]

    def names(self, lines: list[str], beginning: str) -> set[str]:
        """The entries of which lines with this beginning tell."""
        place = f"{beginning}: {self.source}/"
        return {line.removeprefix(place).split(": ")[0] for line in lines if place in line}


def a_second_later(path: Path) -> None:
    """PATH was touched before the second from which on a touch excuses a difference."""
    wait_until(lambda: int(time.time()) > path.stat().st_ctime, "the next second")


@pytest.fixture
def pair(workspace: Path, loop_disk: Callable[..., LoopDisk]) -> Pair:
    source = workspace / "source"
    odd_entries(source)
    (source / "cache/deep").mkdir(parents=True)
    (source / "cache/CACHEDIR.TAG").write_text(CACHE)
    (source / "cache/deep/much").write_text("much")
    (source / "left.tmp").write_text("out")
    disk = mounted(loop_disk(), workspace / "mnt")
    excludes = ("--exclude", "*.tmp")
    key = ("--key", str(workspace / "key"), "--manifest", str(disk / "manifest"))
    run([*PROGRAM, "make", *excludes, *key, str(source), str(disk / "copy")])
    return Pair(source, disk / "copy", excludes)


def test_a_snapshot_of_everything_odd_is_its_source(pair: Pair) -> None:
    assert pair.compare() == []


def test_every_difference_is_named(pair: Pair) -> None:
    plain = pair.copy / "plain"  # with two names
    status = plain.stat()
    plain.write_bytes(b"DATA")
    os.utime(plain, ns=(status.st_atime_ns, status.st_mtime_ns))
    (pair.copy / "setuid").chmod(0o755)
    (pair.copy / "new\nline").unlink()
    (pair.copy / "more").write_text("not there")
    (pair.copy / "link").unlink()
    (pair.copy / "link").symlink_to("/elsewhere")
    os.setxattr(pair.copy / "directory", "user.colour", b"red")
    lines = pair.compare(status=EXIT_WARNING)
    found = pair.names(lines, "warning not as in the source")
    wanted = {"plain", "setuid", "new?line", "more", "link", "directory"}
    # The root's own time has moved; the other name of a file may be told or not.
    assert wanted <= found <= wanted | {"", "second name"}


def test_what_was_touched_meanwhile_is_told_and_does_not_count(pair: Pair) -> None:
    since = ("--since", str(int(time.time())))
    (pair.source / "setuid").write_bytes(b"#! changed")
    (pair.source / "added").write_text("since")
    shutil.rmtree(pair.source / "directory")
    lines = pair.compare(*since)
    assert {"setuid", "added", "directory"} <= pair.names(lines, "note changed since it was copied")
    assert pair.compare(status=EXIT_WARNING)


def test_what_was_not_touched_counts_beside_what_was(pair: Pair) -> None:
    a_second_later(pair.source / "plain")
    since = ("--since", str(int(time.time())))
    (pair.source / "plain").write_bytes(b"changed")
    (pair.copy / "sparse").write_bytes(b"rubbish")
    found = pair.names(pair.compare(*since, status=EXIT_WARNING), "warning not as in the source")
    assert found - {""} == {"sparse"}


def test_without_rsync_it_says_so(pair: Pair) -> None:
    command = [sys.executable, "-m", "tetrasback.snapshot.program", "compare"]
    environment = {"PYTHONPATH": str(PROJECT), "PATH": "/nowhere"}
    done = run([*command, pair.source, pair.copy], env=environment, check=False)
    assert done.returncode == EXIT_ERROR
    assert done.stderr.endswith("to compare, rsync is needed: install it\n")


# --- asked for in a backup ----------------------------------------------------------------------


@pytest.fixture
def bench(workspace: Path, loop_disk: Callable[..., LoopDisk]) -> Bench:
    return Bench(mounted(loop_disk(), workspace / "mnt"), small_source(workspace / "src"))


def test_a_backup_is_compared_on_request(bench: Bench) -> None:
    done = bench.run(NOCLOUD, "--compare", "--data", "--config")
    assert (done.status, done.said("warning")) == (0, []), done.output
    assert f"rsync has compared the copy with {bench.source}/home: it is the same" in done.output
    fractions = [float(line.split(" ")[0]) for line in done.said("progress")]
    assert fractions == sorted(fractions)


def test_a_copy_that_is_not_its_source_is_no_backup(bench: Bench) -> None:
    """Something on the way spoils a byte: an rsync that first writes into the copy."""
    place = bench.source.parent / "bin"
    place.mkdir()
    victim = next(path for path in (bench.source / "home").rglob("*") if path.is_file())
    inner = victim.relative_to(bench.source / "home")
    spoil = f'for last; do :; done\nprintf X >"$last/{inner}"\nexec /usr/bin/rsync "$@"\n'
    (place / "rsync").write_text(f"#!/bin/bash\n{spoil}")
    (place / "rsync").chmod(0o755)
    a_second_later(victim)
    environment = bench.environment()
    environment["PATH"] = f"{place}:{environment['PATH']}"
    done = finish(start(bench.argv(NOCLOUD, "--data", "--compare"), environment, bench.mount))
    assert done.status == 1, done.output
    assert f"the copy is not what was to be saved: {victim}: the copy differs" in done.output
    assert bench.folders() == []
