"""What a backup holds comes back as it was, rsync being the judge; nothing else is touched."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.harness import LoopDisk, run
from tests.system.restore_support import Backup, differences, holes, listed, snapshot_program
from tests.system.scripts_support import HOST, Bench, mounted, odd_entries, small_source

CAPABILITY = bytes.fromhex("01000002" + "ff" * 16)
"""Every one there is, effective; as linux/capability.h has it."""

PARTS = ("home", "etc", "srv", "var/www", "root")


@pytest.fixture
def bench(workspace: Path, loop_disk: Callable[..., LoopDisk]) -> Bench:
    """A server with every kind of entry, in the homes and in the configuration."""
    server = mounted(loop_disk("ext4", 128, name="server"), workspace / "server")
    source = small_source(server / "root")
    odd_entries(source / "home/odd")
    odd_entries(source / "etc/odd")
    cache = source / "home/alice/cache"
    cache.mkdir()
    (cache / "CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55\n")
    os.utime(source / "home/alice", ns=(1, 1234567890123456789))
    return Bench(mounted(loop_disk("ext4", 128), workspace / "mnt"), source)


@pytest.fixture
def backup(bench: Bench) -> Backup:
    done = bench.run("backup_nocloud.sh", "--data", "--config")
    assert done.status == 0, done.output
    return Backup(bench, done.snapshot)


@pytest.fixture
def to(bench: Bench) -> Path:
    """A place on the server's own disk."""
    return bench.source.parent / "restored"


@contextmanager
def same_times(path: Path) -> Iterator[None]:
    """As a disk does that loses things: the time of PATH does not tell."""
    status = path.stat()
    yield
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_everything_comes_back(backup: Backup, to: Path) -> None:
    told = backup.restore("--to", to)
    assert told.warnings == []
    for part in PARTS:
        if part == "etc":
            (backup.bench.source / "etc/odd/socket").unlink()  # tar(1) cannot hold sockets
            parent = backup.bench.source / "etc/odd"
            os.utime(parent, ns=(1, (to / "etc/odd").stat().st_mtime_ns))
        assert differences(backup.bench.source / part, to / part) == "", part
    assert holes(to / "home/odd/sparse") > 40 << 20
    assert holes(to / "etc/odd/sparse") > 40 << 20
    assert sorted(path.name for path in to.iterdir()) == ["etc", "home", "root", "srv", "var"]
    assert to.stat().st_mode & 0o7777 == 0o700


def test_progress_is_told_from_nothing_to_the_end(backup: Backup, to: Path) -> None:
    told = backup.restore("--to", to)
    entries = int(run(["sh", "-c", f"find {to} -mindepth 1 | wc -l"]).stdout)
    assert 0 < int(told.said("files")[-1]) <= entries
    assert int(told.said("bytes")[-1]) > 40_000


def test_one_file_comes_back_out_of_the_homes(backup: Backup, to: Path) -> None:
    backup.restore("--to", to, "/home/alice/letter.txt")
    found = [str(path.relative_to(to)) for path in sorted(to.rglob("*"))]
    assert found == ["home", "home/alice", "home/alice/letter.txt"]
    assert (to / "home/alice/letter.txt").read_text() == "dear\n" * 100
    assert (to / "home/alice").stat().st_mtime_ns == 1234567890123456789


def test_one_file_comes_back_out_of_the_archive(backup: Backup, to: Path) -> None:
    backup.restore("--to", to, "/etc/odd/plain", "/var/www")
    found = [str(path.relative_to(to)) for path in sorted(to.rglob("*"))]
    assert found == [
        *("etc", "etc/odd", "etc/odd/plain"),
        *("var", "var/www", "var/www/index.html"),
    ]
    assert os.getxattr(to / "etc/odd/plain", "user.colour") == b"blue\x00\xff"
    assert (to / "var").stat().st_mode & 0o7777 == 0o755
    source, restored = backup.bench.source / "etc/odd", to / "etc/odd"
    assert restored.stat().st_mtime_ns == source.stat().st_mtime_ns


def test_of_several_names_any_can_be_had(backup: Backup, to: Path) -> None:
    """The archive holds the content under one name only, and not that which is asked for."""
    backup.restore("--to", to, "/etc/odd/second name", "/etc/odd/plain")
    assert (to / "etc/odd/plain").samefile(to / "etc/odd/second name")
    for name in ("plain", "second name"):
        other = to / name
        backup.restore("--to", other, f"/etc/odd/{name}")
        assert (other / "etc/odd" / name).read_bytes() == b"data"


def test_what_unchanged_files_share_with_older_backups_is_no_link(backup: Backup, to: Path) -> None:
    bench = backup.bench
    same = bench.source / "home/bob/same"
    same.write_bytes(b"1")
    second = bench.run("backup_nocloud.sh", "--data", "--config")
    assert (bench.mount / second.snapshot / "Donnees/alice/photo").stat().st_nlink == 2
    Backup(bench, second.snapshot).restore("--to", to)
    assert (to / "home/alice/photo").stat().st_nlink == 1
    assert (to / "home/odd/plain").stat().st_nlink == 2


def test_a_place_that_is_not_empty_is_refused(backup: Backup, to: Path) -> None:
    to.mkdir()
    (to / "mine").write_text("mine")
    told = backup.restore("--to", to, status=1)
    assert told.error == (
        f"tetras-back-snapshot: {to} is not empty; give a directory that is, or a new one"
    )
    assert [path.name for path in to.iterdir()] == ["mine"]


def test_what_is_there_is_never_overwritten(backup: Backup, to: Path) -> None:
    (to / "home/alice").mkdir(parents=True)
    mine = to / "home/alice/letter.txt"
    mine.write_text("mine")
    told = backup.restore("--to", to, "/home/alice/letter.txt", status=1)
    assert f"{mine} is there already" in told.error
    assert mine.read_text() == "mine"
    backup.restore("--to", to, "/home/alice/photo")
    assert mine.read_text() == "mine"
    assert (to / "home/alice/photo").stat().st_size == 40_000


def test_in_place_what_is_there_is_replaced(backup: Backup) -> None:
    source = backup.bench.source
    alice = source / "home/alice"
    (alice / "letter.txt").write_text("spoilt")
    before = (alice / "letter.txt").stat().st_ino
    (alice / "new").write_text("stays")
    (alice / "photo").unlink()
    shutil.rmtree(source / "home/bob")
    (source / "etc/hosts").write_text("spoilt")
    backup.restore("--in-place", "--source", source)
    assert (alice / "letter.txt").read_text() == "dear\n" * 100
    assert (alice / "letter.txt").stat().st_ino != before
    assert (alice / "new").read_text() == "stays"
    assert (source / "home/bob/notes").read_text() == "n\n" * 50
    assert (source / "etc/hosts").read_text() == "127.0.0.1 localhost\n"
    (alice / "new").unlink()
    os.utime(alice, ns=(1, 1234567890123456789))
    backup.restore("--to", source.parent / "again")
    for part in ("home", "srv", "var/www", "root"):
        assert differences(source.parent / "again" / part, source / part) == "", part


def test_in_place_nothing_comes_out_of_an_archive_that_somebody_changed(backup: Backup) -> None:
    archive = backup.path / "serveur.tar.gz"
    data = bytearray(archive.read_bytes())
    data[9] ^= 1
    archive.write_bytes(data)
    letter, hosts = (backup.bench.source / path for path in ("home/alice/letter.txt", "etc/hosts"))
    for path in (letter, hosts):
        path.write_text("newer")
    told = backup.restore("--in-place", "--source", backup.bench.source, status=1)
    assert "serveur.tar.gz is not what was written, and nothing was put in place" in told.error
    assert [path.read_text() for path in (letter, hosts)] == ["newer", "newer"]
    words = ("--in-place", "--source", backup.bench.source, "/home/alice/letter.txt")
    assert backup.restore(*words).warnings == []
    assert letter.read_text() == "dear\n" * 100


def test_in_place_crosses_mounts(backup: Backup) -> None:
    """A home on a file system of its own, and one that is bound there from elsewhere."""
    source = backup.bench.source
    elsewhere = source.parent / "elsewhere"
    elsewhere.mkdir()
    run(["mount", "-t", "tmpfs", "none", source / "home/alice"])
    run(["mount", "--bind", elsewhere, source / "home/bob"])
    try:
        backup.restore("--in-place", "--source", source)
        assert (source / "home/alice/letter.txt").read_text() == "dear\n" * 100
        assert (elsewhere / "notes").read_text() == "n\n" * 50
        for place in (source, source / "home/alice", source / "home/bob"):
            assert not list(place.glob(".tetras-back-restoring-*"))
    finally:
        run(["umount", source / "home/alice", source / "home/bob"])


def test_in_place_links_are_not_followed(backup: Backup) -> None:
    source = backup.bench.source
    outside = source.parent / "outside"
    outside.mkdir()
    shutil.rmtree(source / "home/alice")
    (source / "home/alice").symlink_to(outside)
    (source / "etc/hosts").unlink()
    (source / "etc/hosts").symlink_to(outside / "hosts")
    told = backup.restore("--in-place", "--source", source, status=3)
    assert told.warnings == [
        "not restored: /home/alice: something else is where a directory was; move it away"
    ]
    assert list(outside.iterdir()) == []
    assert not (source / "etc/hosts").is_symlink()


def test_what_is_not_in_the_backup_is_told(backup: Backup, to: Path) -> None:
    told = backup.restore("--to", to, "/home/carol", "/etc/nothing", status=1)
    assert told.error.endswith("not in this backup: /home/carol, /etc/nothing")
    told = backup.restore("--to", to, "/home/carol", "/etc/hosts", status=3)
    assert told.warnings == ["not in this backup: /home/carol"]
    assert (to / "etc/hosts").exists()


@pytest.mark.parametrize("path", ["etc/hosts", "/etc/../root", "../x", ""])
def test_a_path_must_be_one_of_the_server(backup: Backup, to: Path, path: str) -> None:
    told = backup.restore("--to", to, path, status=1)
    assert "not a path as on the server" in told.error
    assert not to.exists()


def test_a_folder_must_be_a_backup(backup: Backup, to: Path) -> None:
    for folder in (
        backup.bench.mount,
        backup.bench.mount / f"2020-01-01_00-00-00_Sauvegarde_{HOST}",
    ):
        told = snapshot_program("restore", folder, "--to", to)
        assert told.status == 1
        assert "Sauvegarde" in told.error
    assert not to.exists()


def test_it_does_not_restore_into_itself(backup: Backup) -> None:
    told = backup.restore("--to", backup.path / "Donnees/here", status=1)
    assert "lies in the backup itself" in told.error
    assert not (backup.path / "Donnees/here").exists()


def test_what_is_damaged_is_restored_and_named(backup: Backup, to: Path) -> None:
    donnees = backup.path / "Donnees"
    letter = donnees / "alice/letter.txt"
    with same_times(letter):
        letter.write_text("Dear\n" * 100)
    with same_times(letter.parent):
        (donnees / "alice/photo").unlink()
    with same_times(donnees):
        shutil.rmtree(donnees / "bob")
        (donnees / "planted").write_text("#!/bin/sh\n")
        os.setxattr(donnees / "planted", "security.capability", CAPABILITY)
        (donnees / "planted").chmod(0o6755)
    told = backup.restore("--to", to, status=3)
    assert sorted(told.warnings) == [
        "damaged: /home/alice/letter.txt: its content is not what was written",
        "damaged: /home/alice/photo: it is not there",
        "damaged: /home/bob: it is not there",
        "damaged: /home/planted: it has attributes that were not written, which are left out:"
        " security.capability",
        "damaged: /home/planted: it is not in the manifest",
    ]
    assert (to / "home/alice/letter.txt").read_text() == "Dear\n" * 100
    planted = to / "home/planted"
    assert planted.stat().st_mode & 0o7777 == 0o755
    assert "security.capability" not in os.listxattr(planted)
    assert (to / "home/odd/setuid").stat().st_mode & 0o7777 == 0o6755


def test_without_the_key_the_manifest_is_still_compared(backup: Backup, to: Path) -> None:
    with same_times(backup.path / "Donnees/alice"):
        (backup.path / "Donnees/alice/photo").unlink()
    backup.key.unlink()
    told = backup.restore("--to", to, status=3)
    assert told.warnings == ["damaged: /home/alice/photo: it is not there"]
    assert [note for note in told.said("note") if "seal" in note]


def test_a_manifest_that_somebody_changed_is_told(backup: Backup, to: Path) -> None:
    manifest = backup.bench.mount / ".tetras-back/manifests" / backup.folder
    text = manifest.read_bytes().replace(b"mode=0644", b"mode=0666", 1)
    manifest.write_bytes(text)
    told = backup.restore("--to", to, status=3)
    assert told.warnings == [
        "damaged: the manifest was changed on the disk, or the key has changed"
    ]
    assert (to / "home/alice/photo").exists()


def test_an_archive_that_breaks_off_gives_what_it_has(backup: Backup, to: Path) -> None:
    archive = backup.path / "serveur.tar.gz"
    data = archive.read_bytes()
    archive.write_bytes(data[: len(data) * 3 // 4])
    told = backup.restore("--to", to, status=3)
    (warning,) = told.warnings
    assert warning.startswith("damaged: serveur.tar.gz cannot be read beyond /")
    assert (to / "home/alice/photo").exists()
    assert not list(to.rglob(".tetras-back-restoring-*"))


def test_one_bit_of_an_archive_is_told(backup: Backup, to: Path) -> None:
    archive = backup.path / "serveur.tar.gz"
    data = bytearray(archive.read_bytes())
    data[9] ^= 1  # the operating system, in gzip's header: it unpacks as before
    archive.write_bytes(data)
    told = backup.restore("--to", to, "/etc/hosts", status=3)
    assert told.warnings == ["damaged: serveur.tar.gz is not what was written"]


def test_what_the_original_left_comes_back(bench: Bench, to: Path) -> None:
    folder = f"2019-03-01_12-00-00_sauvegarde_{HOST}"
    place = bench.mount / folder
    place.mkdir()
    run(["cp", "-a", bench.source / "home", place / "Donnees"])
    run(["tar", "-czf", place / "serveur.tgz", "-C", bench.source, "etc/hosts", "srv"])
    told = Backup(bench, folder).restore("--to", to)
    assert (told.warnings, (to / "etc/hosts").exists()) == ([], True)
    assert differences(bench.source / "home", to / "home") == ""
    assert [note for note in told.said("note") if "no manifest" in note]


def test_a_place_without_room_is_told(
    backup: Backup, workspace: Path, loop_disk: Callable[..., LoopDisk]
) -> None:
    (backup.bench.source / "home/big").write_bytes(os.urandom(20 << 20))
    large = Backup(backup.bench, backup.bench.run("backup_nocloud.sh", "--data").snapshot)
    small = mounted(loop_disk("ext4", 8, name="small"), workspace / "small")
    told = large.restore("--to", small, status=75)
    assert told.error == "tetras-back-snapshot: No space left on device"
    assert not list(small.glob(".tetras-back-restoring-*"))
    assert not (small / "home/big").exists()


def test_backups_are_listed_newest_first(backup: Backup) -> None:
    bench = backup.bench
    bench.plant(f"2019-03-01_12-00-00_sauvegarde_{HOST}")
    bench.plant("2019-03-02_12-00-00_Sauvegarde_another")
    (bench.mount / "2019-03-03_12-00-00_Sauvegarde_link").symlink_to("/etc")
    (bench.mount / "2019-03-04_12-00-00_Sauvegarde_file").write_text("")
    (bench.mount / ".tetras-back/work-x").mkdir()
    told = snapshot_program("pin", bench.mount, f"2019-03-01_12-00-00_sauvegarde_{HOST}")
    assert told.status == 0, told.error
    os.environ["TETRAS_BACK_HOSTNAME"] = HOST
    try:
        newest, another, original = listed(bench.mount)
    finally:
        del os.environ["TETRAS_BACK_HOSTNAME"]
    assert (newest["snapshot"], newest["host"]) == (backup.folder, HOST)
    assert (newest["ours"], newest["original"], newest["pinned"]) == (True, False, False)
    assert newest["manifest"] is True
    assert int(str(newest["files"])) > 20
    assert (another["ours"], another["original"], another["host"]) == (False, True, "another")
    assert (original["ours"], original["original"], original["pinned"]) == (True, True, True)
    assert original["files"] == original["bytes"] == 0
    expected = int(run(["date", "-d", "2019-03-01 12:00:00", "+%s"]).stdout) * 1_000_000
    assert original["started"] == expected


def test_a_pinned_backup_outlives_the_rules(backup: Backup) -> None:
    bench = backup.bench
    assert snapshot_program("pin", bench.mount, backup.folder).status == 0
    assert snapshot_program("pin", bench.mount, backup.folder).status == 0
    first, second, third = (bench.backup("--data", KEEP="last=1") for _ in range(3))
    assert bench.folders() == [backup.folder, second, third]  # one stays until the next is whole
    assert snapshot_program("unpin", bench.mount, backup.folder).status == 0
    fourth = bench.backup("--data", KEEP="last=1")
    assert bench.folders() == [third, fourth]
    assert first not in bench.folders()


def test_only_a_backup_can_be_pinned(backup: Backup) -> None:
    for name in ("nothing", "../x", f"2020-01-01_00-00-00_Sauvegarde_{HOST}"):
        told = snapshot_program("pin", backup.bench.mount, name)
        assert told.status == 1
        assert "there is no backup" in told.error
