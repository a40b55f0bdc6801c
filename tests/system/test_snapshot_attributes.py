"""ACLs, capabilities and other attributes: sealed as the rest is, given back only if they are."""

import os
import re
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.harness import LoopDisk, run
from tests.system.older import make_older
from tests.system.scripts_support import mounted
from tests.system.test_restore_hostile import FOLDER, Disk, manifested
from tests.system.test_snapshot import Place, differences, inode, make_place
from tests.system.test_snapshot_verify import verify
from tetrasback.snapshot.program import EXIT_OK, EXIT_WARNING

CAPABILITY = "security.capability"
ANYBODY = bytes.fromhex("0100000280000000000000000000000000000000")
"""cap_setuid+ep, as setcap(8) writes it."""


@pytest.fixture
def place(workspace: Path, loop_disk: Callable[..., LoopDisk]) -> Place:
    return make_place(workspace, workspace / "key", loop_disk("ext4", 64))


def words(place: Place, number: int) -> dict[str, str]:
    """Path → word for the attributes, as the manifest has them."""
    with closing(place.manifest(number)) as manifest:
        return {entry.path: entry.attributes for entry in manifest.entries() if entry.attributes}


def having(source: Path) -> set[str]:
    """The entries that have attributes, as a manifest names them."""
    return {
        f"./{path.relative_to(source)}"
        for path in source.rglob("*")
        if os.listxattr(path, follow_symlinks=False)
    }


def test_each_entry_that_has_attributes_has_a_word_that_common_tools_make(place: Place) -> None:
    os.setxattr(place.source / "d1", "user.empty", b"")
    os.setxattr(place.source / "d1", "user.a=b\\c", b"\0\xff")
    os.setxattr(place.source / "link", "trusted.of-a-link", b"1", follow_symlinks=False)
    os.setxattr(place.source / "d2/one", CAPABILITY, ANYBODY)
    place.make()
    names = {"./plain", "./second name", "./directory", "./d1", "./link", "./d2/one"}
    assert names <= having(place.source) == set(words(place, 1))
    for path, word in words(place, 1).items():
        # As in the manual.
        command = (
            r"getfattr -h -d -m '^(user\.|trusted\.|security\.|system\.posix_acl_)' -e hex"
            r' --absolute-names -- "$0" | grep -a =0x | LC_ALL=C sort | sha256sum'
        )
        told = run(["sh", "-c", command, place.last / path]).stdout
        assert told.split()[0] == word, path


def test_the_word_is_carried_over_and_made_anew_where_it_must_be(place: Place) -> None:
    os.setxattr(place.source / "d1/one", "user.x", b"1")
    os.setxattr(place.source / "d1/two", "user.x", b"1")
    place.make()
    before = words(place, 1)
    os.setxattr(place.source / "d1/two", "user.x", b"2")
    os.removexattr(place.source / "plain", "user.colour")
    run(["setfacl", "-k", place.source / "directory"])
    place.make()
    assert differences(place.source, place.last) == ""
    after = words(place, 2)
    changed = {path for path in {*before, *after} if before.get(path) != after.get(path)}
    assert changed == {"./d1/two", "./plain", "./second name", "./directory"}
    assert "./directory" not in after
    assert verify(place, 2, status=EXIT_OK) == (set(), 0)


def test_a_subvolume_forgets_what_its_source_has_lost(
    workspace: Path, loop_disk: Callable[..., LoopDisk]
) -> None:
    place = make_place(workspace, workspace / "key", loop_disk("btrfs", 200))
    place.options = ("--subvolume",)
    place.make()
    run(["setfacl", "-k", place.source / "directory"])
    place.make()
    assert differences(place.source, place.last) == ""
    assert verify(place, 2, status=EXIT_OK) == (set(), 0)


@pytest.mark.parametrize("fs", ["ext4", "btrfs", "btrfs-subvolume"])
def test_an_attribute_too_large_for_the_disk_is_left_out_and_told_each_time(
    workspace: Path, loop_disk: Callable[..., LoopDisk], fs: str
) -> None:
    place = make_place(workspace, workspace / "key", loop_disk(fs.partition("-")[0], 200))
    place.options = ("--subvolume",) if "-" in fs else ()
    big = mounted(loop_disk("xfs", 300, name="big"), workspace / "big")  # which takes 64 KiB
    run(["cp", "-a", place.source, big / "source"])
    place.source = big / "source"
    (place.source / "d3/linked").hardlink_to(place.source / "d3/one")
    large = {"d1", "d2/one", "d3/linked"}
    for path in large:
        os.setxattr(place.source / path, "user.huge", bytes(60_000))
        os.setxattr(place.source / path, "user.small", b"1")
    for number in (1, 2, 3):
        said = place.make(status=EXIT_WARNING)
        assert said
        left = "warning source-unreadable: too large for the disk, left out of "
        told = {line.removeprefix(f"{left}{place.source}/") for line in said}
        named = {f"{path}: user.huge" for path in large}
        assert named <= told | {"d3/linked: user.huge"}
        assert told <= named | {"d3/one: user.huge"}
        assert os.listxattr(place.last / "d2/one") == ["user.small"]
        assert verify(place, number, status=EXIT_OK) == (set(), 0)
    if not place.options:
        assert inode(place.at(1) / "d2/one") == inode(place.at(3) / "d2/one")
    for path in large:
        os.setxattr(place.source / path, "user.huge", b"small now")
    assert place.make() == []
    assert differences(place.source, place.last) == ""


def test_an_older_manifest_is_completed_without_copying(place: Place) -> None:
    os.setxattr(place.source / "d1/one", "user.x", b"1")
    place.make()
    whole = place.at(1, ".mtree").read_text()
    make_older(place.at(1, ".mtree"), place.key)
    with closing(place.manifest(1)) as manifest:
        assert not manifest.covers_attributes
        assert len(list(manifest.entries())) == whole.count(" type=")
    assert verify(place, 1, status=EXIT_OK) == (set(), 0)
    place.make()
    assert inode(place.at(1) / "d1/one") == inode(place.at(2) / "d1/one")
    assert inode(place.at(1) / "plain") == inode(place.at(2) / "plain")
    line = re.compile(r"^\./\S+ type=(?!dir).*$", re.M)
    assert set(line.findall(whole)) == set(line.findall(place.at(2, ".mtree").read_text()))
    assert set(words(place, 2)) == having(place.source) > {"./plain", "./d1/one"}
    assert verify(place, 2, status=EXIT_OK) == (set(), 0)


# --- what somebody did who had the disk -----------------------------------------------------------


def add_capability(tree: Path) -> str:
    os.setxattr(tree / "d2/one", CAPABILITY, ANYBODY)
    return "d2/one"


def add_default_acl(tree: Path) -> str:
    run(["setfacl", "-d", "-m", "u:65534:rwx", tree / "d3"])
    return "d3"


def change_acl(tree: Path) -> str:
    run(["setfacl", "-m", "u:33:rwx,m::rw", tree / "plain"])
    return "plain"


def take_acl_away(tree: Path) -> str:
    mode = (tree / "plain").stat().st_mode
    run(["setfacl", "-b", tree / "plain"])
    (tree / "plain").chmod(stat.S_IMODE(mode))
    return "plain"


def change_attribute(tree: Path) -> str:
    os.setxattr(tree / "plain", "trusted.secret", b"2")
    return "plain"


ATTACKS = [add_capability, add_default_acl, change_acl, take_acl_away, change_attribute]


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_attribute_is_changed_unnoticed(place: Place, attack: Callable[[Path], str]) -> None:
    place.make()
    path = attack(place.last)
    damaged, _ = verify(place, 1, status=EXIT_WARNING)
    assert path in damaged
    assert damaged <= {path, "second name"}
    place.make()
    newer = ["--newer", str(place.at(2)), "--newer-manifest", str(place.at(2, ".mtree"))]
    found = verify(place, 1, *newer)[0] | verify(place, 2)[0]
    assert path in found or (place.at(2) / path).is_dir()


@pytest.fixture
def disk(workspace: Path) -> Disk:
    """A backup of three homes: alice's key has an ACL and an attribute, bob's has neither."""
    made = Disk(workspace)
    source = workspace / "source"
    (source / "carol").mkdir(parents=True)
    for name, text in (("run", "#!"), ("plain", "x"), ("notes", "n")):
        (source / "carol" / name).write_text(text)
        (source / "carol" / name).chmod(0o640)
    run(["setfacl", "-m", "u:33:rw,g::-", source / "carol/plain"])
    os.setxattr(source / "carol/plain", "user.colour", b"blue")
    run(["setfacl", "-d", "-m", "u:33:rx", source / "carol"])
    manifested(made)
    return made


def restored(disk: Disk, name: str) -> tuple[dict[str, bytes], int]:
    path = disk.to / "home/carol" / name
    return {key: os.getxattr(path, key) for key in os.listxattr(path)}, path.stat().st_mode & 0o777


def restore(disk: Disk, status: int) -> list[str]:
    told = disk.restore("--key", disk.to.parent / "key", "/home")
    assert told.status == status, told
    return told.warnings


def test_attributes_that_are_sealed_come_back(disk: Disk) -> None:
    assert restore(disk, 0) == []
    assert set(restored(disk, "plain")[0]) == {"user.colour", "system.posix_acl_access"}
    assert differences(disk.donnees, disk.to / "home") == ""


def test_a_capability_that_was_added_does_not(disk: Disk) -> None:
    os.setxattr(disk.donnees / "carol/run", CAPABILITY, ANYBODY)
    os.setxattr(disk.donnees / "carol/plain", CAPABILITY, ANYBODY)
    own = "it has attributes that were not written, which are left out: security.capability"
    assert restore(disk, 3) == [f"damaged: /home/carol/{name}: {own}" for name in ("plain", "run")]
    assert restored(disk, "run") == ({}, 0o640)
    names, _ = restored(disk, "plain")
    assert set(names) == {"user.colour", "system.posix_acl_access"}
    assert names["system.posix_acl_access"] == os.getxattr(
        disk.donnees / "carol/plain", "system.posix_acl_access"
    )


def test_a_default_acl_that_was_added_does_not(disk: Disk) -> None:
    run(["setfacl", "-d", "-m", "u:65534:rwx", disk.donnees / "bob"])
    run(["setfacl", "-d", "-m", "u:65534:rwx", disk.donnees])
    own = "it has attributes that were not written, which are left out: system.posix_acl_default"
    assert restore(disk, 3) == [f"damaged: /home: {own}", f"damaged: /home/bob: {own}"]
    for path in (disk.to / "home", disk.to / "home/bob"):
        assert os.listxattr(path) == []


def test_also_not_on_the_way_to_what_is_wanted(disk: Disk) -> None:
    run(["setfacl", "-d", "-m", "u:65534:rwx", disk.donnees / "bob"])
    told = disk.restore("--key", disk.to.parent / "key", "/home/bob/key")
    assert told.status == 3
    (warning,) = told.warnings
    assert warning.startswith("damaged: /home/bob: it has attributes that were not written")
    assert os.listxattr(disk.to / "home/bob") == []


def test_where_a_list_was_taken_away_the_group_is_not_let_in(disk: Disk) -> None:
    """Its part of the mode was the list's mask."""
    plain = disk.donnees / "carol/plain"
    mode = stat.S_IMODE(plain.stat().st_mode)
    assert mode == 0o660
    run(["setfacl", "-b", plain])
    plain.chmod(mode)
    (warning,) = restore(disk, 3)
    assert "its attributes are not what was written, and are left out: user.colour" in warning
    assert restored(disk, "plain") == ({}, 0o600)


def test_an_attribute_that_was_changed_does_not_come_back(disk: Disk) -> None:
    os.setxattr(disk.donnees / "carol/plain", "user.colour", b"red")
    (warning,) = restore(disk, 3)
    assert warning.endswith("left out: system.posix_acl_access, user.colour")
    assert restored(disk, "plain") == ({}, 0o600)


def test_what_was_made_a_name_of_another_gets_its_own_attributes(disk: Disk) -> None:
    notes = disk.donnees / "carol/notes"
    run(["cp", "-a", disk.donnees / "carol/plain", disk.donnees / "carol/kept"])
    before = notes.stat(), notes.parent.stat()
    notes.unlink()
    (disk.donnees / "carol/kept").rename(notes)
    run(["ln", "-f", notes, disk.donnees / "carol/plain"])
    os.utime(notes.parent, ns=(before[1].st_atime_ns, before[1].st_mtime_ns))
    restore(disk, 3)
    assert restored(disk, "notes")[0] == {}
    assert "user.colour" in restored(disk, "plain")[0]


def test_an_older_backup_is_told_to_be_not_covered_and_not_damaged(disk: Disk) -> None:
    make_older(disk.folder.parent / ".tetras-back/manifests" / FOLDER, disk.to.parent / "key")
    os.setxattr(disk.donnees / "carol/notes", "user.x", b"1")
    told = disk.restore("--key", disk.to.parent / "key", "/home")
    assert (told.status, told.warnings) == (0, [])
    assert [note for note in told.said("note") if "does not cover attributes" in note]
    assert restored(disk, "notes")[0] == {"user.x": b"1"}
