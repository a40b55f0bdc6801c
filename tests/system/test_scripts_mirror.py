"""backup_demo-tibox.sh on a real disk: a mirror, whose it is, and when nothing is deleted."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness import LoopDisk, wait_until
from tests.system.scripts_support import (
    MIRROR,
    Bench,
    differences,
    finish,
    mounted,
    small_source,
    start,
)

NOTICE = "SAUVEGARDE-INCOMPLETE.txt"


@pytest.fixture
def bench(workspace: Path, loop_disk: Callable[..., LoopDisk]) -> Bench:
    return Bench(mounted(loop_disk(), workspace / "mnt"), small_source(workspace / "src"))


def record(bench: Bench) -> list[str]:
    return (bench.mount / ".tetras-back/mirror").read_text().splitlines()


def test_mirror_equals_the_source_and_follows_it(bench: Bench) -> None:
    done = bench.run(MIRROR)
    assert (done.status, done.said("warning")) == (0, []), done.output
    (bench.source / "home/alice/letter.txt").unlink()
    (bench.source / "etc/hosts").write_text("changed\n")
    (bench.source / "home/bob/new\nname").touch()
    done = bench.run(MIRROR)
    assert (done.status, done.said("warning")) == (0, []), done.output
    for part in ("etc", "home"):
        assert differences(bench.source / part, bench.mount / part) == ""
        assert differences(bench.mount / part, bench.source / part) == ""
    assert "state=complete" in record(bench)
    assert not (bench.mount / NOTICE).exists()
    assert done.said("progress")[-1] == "1 done"


def test_an_interrupted_mirror_says_so_until_it_is_whole(bench: Bench) -> None:
    (bench.source / "home/huge").write_bytes(os.urandom(1 << 20) * 16)
    (slow := bench.mount.parent / "bin").mkdir()
    slow.joinpath("rsync").write_text('#!/bin/sh\nexec /usr/bin/rsync --bwlimit=2M "$@"\n')
    slow.joinpath("rsync").chmod(0o755)
    environment = bench.environment()
    environment["PATH"] = f"{slow}:{environment['PATH']}"
    running = start(bench.argv(MIRROR), environment, bench.mount)
    wait_until(lambda: list(bench.mount.glob("home/.huge.*")), "rsync to write the big file")
    running.process.send_signal(signal.SIGTERM)
    assert finish(running).status == 143
    assert (bench.mount / NOTICE).exists()
    assert "state=incomplete" in record(bench)
    assert bench.run(MIRROR).status == 0
    assert not (bench.mount / NOTICE).exists()
    assert "state=complete" in record(bench)
    assert differences(bench.source / "home", bench.mount / "home") == ""


@pytest.mark.parametrize("weak", ["missing", "empty", "shrunk"])
def test_a_weak_source_deletes_nothing(bench: Bench, weak: str) -> None:
    assert bench.run(MIRROR).status == 0
    shutil.rmtree(bench.source / "home/alice")
    if weak != "shrunk":
        shutil.rmtree(bench.source / "home")
    if weak == "empty":
        (bench.source / "home").mkdir()
    for _ in range(2):  # the second time as well: the mirror still holds what was there
        done = bench.run(MIRROR)
        assert done.status == 3
        assert done.said("warning")[0].startswith("source-shrunk: the source /home ")
        assert (bench.mount / "home/alice/photo").exists()
        assert (bench.mount / "home/bob/notes").exists()


def test_a_smaller_source_is_accepted_by_removing_its_mirror(bench: Bench) -> None:
    assert bench.run(MIRROR).status == 0
    shutil.rmtree(bench.source / "home/alice")
    assert bench.run(MIRROR).status == 3
    shutil.rmtree(bench.mount / "home")
    assert bench.run(MIRROR).status == 0
    assert not (bench.mount / "home/alice").exists()
    assert (bench.mount / "home/bob/notes").exists()


def claimed(bench: Bench) -> None:
    """What is on the disk was made by this server, as far as the original's mirror tells."""
    for root in (bench.source, bench.mount):
        (root / "etc").mkdir(exist_ok=True)
        (root / "etc/machine-id").write_text("1" * 32 + "\n")


def test_the_originals_mirror_is_taken_over(bench: Bench) -> None:
    claimed(bench)
    shutil.copytree(bench.source / "home", bench.mount / "home")
    (bench.mount / "home/alice/old").touch()
    assert bench.run(MIRROR).status == 0
    assert not (bench.mount / "home/alice/old").exists()


def test_a_fresh_source_does_not_empty_the_originals_mirror(bench: Bench) -> None:
    claimed(bench)
    for number in range(20):
        path = bench.mount / f"home/carol/{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    done = bench.run(MIRROR)
    assert done.status == 3
    assert len(list((bench.mount / "home/carol").iterdir())) == 20


def test_another_servers_mirror_is_refused(bench: Bench) -> None:
    assert bench.run(MIRROR).status == 0
    file = bench.mount / ".tetras-back/mirror"
    file.write_text("\n".join([*record(bench)[:1], "machine=" + "0" * 32]) + "\n")
    (bench.source / "etc/hosts").write_text("changed\n")
    done = bench.run(MIRROR)
    assert done.status == 1
    assert "another server's mirror" in done.output
    assert (bench.mount / "etc/hosts").read_text() != "changed\n"


def test_an_unmarked_system_of_another_machine_is_refused(bench: Bench) -> None:
    (bench.source / "etc/machine-id").write_text("1" * 32 + "\n")
    (bench.mount / "etc").mkdir()
    (bench.mount / "etc/machine-id").write_text("2" * 32 + "\n")
    done = bench.run(MIRROR)
    assert done.status == 1
    assert "another machine's" in done.output


@pytest.mark.parametrize("part", ["etc", "home", ".tetras-back", ".tetras-back/mirror", NOTICE])
def test_links_on_the_disk_lead_nowhere(bench: Bench, workspace: Path, part: str) -> None:
    outside = workspace / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    trap = bench.mount / part
    trap.parent.mkdir(exist_ok=True)
    trap.symlink_to(outside / "precious" if part == NOTICE else outside)
    done = bench.run(MIRROR)
    assert done.status == (0 if part == NOTICE else 1)
    assert [path.name for path in outside.iterdir()] == ["precious"]
    assert (outside / "precious").read_bytes() == b""


def test_links_inside_the_mirror_lead_nowhere(bench: Bench, workspace: Path) -> None:
    outside = workspace / "outside"
    outside.mkdir()
    (outside / "precious").touch()
    claimed(bench)
    (bench.mount / "home").mkdir()
    (bench.mount / "home/alice").symlink_to(outside)
    (bench.mount / "home/other").symlink_to(outside)
    assert bench.run(MIRROR).status == 0
    assert [path.name for path in outside.iterdir()] == ["precious"]
    assert differences(bench.source / "home", bench.mount / "home") == ""


@pytest.mark.parametrize("arguments", [["--data"], ["elsewhere"]])
def test_wrong_usage_is_told(bench: Bench, arguments: list[str]) -> None:
    done = bench.run(MIRROR, *arguments)
    assert done.status == 2
    assert "usage: backup_demo-tibox.sh" in done.output
    assert not (bench.mount / "etc").exists()
