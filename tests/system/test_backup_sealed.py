"""A backup proves that it is what was made: under its name, with its manifest and its archive."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness import LoopDisk, run
from tests.harness.process import PROJECT
from tests.system.restore_support import Backup, listed, snapshot_program
from tests.system.scripts_support import HOST, NOCLOUD, Bench, mounted, small_source

RENAMED = f"2037-01-01_00-00-00_Sauvegarde_{HOST}"


@pytest.fixture
def bench(workspace: Path, loop_disk: Callable[..., LoopDisk]) -> Bench:
    return Bench(mounted(loop_disk(), workspace / "mnt"), small_source(workspace / "src"))


@pytest.fixture
def backup(bench: Bench) -> Backup:
    """The newer one of two."""
    bench.backup("--data", "--config")
    (bench.source / "home/alice/letter.txt").write_text("another\n")
    (bench.source / "etc/hosts").write_text("another\n")
    return Backup(bench, bench.backup("--data", "--config"))


@pytest.fixture
def to(workspace: Path) -> Path:
    return workspace / "to"


def proofs(backup: Backup) -> dict[str, str]:
    """Folder → what it proves."""
    os.environ["TETRAS_BACK_HOSTNAME"] = HOST
    told = snapshot_program("proofs", f"--key={backup.key}", backup.bench.mount)
    assert told.status == 0, told.error
    return {words[1]: words[0] for words in (line.split() for line in told.lines)}


def older(backup: Backup) -> str:
    return backup.bench.folders()[0]


def state(backup: Backup, part: str, folder: str) -> Path:
    return backup.bench.mount / ".tetras-back" / part / folder


def rename(backup: Backup) -> str:
    """The older one passes for a newer one than all."""
    folder = older(backup)
    (backup.bench.mount / folder).rename(backup.bench.mount / RENAMED)
    for part in ("complete", "manifests"):
        state(backup, part, folder).rename(state(backup, part, RENAMED))
    return RENAMED


def edit_mark(backup: Backup) -> str:
    mark = state(backup, "complete", backup.folder)
    mark.write_text(re.sub(r"data_files=\d+", "data_files=1", mark.read_text()))
    return backup.folder


def put_others_manifest(backup: Backup) -> str:
    shutil.copy(
        state(backup, "manifests", older(backup)), state(backup, "manifests", backup.folder)
    )
    return backup.folder


def put_others_mark(backup: Backup) -> str:
    shutil.copy(state(backup, "complete", older(backup)), state(backup, "complete", backup.folder))
    return backup.folder


def take_manifest(backup: Backup) -> str:
    state(backup, "manifests", backup.folder).unlink()
    return backup.folder


ATTACKS = [rename, edit_mark, put_others_manifest, put_others_mark, take_manifest]
Attack = Callable[[Backup], str]


def test_what_was_made_is_sealed(backup: Backup) -> None:
    assert set(proofs(backup).values()) == {"sealed"}
    told = snapshot_program("list", backup.bench.mount, f"--key={backup.key}")
    assert all('"proof": "sealed"' in line for line in told.lines)
    assert {item["proof"] for item in listed(backup.bench.mount)} == {"other-key"}


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_somebody_changed_is_told_and_nothing_is_built_on_it(
    backup: Backup, to: Path, attack: Attack
) -> None:
    bench = backup.bench
    folder = attack(backup)
    broken = [name for name, proof in proofs(backup).items() if proof != "sealed"]
    assert broken == [folder]
    assert proofs(backup)[folder] == "broken"
    attacked = Backup(bench, folder)
    # It is given back with a warning, but takes the place of nothing.
    told = attacked.restore("--to", to, "/home/bob/notes", status=3)
    assert told.warnings[0].startswith("damaged: the seal of this backup does not fit: ")
    target = bench.source
    told = attacked.restore("--in-place", "--source", target, "/home/bob/notes", status=1)
    assert "nothing was replaced" in told.error
    attacked.restore("--in-place", "--source", target, "--unproved", "/home/bob/notes", status=3)
    # The next backup leaves it alone, says so, and is not later than it has to be.
    inode = (bench.mount / folder / "Donnees/bob/notes").stat().st_ino
    done = bench.run(NOCLOUD, "--data", KEEP="last=1")
    assert done.status == 3, done.output
    (warning,) = done.said("warning")
    assert warning.startswith(f"{folder} is not as it was sealed (")
    assert done.snapshot < RENAMED
    assert (bench.mount / folder).is_dir()
    shares = (bench.mount / done.snapshot / "Donnees/bob/notes").stat().st_ino == inode
    whole = next(name for name in bench.folders() if name not in (folder, done.snapshot))
    assert shares == ((bench.mount / whole / "Donnees/bob/notes").stat().st_ino == inode)
    assert proofs(backup)[done.snapshot] == "sealed"


def strip(backup: Backup, folder: str) -> None:
    """Make FOLDER one that was made before there were seals."""
    mark = state(backup, "complete", folder)
    lines = [
        line
        for line in mark.read_text().splitlines(keepends=True)
        if not line.startswith(("folder=", "manifest_seal=", "key=", "seal="))
    ]
    mark.write_text("".join(lines))


def test_one_from_before_there_were_seals_is_used_as_it_was(backup: Backup, to: Path) -> None:
    bench = backup.bench
    for folder in bench.folders():
        strip(backup, folder)
    assert set(proofs(backup).values()) == {"unsealed"}
    told = backup.restore("--to", to)
    assert [note for note in told.said("note") if "has no seal" in note]
    told = backup.restore("--in-place", "--source", bench.source, "/home", status=1)
    assert "this backup has no seal" in told.error
    backup.restore("--in-place", "--source", bench.source, "--unproved", "/home")
    newest = bench.backup("--data", KEEP="last=1")
    notes = [bench.mount / folder / "Donnees/bob/notes" for folder in (backup.folder, newest)]
    assert notes[0].stat().st_ino == notes[1].stat().st_ino
    assert bench.folders() == [backup.folder, newest]


def word(backup: Backup, folder: str, key: str, value: str = "") -> str:
    """What the mark of FOLDER has for KEY; set to VALUE, if that is given."""
    mark = state(backup, "complete", folder)
    found = re.search(rf"^{key}=(.*)$", mark.read_text(), re.M)
    assert found is not None
    if value:
        mark.write_text(mark.read_text().replace(found[0], f"{key}={value}"))
    return found[1]


def test_an_archive_is_not_shared_by_the_word_of_a_mark_without_a_seal(backup: Backup) -> None:
    """An old archive, put in the place of the newest, is not sealed as what there is now."""
    bench = backup.bench
    old = bench.mount / older(backup) / "serveur.tar.gz"
    strip(backup, backup.folder)
    word(backup, backup.folder, "archive_seal", word(backup, older(backup), "archive_seal"))
    shutil.copy(old, backup.path / "serveur.tar.gz")
    newest = bench.mount / bench.backup("--data", "--config") / "serveur.tar.gz"
    hosts = run(["tar", "-xzOf", newest, "etc/hosts"]).stdout
    assert hosts == "another\n"
    assert newest.stat().st_nlink == 1


def test_figures_without_a_seal_hide_no_loss(backup: Backup) -> None:
    """Nor do they stand in the way of a backup."""
    bench = backup.bench
    strip(backup, backup.folder)
    for key in ("data_files", "data_bytes", "config_files", "config_bytes"):
        word(backup, backup.folder, key, "1")
    word(backup, backup.folder, "archive_bytes", "9" * 16)
    shutil.rmtree(bench.source / "home/alice")
    done = bench.run(NOCLOUD, "--data", "--config", KEEP="last=1")
    assert done.status == 3, done.output
    (warning,) = done.said("warning")
    assert "has shrunk from 3 files to 1 since the last backup" in warning
    assert len(bench.folders()) == 3


def test_one_of_a_lost_key_is_used_as_it_was(backup: Backup) -> None:
    bench = backup.bench
    backup.key.unlink()
    newest = bench.backup("--data")
    assert list(proofs(backup).values()) == ["sealed", "other-key", "other-key"]
    notes = [bench.mount / folder / "Donnees/bob/notes" for folder in (backup.folder, newest)]
    assert notes[0].stat().st_ino == notes[1].stat().st_ino


def test_with_a_key_that_is_none_nothing_is_done(backup: Backup) -> None:
    bench = backup.bench
    backup.key.write_text("no key\n")
    done = bench.run(NOCLOUD, "--config")
    assert done.status == 1
    assert "is no key: 32 bytes" in done.output
    assert len(bench.folders()) == 2


def test_half_a_mark_is_none(bench: Bench, workspace: Path) -> None:
    """Whoever seals is killed while he tells the mark: the backup is one without a seal."""
    copy = workspace / "tetrasback"
    shutil.copytree(PROJECT / "tetrasback", copy)
    commands = copy / "snapshot/commands.py"
    last = "    for line in mark.splitlines():\n"
    assert commands.read_text().count(last) == 1
    killed = '        if line.startswith("seal="):\n            os.kill(os.getpid(), 9)\n'
    commands.write_text(commands.read_text().replace(last, last + killed))
    done = bench.run(str(copy / "scripts" / NOCLOUD), "--data")
    assert done.status == 3, done.output
    (warning,) = done.said("warning")
    assert warning.startswith("the backup could not be sealed")
    backup = Backup(bench, done.snapshot)
    assert proofs(backup) == {done.snapshot: "unsealed"}
    newest = bench.backup("--data")
    assert proofs(backup)[newest] == "sealed"


def test_a_sealed_one_is_not_deleted_for_unsealed_ones_that_look_newer(backup: Backup) -> None:
    bench = backup.bench
    for day in (1, 2, 3):
        bench.plant(f"2036-01-0{day}_00-00-00_Sauvegarde_{HOST}")
    done = bench.run(NOCLOUD, "--config", KEEP="last=1")
    assert done.snapshot in bench.folders()
    assert (bench.mount / backup.folder).is_dir()


def test_in_place_nothing_comes_that_is_not_as_it_was_written(backup: Backup) -> None:
    letter = backup.path / "Donnees/alice/letter.txt"
    status = letter.stat()
    letter.write_text("evil!!!\n")
    os.utime(letter, ns=(status.st_atime_ns, status.st_mtime_ns))
    place = backup.bench.source
    (place / "home/bob/notes").unlink()
    told = backup.restore("--in-place", "--source", place, "/home", status=3)
    assert any("not put in place" in line for line in told.warnings)
    assert (place / "home/alice/letter.txt").read_text() == "another\n"
    assert (place / "home/bob/notes").exists()


def give_away(path: Path) -> os.stat_result:
    """Make PATH on the disk everybody's, and another's; what it was."""
    before = path.stat()
    os.chown(path, 4242, 4242)
    path.chmod(0o777)
    return before


@pytest.mark.parametrize("path", ["/home/alice", "/home/alice/letter.txt"])
@pytest.mark.parametrize("in_place", [False, True])
def test_a_directory_is_given_to_whom_it_was_of_and_not_to_whom_the_disk_says(
    backup: Backup, to: Path, path: str, in_place: bool
) -> None:
    """Also one that is made only since it leads to what is wanted."""
    written = give_away(backup.path / "Donnees/alice")
    place = backup.bench.source
    shutil.rmtree(place / "home/alice")
    where = ("--in-place", "--source", place) if in_place else ("--to", to)
    told = backup.restore(*where, path, status=3)
    assert told.warnings == ["damaged: /home/alice: its owner is not what was written"]
    made = ((place if in_place else to) / "home/alice").stat()
    assert (made.st_uid, made.st_gid, made.st_mode, made.st_mtime_ns) == (
        *(written.st_uid, written.st_gid),
        *(written.st_mode, written.st_mtime_ns),
    )


def test_in_place_a_directory_that_is_there_gets_no_mode_of_the_disks(backup: Backup) -> None:
    written = give_away(backup.path / "Donnees/alice")
    place = backup.bench.source
    backup.restore("--in-place", "--source", place, "/home/alice", status=3)
    made = (place / "home/alice").stat()
    assert (made.st_uid, made.st_mode) == (written.st_uid, written.st_mode)


@pytest.mark.parametrize("path", ["/home/alice", "/home/alice/new", "/home/alice/new/file"])
def test_in_place_no_directory_is_made_that_was_not_written(backup: Backup, path: str) -> None:
    new = backup.path / "Donnees/alice/new"
    new.mkdir()
    (new / "file").write_text("x")
    place = backup.bench.source
    told = backup.restore("--in-place", "--source", place, path, status=3)
    assert any("/home/alice/new" in line and "manifest" in line for line in told.warnings)
    assert not (place / "home/alice/new").exists()


def test_in_place_nothing_comes_whose_attributes_are_not_those_written(backup: Backup) -> None:
    letter = backup.path / "Donnees/alice/letter.txt"
    os.setxattr(letter, "user.evil", b"1")
    letter = backup.bench.source / "home/alice/letter.txt"
    letter.write_text("newer\n")
    backup.restore("--in-place", "--source", backup.bench.source, "/home", status=3)
    assert letter.read_text() == "newer\n"


def test_in_place_a_manifest_that_lies_is_no_proof(backup: Backup) -> None:
    """Its last line is as in the mark, all else is not."""
    manifest = state(backup, "manifests", backup.folder)
    text = manifest.read_text()
    manifest.write_text(text.replace("mode=0644", "mode=0666"))
    assert proofs(backup)[backup.folder] == "sealed"
    place = backup.bench.source
    told = backup.restore("--in-place", "--source", place, "/home", status=1)
    assert "the manifest of this backup proves nothing" in told.error


def test_an_archive_without_a_seal_takes_the_place_of_nothing(backup: Backup) -> None:
    archive = backup.path / "serveur.tar.gz"
    shutil.copy(backup.bench.mount / older(backup) / "serveur.tar.gz", archive)
    place = backup.bench.source
    told = backup.restore("--in-place", "--source", place, "/etc", status=1)
    assert "is not what was written" in told.error
