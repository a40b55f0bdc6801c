"""backup_nocloud.sh on Btrfs: each Donnees begins as a snapshot of the one before."""

import os
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness import LoopDisk, run, wait_until
from tests.system.scripts_support import (
    HOST,
    MIRROR,
    NOCLOUD,
    Bench,
    Outcome,
    differences,
    finish,
    mounted,
    odd_entries,
    small_source,
    start,
)
from tetrasback.snapshot.key import read_key
from tetrasback.snapshot.manifest import open_manifest
from tetrasback.snapshot.subvolumes import state
from tetrasback.snapshot.trees import Tree

MB = 1 << 20
SIZE = re.compile(r", ([0-9.]+)([KMG]?)i?B( so far)?, (?:to make room|as the rules say)$")


@pytest.fixture
def bench(workspace: Path, loop_disk: Callable[..., LoopDisk]) -> Bench:
    """A disk of 200 MiB, some 119 of them for files."""
    return Bench(mounted(loop_disk("btrfs", 200), workspace / "mnt"), small_source(workspace / "s"))


def churn(bench: Bench, megabytes: int) -> None:
    """Another content of the one big file of the source."""
    (bench.source / "home/big").write_bytes(os.urandom(megabytes * MB))


def fill(bench: Bench, count: int = 3, megabytes: int = 33) -> list[str]:
    made = []
    for _ in range(count):
        churn(bench, megabytes)
        made.append(bench.backup("--data"))
    return made


def subvolumes(bench: Bench) -> list[str]:
    """Paths of all on the disk."""
    listed = run(["btrfs", "subvolume", "list", bench.mount]).stdout
    return sorted(line.split(" path ")[1] for line in listed.splitlines())


def donnees(bench: Bench, folder: str) -> Path:
    return bench.mount / folder / "Donnees"


def content(tree: Path) -> str:
    """Everything that a backup consists of."""
    listing = run(["find", tree, "-printf", "%P %y %m %U %G %s %T@ %i %l\n"]).stdout
    sums = run(["find", tree, "-type", "f", "-exec", "sha256sum", "{}", "+"]).stdout
    attributes = run(["getfattr", "-Rdhm", "-", "-e", "hex", "--absolute-names", tree]).stdout
    return "\n".join(sorted([*listing.splitlines(), *sums.splitlines()])) + attributes


def used(bench: Bench) -> int:
    run(["sync", "-f", bench.mount])
    run(["btrfs", "subvolume", "sync", bench.mount])
    return shutil.disk_usage(bench.mount).used


def pruned(done: Outcome) -> dict[str, float]:
    """Folders that went, and the MiB that were told."""
    found = {}
    for line in done.said("note"):
        if line.startswith("pruned: "):
            size = SIZE.search(line)
            assert size, line
            factor = {"": 1 / MB, "K": 1 / 1024, "M": 1, "G": 1024}[size[2]]
            found[line.removeprefix("pruned: ").split(",")[0]] = float(size[1]) * factor
    return found


def as_plain(bench: Bench, folder: str) -> None:
    """Have FOLDER as it would be from before there were subvolumes."""
    place = donnees(bench, folder)
    plain = place.with_name("plain")
    run(["cp", "-a", "--reflink=always", place, plain])
    run(["btrfs", "subvolume", "delete", place])
    plain.rename(place)


def test_a_backup_begins_as_a_snapshot_and_the_older_ones_stay(bench: Bench) -> None:
    shutil.rmtree(bench.source / "home")
    odd_entries(bench.source / "home")
    churn(bench, 20)
    (bench.source / "home/goes").write_text("x")
    first = bench.backup()
    before, room = content(bench.mount / first), used(bench)
    (bench.source / "home/goes").unlink()
    (bench.source / "home/plain").chmod(0o600)
    (bench.source / "home/new").write_text("x")
    second = bench.backup()
    assert used(bench) - room < 2 * MB
    assert subvolumes(bench) == [f"{first}/Donnees", f"{second}/Donnees"]
    assert differences(bench.source / "home", donnees(bench, second)) == ""
    assert content(bench.mount / first) == before
    assert bench.leftovers() == []


@pytest.mark.parametrize("manifest", [True, False])
def test_a_disk_with_plain_directories_goes_over_to_subvolumes(
    bench: Bench, manifest: bool
) -> None:
    shutil.rmtree(bench.source / "home")
    odd_entries(bench.source / "home")
    churn(bench, 40)
    first = bench.backup("--data")
    as_plain(bench, first)
    if not manifest:  # as the original's
        (bench.mount / ".tetras-back/manifests" / first).unlink()
        (bench.mount / ".tetras-back/complete" / first).unlink()
    before, room = content(bench.mount / first), used(bench)
    second = bench.backup("--data")
    assert bench.folders() == [first, second]
    assert subvolumes(bench) == [f"{second}/Donnees"]
    assert used(bench) - room < 2 * MB  # the content is shared all the same
    third = bench.backup("--data")
    for folder in (second, third):
        assert differences(bench.source / "home", donnees(bench, folder)) == ""
    assert content(bench.mount / first) == before
    assert bench.leftovers() == []


@pytest.mark.parametrize("script", [NOCLOUD, MIRROR])
def test_what_a_killed_run_left_is_cleared(bench: Bench, script: str) -> None:
    first = bench.backup("--data")
    before = content(bench.mount / first)
    churn(bench, 33)
    running = start(bench.argv(NOCLOUD, "--data"), bench.environment(), bench.mount)
    wait_until(lambda: len(subvolumes(bench)) == 2, "the snapshot to begin")
    os.killpg(running.process.pid, signal.SIGKILL)
    finish(running)
    assert bench.folders() == [first]
    assert len(bench.leftovers()) == 1
    done = bench.run(script, *(["--data"] if script == NOCLOUD else []))
    assert (done.status, done.said("warning")) == (0, []), done.output
    assert bench.leftovers() == []
    assert subvolumes(bench) == [f"{folder}/Donnees" for folder in bench.folders()]
    assert content(bench.mount / first) == before


def test_what_a_killed_deletion_left_goes_with_the_next_backup(bench: Bench) -> None:
    first, second = fill(bench, 2, 10)
    (work,) = (bench.mount / ".tetras-back").glob("work-*")
    (bench.mount / first).rename(work / f"old.{first}")
    done = bench.run(NOCLOUD, "--data")
    assert (done.status, done.said("warning")) == (0, []), done.output
    assert 9 <= pruned(done)[first] <= 12
    assert bench.leftovers() == []
    assert subvolumes(bench) == [f"{folder}/Donnees" for folder in (second, done.snapshot)]


def test_the_oldest_goes_and_only_it_and_its_size_is_told(bench: Bench) -> None:
    first, *others = fill(bench)
    before = [content(bench.mount / folder) for folder in others]
    churn(bench, 33)
    done = bench.run(NOCLOUD, "--data")
    assert done.status == 0, done.output
    assert bench.folders() == [*others, done.snapshot]
    gone = pruned(done)
    assert list(gone) == [first]
    assert 32 <= gone[first] <= 36
    assert [content(bench.mount / folder) for folder in others] == before
    assert subvolumes(bench) == [f"{folder}/Donnees" for folder in bench.folders()]


def test_no_room_left_half_way_is_made_too(bench: Bench) -> None:
    first, *others = fill(bench)
    with (bench.source / "home/big").open("wb") as file:
        file.truncate(600 * MB)
        file.write(os.urandom(33 * MB))
    # The plan counts what takes room in the source; here it is told of less.
    shim = bench.source.parent / "shim"
    shim.mkdir()
    (shim / "stat").write_text(
        '#!/bin/sh\ncase "$*" in *"%f %a %S"*) [ -e "$0.told" ] || { touch "$0.told";'
        ' echo 100000 100000 4096; exit; } ;; esac\nexec /usr/bin/stat "$@"\n'
    )
    (shim / "stat").chmod(0o755)
    environment = bench.environment()
    environment["PATH"] = f"{shim}:{environment['PATH']}"
    done = finish(start(bench.argv(NOCLOUD, "--data"), environment, bench.mount))
    assert done.status == 0, done.output
    assert bench.folders() == [*others, done.snapshot]
    assert list(pruned(done)) == [first]
    assert bench.leftovers() == []
    assert differences(bench.source / "home", donnees(bench, done.snapshot)) == ""


def test_room_that_is_becoming_free_is_waited_for_before_a_backup_goes(bench: Bench) -> None:
    made = fill(bench, 2)
    # What an interrupted run left, or a deletion that an unplugging cut short.
    left = bench.mount / "left"
    run(["btrfs", "subvolume", "create", left])
    (left / "big").write_bytes(os.urandom(40 * MB))
    run(["sync", "-f", bench.mount])
    churn(bench, 33)
    run(["btrfs", "subvolume", "delete", left])
    done = bench.run(NOCLOUD, "--data")
    assert done.status == 0, done.output
    assert bench.folders() == [*made, done.snapshot]


def test_nothing_goes_where_it_would_not_help(bench: Bench) -> None:
    """Four snapshots of the same 50 MiB give nothing back while the newest of them stays."""
    churn(bench, 50)
    made = [bench.backup("--data") for _ in range(4)]
    (bench.source / "home/more").write_bytes(os.urandom(90 * MB))
    done = bench.run(NOCLOUD, "--data")
    assert done.status == 1
    assert "the disk is full" in done.output
    assert bench.folders() == made
    assert bench.leftovers() == []


def test_never_the_newest_and_none_on_a_doubt(bench: Bench) -> None:
    for number in range(10):
        (bench.source / f"home/alice/{number}").touch()
    made = fill(bench)
    for number in range(10):
        (bench.source / f"home/alice/{number}").unlink()
    churn(bench, 33)
    done = bench.run(NOCLOUD, "--data")
    assert done.status == 1
    assert "nothing may be deleted" in done.output
    assert bench.folders() == made
    churn(bench, 150)
    assert bench.run(NOCLOUD, "--data", SHRINK_ALERT="0").status == 1
    assert bench.folders() == made


def test_what_no_rule_keeps_goes_and_its_size_is_told(bench: Bench) -> None:
    first, second = fill(bench, 2, 10)
    third = bench.backup("--data")  # shares everything with the second
    (bench.mount / ".tetras-back/pins").mkdir()
    (bench.mount / ".tetras-back/pins" / third).touch()
    done = bench.run(NOCLOUD, "--data", KEEP="last=1")
    assert (done.status, done.said("warning")) == (0, []), done.output
    assert bench.folders() == [third, done.snapshot]
    gone = pruned(done)
    assert set(gone) == {first, second}
    assert 9 <= gone[first] <= 12
    assert gone[second] < 1
    assert bench.leftovers() == []
    assert subvolumes(bench) == [f"{folder}/Donnees" for folder in bench.folders()]


def test_small_files_lie_among_the_names_and_are_told_as_well(bench: Bench) -> None:
    """Btrfs gives the room that was theirs to no large file, but to other small ones."""
    small = bench.source / "home/small"
    small.mkdir()
    for _ in range(2):
        for number in range(4000):
            (small / f"{number}").write_bytes(os.urandom(1500))
        bench.backup("--data")
    (first, _) = bench.folders()
    done = bench.run(NOCLOUD, "--data", KEEP="last=1")
    assert 10 <= pruned(done)[first] <= 25  # written twice, as all that is among the names


def test_what_is_damaged_in_a_snapshot_is_copied_anew(bench: Bench) -> None:
    first = bench.backup("--data")
    victim = donnees(bench, first) / "alice/photo"
    status = victim.stat()
    victim.write_bytes(b"y" * 40_000)
    os.utime(victim, ns=(status.st_atime_ns, status.st_mtime_ns))
    done = bench.run(NOCLOUD, "--data", VERIFY_MINUTES="1")
    assert done.status == 3  # found, for the new backup shared it
    done = bench.run(NOCLOUD, "--data")
    assert differences(bench.source / "home", donnees(bench, done.snapshot)) == ""


def test_a_dying_disk_is_never_a_success(workspace: Path) -> None:
    """The image lies on a file system with less room than the disk claims: writing fails later."""
    tight = workspace / "tight"
    tight.mkdir()
    run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", tight])
    with LoopDisk(tight, "btrfs", 300) as disk:
        bench = Bench(mounted(disk, workspace / "mnt"), small_source(workspace / "src"))
        churn(bench, 33)
        done = bench.run(NOCLOUD, "--data")
        assert done.status == 1, done
        assert done.said("snapshot") == []
        assert [line for line in done.said("warning") if line.startswith("disk-error: ")], done
        run(["umount", "--recursive", bench.mount])


def test_the_way_back(bench: Bench, workspace: Path) -> None:
    """List, verify, diff, pin and restore on a disk with subvolumes and a plain older backup."""
    shutil.rmtree(bench.source / "home")
    odd_entries(bench.source / "home")
    (bench.source / "home/alice").mkdir()
    old = bench.plant(f"2019-03-01_12-00-00_sauvegarde_{HOST}", data={"alice/old": b"old"})
    first = bench.backup()
    (bench.source / "home/new").write_text("new")
    second = bench.backup()
    program = [str(bench.source.parent / "program")]
    wrapper = Path(program[0])
    wrapper.write_text(f'#!/bin/sh\nexec /usr/bin/python3 -I {_PACKAGE} "$@"\n')
    wrapper.chmod(0o755)
    key = str(bench.source.parent / "manifest.key")
    listed = run([*program, "list", bench.mount]).stdout
    assert [name in listed for name in (old.name, first, second)] == [True, True, True]
    changes = run([*program, "diff", "--key", key, bench.mount / first, bench.mount / second])
    assert changes.stdout.splitlines() == ["+ /home/new"]
    changes = run([*program, "diff", "--key", key, old, bench.mount / first, "/home/alice"])
    assert "- /home/alice/old" in changes.stdout
    for folder, newer in ((second, ""), (first, second)):
        manifests = bench.mount / ".tetras-back/manifests"
        other = ["--newer", donnees(bench, newer), "--newer-manifest", manifests / newer]
        run(
            [*program, "verify", "--key", key, "--manifest", manifests / folder]
            + (other if newer else [])
            + [donnees(bench, folder)]
        )
    run([*program, "pin", bench.mount, first])
    for folder in (first, second):
        restored = workspace / f"restored {folder}"
        run([*program, "restore", "--key", key, bench.mount / folder, "--to", restored])
        (restored / "home/new").unlink(missing_ok=True)
        run(["rsync", "-aHAX", bench.source / "home/new", restored / "home/new"])
        os.utime(restored / "home", ns=(1, (bench.source / "home").stat().st_mtime_ns))
        assert differences(bench.source / "home", restored / "home") == ""
    done = bench.run(NOCLOUD, KEEP="last=1")
    assert bench.folders() == [first, second, done.snapshot]


_PACKAGE = Path(__file__).resolve().parents[2] / "tetrasback/snapshot"


def test_a_backup_and_its_verification_leave_the_copies_as_they_were_sealed(bench: Bench) -> None:
    """Or the next backup would look at every file of this one again."""
    shutil.rmtree(bench.source / "home")
    odd_entries(bench.source / "home")
    for _ in range(3):
        folder = bench.backup("--data", VERIFY_MINUTES="5")
        tree = Tree(str(donnees(bench, folder)), quiet=True)
        manifest = open_manifest(
            bench.mount / ".tetras-back/manifests" / folder,
            read_key(bench.source.parent / "manifest.key"),
        )
        assert manifest.subvolume == state(tree.root) != ""
        tree.close()
        manifest.close()
