"""backup_nocloud.sh where the disk is too small, or dying: what may go, and what is said."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness import LoopDisk, run
from tests.system.scripts_support import HOST, MIRROR, NOCLOUD, Bench, mounted, small_source

MB = 1 << 20


@pytest.fixture
def bench(workspace: Path, loop_disk: Callable[..., LoopDisk]) -> Bench:
    """A disk of 64 MiB, some 50 of them for files."""
    return Bench(mounted(loop_disk(), workspace / "mnt"), small_source(workspace / "src"))


def churn(bench: Bench, megabytes: int) -> None:
    """Another content of the one big file of the source."""
    (bench.source / "home/big").write_bytes(os.urandom(megabytes * MB))


def fill(bench: Bench, count: int = 3, megabytes: int = 14) -> list[str]:
    made = []
    for _ in range(count):
        churn(bench, megabytes)
        made.append(bench.backup("--data"))
    return made


def test_the_oldest_goes_and_only_it(bench: Bench) -> None:
    first, *others = fill(bench)
    churn(bench, 14)
    done = bench.run(NOCLOUD, "--data")
    assert done.status == 0, done.output
    assert bench.folders() == [*others, done.snapshot]
    assert [line for line in done.said("note") if first in line]
    marks = {path.name for path in (bench.mount / ".tetras-back/complete").iterdir()}
    assert marks == set(bench.folders())
    assert bench.leftovers() == []


def test_the_originals_folders_go_as_well(bench: Bench) -> None:
    old = bench.plant(f"2019-01-01_00-00-00_sauvegarde_{HOST}", data={"big": os.urandom(20 * MB)})
    churn(bench, 20)
    first = bench.backup("--data")
    churn(bench, 20)
    assert bench.folders() == [old.name, first]
    second = bench.backup("--data")
    assert bench.folders() == [first, second]


def test_no_room_left_half_way_is_made_too(bench: Bench) -> None:
    """The plan knows nothing of what grows meanwhile: here, a sparse file's holes that fill up."""
    first, *others = fill(bench)
    with (bench.source / "home/big").open("wb") as file:
        file.truncate(400 * MB)
        file.write(os.urandom(14 * MB))
    done = bench.run(NOCLOUD, "--data")
    assert done.status == 0, done.output
    assert bench.folders() == [*others, done.snapshot]
    assert first not in bench.folders()
    assert bench.leftovers() == []


def test_never_the_newest_and_never_anothers(bench: Bench) -> None:
    foreign = bench.plant("2018-01-01_00-00-00_Sauvegarde_other", data={"x": os.urandom(9 * MB)})
    (bench.mount / "family photos").write_bytes(os.urandom(9 * MB))
    (newest,) = fill(bench, 1)
    churn(bench, 30)
    done = bench.run(NOCLOUD, "--data")
    assert done.status == 1
    assert "the disk is full" in done.output
    assert "about 30.1MiB needed" in done.output
    assert "free" in done.output
    assert done.said("warning")[-1].startswith("disk-full: ")
    assert bench.folders() == [foreign.name, newest]
    assert (bench.mount / "family photos").exists()


def test_nothing_goes_where_it_would_not_help(bench: Bench) -> None:
    made = fill(bench, 3, 5)
    churn(bench, 60)
    assert bench.run(NOCLOUD, "--data").status == 1
    assert bench.folders() == made


def test_the_only_backup_with_data_stays(bench: Bench) -> None:
    (data,) = fill(bench, 1, 20)
    configuration = bench.backup("--config")
    (bench.source / "srv/blob").write_bytes(os.urandom(40 * MB))
    done = bench.run(NOCLOUD, "--config")
    assert done.status == 1
    assert "the disk is full" in done.output
    assert bench.folders() == [data, configuration]


@pytest.mark.parametrize("weak", ["shrunk source", "clock"])
def test_nothing_goes_on_a_doubt(bench: Bench, weak: str) -> None:
    for number in range(10):
        (bench.source / f"home/alice/{number}").touch()
    made = fill(bench)
    if weak == "clock":
        future = f"2099-01-01_00-00-00_Sauvegarde_{HOST}"
        (bench.mount / made[-1]).rename(bench.mount / future)
        made[-1] = future
    else:
        for number in range(10):
            (bench.source / f"home/alice/{number}").unlink()
    churn(bench, 14)
    done = bench.run(NOCLOUD, "--data")
    assert done.status == 1
    assert "nothing may be deleted" in done.output
    assert bench.folders() == made


def test_a_mirror_that_does_not_fit_fails_with_the_figures(bench: Bench) -> None:
    churn(bench, 60)
    done = bench.run(MIRROR)
    assert done.status == 1
    assert "the disk is full" in done.output
    assert "MiB more needed for home" in done.output
    assert (bench.mount / "SAUVEGARDE-INCOMPLETE.txt").exists()
    assert done.said("warning")[-1].startswith("disk-full: ")


@pytest.mark.parametrize("script", [NOCLOUD, MIRROR])
def test_a_dying_disk_is_never_a_success(workspace: Path, script: str) -> None:
    """The image lies on a file system with less room than the disk claims: writing fails later."""
    tight = workspace / "tight"
    tight.mkdir()
    run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", tight])
    with LoopDisk(tight) as disk:
        mount = mounted(disk, workspace / "mnt", "errors=remount-ro")
        bench = Bench(mount, small_source(workspace / "src"))
        churn(bench, 40)
        done = bench.run(script)
        assert done.status == 1, done
        assert done.said("snapshot") == []
        assert [line for line in done.said("warning") if line.startswith("disk-error: ")], done
        run(["umount", "--recursive", mount])


def test_an_attribute_that_the_disk_cannot_hold_is_no_full_disk(
    bench: Bench, workspace: Path, loop_disk: Callable[..., LoopDisk]
) -> None:
    big = mounted(loop_disk("xfs", 300, name="big"), workspace / "big")  # which takes 64 KiB
    bench.source = small_source(big / "src")
    made = [bench.backup("--data") for _ in range(2)]
    os.setxattr(bench.source / "home/bob/notes", "user.huge", bytes(60_000))
    for _ in range(2):
        done = bench.run(NOCLOUD, "--data")
        assert done.status == 3, done.output
        (warning,) = done.said("warning")
        assert "left out of" in warning
        assert warning.endswith("/home/bob/notes: user.huge")
        made.append(done.snapshot)
        assert bench.folders() == made
