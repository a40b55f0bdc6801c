"""What looks as it did and is not: names of the same length, copies of others, lost directories."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.harness import LoopDisk, run
from tests.system.test_snapshot import Place, Told, differences, inode, make_place
from tests.system.test_snapshot_verify import flip, verify
from tetrasback.snapshot import making, subvolumes, worker
from tetrasback.snapshot.job import Job
from tetrasback.snapshot.key import read_key
from tetrasback.snapshot.late import Late
from tetrasback.snapshot.listing import Named, list_directory
from tetrasback.snapshot.making import make
from tetrasback.snapshot.program import EXIT_OK, EXIT_WARNING
from tetrasback.snapshot.syncing import Disk
from tetrasback.snapshot.trees import Tree
from tetrasback.snapshot.troubles import SourceTrouble


@pytest.fixture
def place(workspace: Path, loop_disk: Callable[..., LoopDisk]) -> Place:
    return make_place(workspace, workspace / "key", loop_disk("ext4", 64))


@pytest.fixture
def btrfs(workspace: Path, loop_disk: Callable[..., LoopDisk]) -> Place:
    made = make_place(workspace, workspace / "key", loop_disk("btrfs", 200))
    made.options = ("--subvolume",)
    return made


def here(place: Place, told: Told) -> None:
    """Make the first snapshot in this process, so that the moment can be chosen."""
    place.at(1).mkdir()
    place.key.write_text(os.urandom(32).hex() + "\n")
    job = Job(Tree(str(place.source)), Tree(str(place.at(1))))
    disk = Disk([place.disk])
    make(job, place.at(1, ".mtree"), read_key(place.key), 1, told, disk)
    for opened in (job.source, job.target, disk):
        opened.close()
    place.count = 1


def test_a_directory_of_linked_files_that_goes_before_they_are_copied(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place.source / "d3/linked").hardlink_to(place.source / "d3/one")

    def late(*given: Any) -> Late:
        times = place.source.stat()
        shutil.rmtree(place.source / "d3")
        os.utime(place.source, ns=(times.st_atime_ns, times.st_mtime_ns))
        return Late(*given)

    monkeypatch.setattr(making, "Late", late)
    told = Told()
    here(place, told)
    assert sorted(told.met_) == [("vanished", f"d3/{name}", "") for name in ("linked", "one")]
    assert verify(place, 1, status=EXIT_OK) == (set(), 0)


def test_a_directory_that_changes_before_its_linked_files_are_copied(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is told of it is what it was before, and so is its copy."""
    (place.source / "d3/linked").hardlink_to(place.source / "d3/one")

    def late(*given: Any) -> Late:
        (place.source / "d3/new").write_text("x")
        return Late(*given)

    monkeypatch.setattr(making, "Late", late)
    told = Told()
    here(place, told)
    assert told.met_ == []
    assert verify(place, 1, status=EXIT_OK) == (set(), 0)


def test_a_directory_that_cannot_be_read_leaves_no_copy(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listed(descriptor: int, path: str, *more: Any) -> list[Named]:
        if path == "d3":
            raise SourceTrouble("Input/output error")
        return list_directory(descriptor, path, *more)

    monkeypatch.setattr(worker, "list_directory", listed)
    told = Told()
    here(place, told)
    assert told.met_ == [("unreadable", "d3", "Input/output error")]
    assert not (place.at(1) / "d3").exists()
    assert verify(place, 1, status=EXIT_OK) == (set(), 0)


def test_without_a_manifest_a_copy_is_read_before_it_is_shared(place: Place) -> None:
    place.make()
    place.at(1, ".mtree").unlink()
    flip(place.last / "d1/one")
    (said,) = place.make(status=EXIT_WARNING)
    assert said.startswith("warning disk-damaged: ")
    assert said.endswith("/d1/one")
    assert differences(place.source, place.last) == ""
    assert (place.last / "d1/one").read_bytes() == (place.source / "d1/one").read_bytes()
    assert inode(place.at(1) / "d0/one") == inode(place.at(2) / "d0/one")
    assert verify(place, 2, status=EXIT_OK) == (set(), 0)


@pytest.mark.parametrize("kind", ["place", "btrfs"])
def test_all_names_of_a_damaged_file_are_made_anew(
    request: pytest.FixtureRequest, kind: str
) -> None:
    place: Place = request.getfixturevalue(kind)
    (place.source / "d3/linked").hardlink_to(place.source / "d3/one")
    place.make()
    damaged = place.disk / "damaged"
    damaged.write_text("./d3/one\n")  # a look that ended before it came to the other name
    place.make("--damaged", str(damaged))
    assert differences(place.source, place.last) == ""
    assert inode(place.last / "d3/one") == inode(place.last / "d3/linked")
    if kind == "place":
        assert inode(place.at(1) / "d3/linked") != inode(place.last / "d3/linked")


def test_a_name_that_became_a_file_of_its_own_is_one(place: Place) -> None:
    (place.source / "d4/linked").hardlink_to(place.source / "d3/one")
    place.make()
    run(["cp", "-a", place.source / "d4/linked", place.source / "new"])
    (place.source / "new").rename(place.source / "d4/linked")
    assert place.make() == []
    assert differences(place.source, place.last) == ""
    assert inode(place.last / "d3/one") != inode(place.last / "d4/linked")


def test_a_source_that_moved_to_another_disk_costs_no_room(place: Place) -> None:
    place.make()
    run(["cp", "-a", place.source, place.source.with_name("moved")])
    shutil.rmtree(place.source)
    place.source.with_name("moved").rename(place.source)
    assert place.make() == []
    assert inode(place.at(1) / "d1/one") == inode(place.last / "d1/one")
    assert differences(place.source, place.last) == ""


def test_another_name_of_the_same_length_leaves_none_behind(btrfs: Place) -> None:
    """What is left out by other rules than before has not been touched in the source."""
    for name in (".cache", ".trash"):
        (btrfs.source / "d3" / name).mkdir()
        (btrfs.source / "d3" / name / "file").write_text(name)
    for name in ("left.a", "left.b"):
        (btrfs.source / "d4" / name).write_text(name)
    btrfs.make("--exclude", ".cache", "--exclude", "*.a")
    btrfs.make("--exclude", ".trash", "--exclude", "*.b")
    assert {path.name for path in (btrfs.last / "d3").glob(".*")} == {".cache"}
    assert {path.name for path in (btrfs.last / "d4").glob("left.*")} == {"left.a"}
    assert verify(btrfs, 2, status=EXIT_OK) == (set(), 0)


def test_a_damaged_directory_is_mended_in_place(btrfs: Place) -> None:
    btrfs.make()
    os.removexattr(btrfs.last / "d17", "user.old")
    damaged = btrfs.disk / "damaged"
    assert verify(btrfs, 1, "--damaged", str(damaged), status=EXIT_WARNING) == ({"d17"}, 0)
    btrfs.make("--damaged", str(damaged))
    assert os.getxattr(btrfs.last / "d17", "user.old") == b"value"
    assert verify(btrfs, 2, status=EXIT_OK) == (set(), 0)


CHANGED: dict[str, Callable[[Path], object]] = {
    "its mode": lambda file: file.chmod(0o4777),
    "its owner": lambda file: os.chown(file, 4, 4),
    "its time": lambda file: os.utime(file, (1, 1)),
    "its length": lambda file: os.truncate(file, 1),
    "its kind": lambda file: (file.unlink(), file.symlink_to("one")),
}
MOVED: dict[str, Callable[[Path], object]] = {
    "nothing left of it": lambda file: file.unlink(),
    "its name": lambda file: file.rename(file.with_name("other")),
    "another beside it": lambda file: file.with_name("planted").write_text("by a stranger"),
    "a directory beside it": lambda file: file.with_name("planted").mkdir(),
}


@pytest.mark.parametrize("what", [*CHANGED, *MOVED])
def test_what_was_done_to_a_subvolume_is_not_carried_over(btrfs: Place, what: str) -> None:
    btrfs.make()
    btrfs.make()
    {**CHANGED, **MOVED}[what](btrfs.last / "d7/one")
    said = btrfs.make(status=EXIT_WARNING if what in CHANGED else EXIT_OK)
    assert [line.rpartition("/")[2] for line in said if "disk-damaged" in line] == (
        ["one"] if what in CHANGED else []
    )
    assert differences(btrfs.source, btrfs.last) == ""
    assert verify(btrfs, 3, status=EXIT_OK) == (set(), 0)


def test_a_subvolume_that_nobody_changed_is_known_to_be_so(btrfs: Place) -> None:
    """Or each backup would look at every file of the one before."""

    def untouched(number: int) -> bool:
        tree, manifest = Tree(str(btrfs.at(number))), btrfs.manifest(number)
        try:
            return manifest.subvolume == subvolumes.state(tree.root) != ""
        finally:
            tree.close()
            manifest.close()

    btrfs.make()
    (btrfs.source / "d3/one").write_text("changed")
    btrfs.make()
    btrfs.at(2).rename(btrfs.disk / "elsewhere")
    (btrfs.disk / "elsewhere").rename(btrfs.at(2))
    btrfs.make()
    assert [untouched(number) for number in (1, 2, 3)] == [True] * 3
    (btrfs.at(2) / "d3/one").chmod(0o600)
    assert [untouched(number) for number in (1, 2, 3)] == [True, False, True]
