"""A snapshot that is not what its manifest says any more is found out, and shared with no other."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness import LoopDisk, run
from tests.harness.process import PROJECT
from tests.system.scripts_support import NOCLOUD, Bench, mounted, small_source
from tests.system.test_snapshot import Place, differences, inode, make_place
from tetrasback.snapshot.program import EXIT_DISK, EXIT_ERROR, EXIT_OK, EXIT_WARNING


@pytest.fixture
def place(workspace: Path, loop_disk: Callable[..., LoopDisk]) -> Place:
    return make_place(workspace, workspace / "key", loop_disk("ext4", 64))


def verify(
    place: Place, number: int, *options: str, status: int | None = None
) -> tuple[set[str], int]:
    """Verify a snapshot: the damaged entries, and where to go on. STATUS is the one expected."""
    argv = ["/usr/bin/python3", "-I", PROJECT / "tetrasback/snapshot", "verify"]
    manifest = ["--manifest", place.at(number, ".mtree"), "--key", place.key]
    done = run([*argv, *manifest, *options, place.at(number)], check=False)
    assert status in (None, done.returncode), done.stdout + done.stderr
    damaged = set(
        re.findall(rf"^warning damaged: {place.at(number)}/(.*): [^:]*$", done.stdout, re.M)
    )
    found = re.search(r"^next ([0-9]+)$", done.stdout, re.M)
    return damaged, int(found[1]) if found else -1


def flip(path: Path) -> None:
    """Change one bit, as a dying disk does: nothing else tells."""
    status = path.stat()
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_whole_snapshot_is_found_whole(place: Place) -> None:
    place.make()
    assert verify(place, 1, status=EXIT_OK) == (set(), 0)


def test_each_kind_of_damage_is_named(place: Place) -> None:
    place.make()
    flip(place.last / "d1/one")
    (place.last / "d2/two").unlink()
    (place.last / "d3/extra").touch()
    (place.last / "d4").chmod(0o700)
    os.chown(place.last / "d5/one", 5, 5)
    (place.last / "link").unlink()
    (place.last / "link").symlink_to("/elsewhere")
    damaged, following = verify(place, 1, status=EXIT_WARNING)
    assert {"d1/one", "d2/two", "d3/extra", "d4", "d5/one", "link"} <= damaged
    assert damaged <= {"d1/one", "d2/two", "d3/extra", "d2", "d3", "d4", "d5/one", "link", ""}
    assert following == 0


def test_what_a_newer_one_shares_is_read_there(place: Place) -> None:
    place.make()
    (place.source / "d0/one").write_text("new")
    place.make()
    flip(place.at(1) / "d0/one")
    flip(place.at(1) / "d1/one")
    newer = ["--newer", str(place.at(2)), "--newer-manifest", str(place.at(2, ".mtree"))]
    assert verify(place, 1, *newer, status=EXIT_WARNING) == ({"d0/one"}, 0)
    assert verify(place, 2, status=EXIT_WARNING) == ({"d1/one"}, 0)


def test_a_damaged_file_is_copied_anew(place: Place) -> None:
    place.make()
    flip(place.last / "d1/one")
    listed = place.disk / "damaged"
    verify(place, 1, "--damaged", str(listed), status=EXIT_WARNING)
    place.make("--damaged", str(listed))
    assert differences(place.source, place.last) == ""
    assert inode(place.at(1) / "d0/one") == inode(place.at(2) / "d0/one")
    assert inode(place.at(1) / "d1/one") != inode(place.at(2) / "d1/one")


def test_what_is_no_file_is_not_written_to_as_a_list(place: Place, workspace: Path) -> None:
    place.make()
    flip(place.last / "d1/one")
    listed, elsewhere = place.disk / "damaged", workspace / "elsewhere"
    for put in (
        lambda: listed.symlink_to(elsewhere),  # where nothing is yet
        lambda: (elsewhere.touch(), listed.symlink_to(elsewhere)),
        lambda: os.mkfifo(listed),
        lambda: run(["mknod", listed, "c", "1", "3"]),
    ):
        put()
        verify(place, 1, "--damaged", str(listed), status=EXIT_DISK)
        assert not elsewhere.exists() or not elsewhere.stat().st_size
        listed.unlink()
    # A FIFO that somebody reads can be opened.
    os.mkfifo(listed)
    reader = os.open(listed, os.O_RDONLY | os.O_NONBLOCK)
    verify(place, 1, "--damaged", str(listed), status=EXIT_DISK)
    assert os.read(reader, 1) == b""
    os.close(reader)
    listed.unlink()
    verify(place, 1, "--damaged", str(listed), status=EXIT_WARNING)
    assert (listed.read_text(), listed.stat().st_mode) == ("./d1/one\n", 0o100600)


def test_a_few_looks_see_everything(place: Place) -> None:
    place.make()
    for number in range(30):
        flip(place.last / f"d{number}/two")
    damaged: set[str] = set()
    start, looks = 0, 0
    while True:
        found, following = verify(place, 1, "--seconds", "0", "--start", str(start))
        damaged |= found
        looks += 1
        if not following:
            break
        assert following > start
        start = following
    assert len(damaged) == 30
    assert looks > 10


def test_a_sample_is_a_part(place: Place) -> None:
    place.make()
    for number in range(30):
        flip(place.last / f"d{number}/two")
    argv = ["--sample", "20%"]
    sizes = [len(verify(place, 1, *argv, status=EXIT_WARNING)[0]) for _ in range(3)]
    assert 0 < max(sizes) < 30


def test_without_its_manifest_nothing_is_said_to_be_well(place: Place) -> None:
    place.make()
    place.at(1, ".mtree").write_text("#mtree\n")
    assert verify(place, 1, status=EXIT_ERROR) == (set(), -1)


def test_another_tree_in_its_place_is_not_taken_for_it(place: Place) -> None:
    place.make()
    place.at(1).rename(place.at(2))
    place.at(1).symlink_to(place.at(2))
    assert verify(place, 1, status=EXIT_ERROR) == (set(), -1)


@pytest.fixture
def bench(workspace: Path, loop_disk: Callable[..., LoopDisk]) -> Bench:
    return Bench(mounted(loop_disk(), workspace / "mnt"), small_source(workspace / "src"))


def test_the_backup_script_verifies_names_and_heals(bench: Bench) -> None:
    first = bench.backup("--data")
    flip(bench.mount / first / "Donnees/alice/photo")
    done = bench.run(NOCLOUD, "--data", VERIFY_MINUTES="1")
    assert done.status == 3, done.output
    (warning,) = done.said("warning")
    assert warning.startswith("damaged: ")
    assert "/Donnees/alice/photo: " in warning
    healed = bench.run(NOCLOUD, "--data", VERIFY_MINUTES="1")
    photo = bench.mount / healed.snapshot / "Donnees/alice/photo"
    assert photo.read_bytes() == (bench.source / "home/alice/photo").read_bytes()
    # The damaged copy is still in the older backups.
    assert [line for line in healed.said("warning") if done.snapshot in line]
    done = bench.run(NOCLOUD, "--data")
    assert (done.status, done.said("warning")) == (0, []), done.output


@pytest.mark.parametrize("kind", ["link", "fifo", "directory"])
def test_what_lies_where_the_script_lists_damage_is_left_alone(bench: Bench, kind: str) -> None:
    first = bench.backup("--data")
    flip(bench.mount / first / "Donnees/alice/photo")
    listed = bench.mount / f".tetras-back/manifests/{first}.damaged"
    elsewhere = bench.source.parent / "elsewhere"
    if kind == "link":
        listed.symlink_to(elsewhere)
    elif kind == "fifo":
        os.mkfifo(listed)
    else:
        listed.mkdir()
    # What the new one shares is not read in the older one: it gets a file of its own.
    (bench.source / "home/alice/photo").write_text("y" * 40_000)
    done = bench.run(NOCLOUD, "--data", VERIFY_MINUTES="1")
    assert done.status == 3, done.output
    (warning,) = done.said("warning")
    assert f"{first}/Donnees/alice/photo: " in warning
    assert not elsewhere.exists()
