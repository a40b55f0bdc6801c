"""tetras-back-snapshot on real disks; rsync judges whether a snapshot is its source."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.harness import LoopDisk, run, wait_until
from tests.harness.process import PROJECT
from tests.system.scripts_support import mounted, odd_entries
from tetrasback.snapshot import entries, worker
from tetrasback.snapshot.copying import Copied
from tetrasback.snapshot.job import Job
from tetrasback.snapshot.key import read_key
from tetrasback.snapshot.listing import Named, list_directory
from tetrasback.snapshot.making import make
from tetrasback.snapshot.manifest import Manifest, open_manifest
from tetrasback.snapshot.program import EXIT_DISK, EXIT_NO_ROOM, EXIT_OK, EXIT_WARNING
from tetrasback.snapshot.syncing import Disk
from tetrasback.snapshot.trees import Tree
from tetrasback.snapshot.troubles import SourceTrouble


@dataclass
class Place:
    """A source and a disk; snapshots are made on it in a row."""

    source: Path
    disk: Path
    key: Path
    count: int = 0
    options: tuple[str, ...] = ()

    def argv(self, *options: str) -> list[str]:
        """The command for the next snapshot, after the one before."""
        before: list[str] = []
        if self.count and "--previous" not in options:
            before = ["--previous", str(self.at(self.count))]
            manifest = self.at(self.count, ".mtree")
            if manifest.exists():
                before += ["--previous-manifest", str(manifest)]
        return [
            *("env", f"PYTHONPATH={PROJECT}", sys.executable, "-m", "tetrasback.snapshot.program"),
            *("make", *before, *self.options, *options),
            *("--key", str(self.key), "--manifest", str(self.at(self.count + 1, ".mtree"))),
            *(str(self.source), str(self.at(self.count + 1))),
        ]

    def at(self, number: int, ending: str = "") -> Path:
        return self.disk / f"{number}{ending}"

    def make(self, *options: str, status: int = EXIT_OK) -> list[str]:
        """Make the next snapshot; what was said of entries."""
        done = run(self.argv(*options), check=False)
        assert done.returncode == status, done.stdout + done.stderr
        if status in (EXIT_OK, EXIT_WARNING):
            self.count += 1
        lines = done.stdout.splitlines()
        return [line for line in lines if not line.startswith(("bytes ", "files "))]

    @property
    def last(self) -> Path:
        return self.at(self.count)

    def manifest(self, number: int) -> Manifest:
        return open_manifest(self.at(number, ".mtree"), read_key(self.key))

    def file(self, name: str) -> Path:
        return self.last / name


def differences(one: Path, other: Path) -> str:
    """As rsync sees them, to the nanosecond and the last attribute ('' = none)."""
    attributes = ["--filter=-x system.*", "--filter=-x trusted.SGI_ACL_*", "--filter=-x btrfs.*"]
    what = ["rsync", "-aHAXnci", "--numeric-ids", "--delete", "--modify-window=-1", *attributes]
    return run([*what, f"{one}/", f"{other}/"]).stdout


def fingerprint(tree: Path) -> str:
    """Everything that a snapshot consists of but its inodes' link counts."""
    listing = run(["find", tree, "-printf", "%P %y %m %U %G %s %T@ %i %l\n"]).stdout
    sums = run(["find", tree, "-type", "f", "-exec", "sha256sum", "{}", "+"]).stdout
    attributes = run(["getfattr", "-Rdhm", "-", "-e", "hex", "--absolute-names", tree]).stdout
    return "\n".join(sorted([*listing.splitlines(), *sums.splitlines()])) + attributes


@pytest.fixture
def key(workspace: Path) -> Path:
    path = workspace / "key"
    path.write_text(os.urandom(32).hex() + "\n")
    return path


@pytest.fixture(params=["ext4", "xfs", "btrfs", "btrfs-subvolume"])
def place(
    request: pytest.FixtureRequest,
    workspace: Path,
    key: Path,
    loop_disk: Callable[..., LoopDisk],
) -> Place:
    """On each file system a backup disk may have."""
    fs, _, kind = request.param.partition("-")
    made = make_place(workspace, key, loop_disk(fs, 200))
    made.options = ("--subvolume",) if kind else ()
    return made


@pytest.fixture
def ext4(workspace: Path, key: Path, loop_disk: Callable[..., LoopDisk]) -> Place:
    return make_place(workspace, key, loop_disk("ext4", 64))


def make_place(workspace: Path, key: Path, disk: LoopDisk) -> Place:
    source = workspace / "source"
    odd_entries(source)
    for number in range(30):
        directory = source / f"d{number}"
        directory.mkdir()
        for name in ("one", "two", "three"):
            (directory / name).write_text(f"{name} in {number}")
    (source / "d21/a/b/c").mkdir(parents=True)
    (source / "d21/a/b/c/file").write_text("deep")
    run(["setfacl", "-m", "u:55:rx,d:u:55:rwx", source / "d17", source / "d18"])
    os.setxattr(source / "d17", "user.old", b"value")
    return Place(source, mounted(disk, workspace / "mnt"), key)


def inode(path: Path) -> int:
    return path.lstat().st_ino


def test_a_snapshot_is_its_source(place: Place) -> None:
    assert place.make() == []
    assert differences(place.source, place.last) == ""


def test_what_has_not_changed_is_shared_and_the_older_one_stays(place: Place) -> None:
    place.make()
    older = fingerprint(place.last)
    assert place.make() == []
    assert differences(place.source, place.last) == ""
    assert fingerprint(place.at(1)) == older
    used = [run(["du", "-s", "--inodes", place.at(1), place.at(2)]).stdout]
    assert used
    if place.at(1).stat().st_dev == place.at(2).stat().st_dev:  # on Btrfs they are subvolumes
        assert inode(place.at(1) / "d7/one") == inode(place.at(2) / "d7/one")


def test_a_snapshot_of_a_subvolume_in_which_nothing_has_changed_costs_next_to_nothing(
    workspace: Path, key: Path, loop_disk: Callable[..., LoopDisk]
) -> None:
    """Not even times of access are written, nor what the directories have already."""
    place = make_place(workspace, key, loop_disk("btrfs", 200))
    for number in range(2000):
        directory = place.source / f"many/{number}"
        directory.mkdir(parents=True)
        os.utime(directory, ns=(1, 1))
    place.make("--subvolume")
    run(["sync", "-f", place.disk])
    before = shutil.disk_usage(place.disk).used
    manifest = place.at(1, ".mtree").stat().st_size
    place.make()
    run(["sync", "-f", place.disk])
    assert shutil.disk_usage(place.disk).used - before - manifest < 256 << 10


def change(source: Path) -> None:
    """Every way in which a tree changes from one day to the next."""
    (source / "d0/one").write_text("other content")
    (source / "d1/one").chmod(0o600)
    os.chown(source / "d2/one", 7, 8)
    os.utime(source / "d3/one", ns=(1, 1_000_000_001))
    os.setxattr(source / "d4/one", "user.new", b"value")
    (source / "d5/one").unlink()
    shutil.rmtree(source / "d6")
    (source / "d7/one").unlink()
    (source / "d7/one").mkdir()
    (source / "d7/one/below").write_text("a directory now")
    shutil.rmtree(source / "d8")
    shutil.rmtree(source / "d21")
    (source / "d8").write_text("a file now")
    os.link(source / "d9/one", source / "d9/another name")
    (source / "d10/one").rename(source / "d11/renamed")
    (source / "d12/one").unlink()
    (source / "d12/one").symlink_to("two")
    same = source / "d13/one"
    times = same.stat()
    same.write_text("ONE in 13")  # the size is the same, and the time is set back
    os.utime(same, ns=(times.st_atime_ns, times.st_mtime_ns))
    (source / "d14/new").write_text("new")
    (source / "d14").chmod(0o711)
    run(["setfacl", "-m", "u:55:r", source / "d15/one"])
    run(["setfacl", "-m", "u:55:rx", source / "d16"])
    run(["setfacl", "-b", source / "d17"])
    os.removexattr(source / "d17", "user.old")
    os.link(source / "d18/one", source / "d18/another name")  # neither inherits anything
    (source / "d18/two").write_text("other")
    (source / "d18/below").mkdir()
    (source / "d19/one").rename(source / "d18/fifo's neighbour")
    os.mkfifo(source / "d19/fifo")
    (source / "d19/fifo").rename(source / "d18/fifo")
    run(["setfacl", "-b", source / "d18/below"])
    (source / "second name").unlink()
    (source / "new\nname\xff").write_text("odd")


def test_every_change_is_taken_over_and_none_reaches_the_older_one(place: Place) -> None:
    place.make()
    older = fingerprint(place.last)
    change(place.source)
    assert place.make() == []
    assert differences(place.source, place.last) == ""
    assert fingerprint(place.at(1)) == older
    place.make()
    assert differences(place.source, place.last) == ""
    assert fingerprint(place.at(1)) == older


def test_a_common_tool_checks_the_manifest(place: Place) -> None:
    for name in ("*", "[a]?"):  # to mtree(8), though not in mtree(5), these are patterns
        (place.source / name).unlink()
    place.make()
    change(place.source)
    place.make()
    check = ["mtree", "-f", place.at(2, ".mtree"), "-p", place.last]
    done = run(check, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout
    victim = place.last / "d20/two"
    status = victim.stat()
    victim.write_text("TWO in 20")
    os.utime(victim, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert "d20/two" in run(check, check=False).stdout


def test_openssl_checks_the_seal(ext4: Place) -> None:
    ext4.make()
    manifest = ext4.at(1, ".mtree")
    *body, seal = manifest.read_bytes().splitlines(keepends=True)
    hmac = ["openssl", "dgst", "-sha256", "-mac", "HMAC", "-macopt"]
    key = f"hexkey:{ext4.key.read_text().strip()}"
    done = subprocess.run([*hmac, key], input=b"".join(body), capture_output=True, check=True)
    assert done.stdout.split()[-1] == seal.split()[-1]


def test_a_touched_file_that_is_as_it_was_costs_no_room(ext4: Place) -> None:
    ext4.make()
    for path in ext4.source.glob("d*/one"):
        os.chown(path, path.stat().st_uid, path.stat().st_gid)
    assert ext4.make() == []
    assert inode(ext4.at(1) / "d0/one") == inode(ext4.at(2) / "d0/one")


def test_a_snapshot_of_rsyncs_is_shared_with(ext4: Place) -> None:
    run(["rsync", "-aHAX", f"{ext4.source}/", ext4.at(1)])
    ext4.count = 1
    assert ext4.make() == []
    assert differences(ext4.source, ext4.last) == ""
    assert inode(ext4.at(1) / "d0/one") == inode(ext4.at(2) / "d0/one")


def test_a_manifest_that_was_tampered_with_is_not_believed(ext4: Place) -> None:
    ext4.make()
    manifest = ext4.at(1, ".mtree")
    manifest.write_bytes(manifest.read_bytes().replace(b"sha256=", b"sha256=0", 1))
    (note,) = ext4.make()
    assert note.startswith("note everything is read again")
    assert differences(ext4.source, ext4.last) == ""


def test_a_copy_that_was_changed_on_the_disk_is_not_shared(place: Place) -> None:
    place.make()
    (place.last / "d3/two").write_text("somebody was here")
    (place.last / "d4/two").unlink()
    (place.last / "d5/two").chmod(0o777)
    said = place.make(status=EXIT_WARNING)
    assert differences(place.source, place.last) == ""
    assert sorted(line.rpartition(" ")[2] for line in said) == [
        f"{place.source}/{name}/two" for name in ("d3", "d5")
    ]


def test_a_directory_that_was_changed_on_the_disk_is_made_anew(place: Place) -> None:
    for number in range(12, 19):
        (place.source / f"d{number}/below").mkdir()
        (place.source / f"d{number}/below/file").write_text("below")
    place.make()
    for name in ("d12", "d13/below"):
        (place.last / name).chmod(0o777)
    shutil.rmtree(place.last / "d14")
    shutil.rmtree(place.last / "d15/below")
    shutil.rmtree(place.last / "d16/below")
    (place.last / "d16/below").write_text("a file")
    for name in ("d17", "d18/below"):
        times = (place.last / name).stat()
        (place.last / name / "added").write_text("somebody was here")
        os.utime(place.last / name, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert place.make() == []
    assert differences(place.source, place.last) == ""


def test_more_names_than_the_file_system_gives_one_file(ext4: Place) -> None:
    os.link(ext4.source / "d0/one", ext4.source / "d1/the same")
    ext4.make()
    many = ext4.disk / "many"
    many.mkdir()
    for name in ("d0/one", "d0/two"):
        names = (ext4.last / name).stat().st_nlink
        for number in range(names, 64_999):  # of 65,000; the last goes to one of two names
            os.link(ext4.last / name, many / f"{name[3:]}{number}")
    ext4.make()
    assert differences(ext4.source, ext4.last) == ""
    ext4.make()
    assert differences(ext4.source, ext4.last) == ""


def test_other_file_systems_in_the_source_have_the_same_inode_numbers(
    ext4: Place, loop_disk: Callable[..., LoopDisk]
) -> None:
    ext4.source = mounted(loop_disk("btrfs", name="source"), ext4.source.parent / "several")
    for name in ("a", "b"):
        run(["btrfs", "subvolume", "create", ext4.source / name])
        (ext4.source / name / "one").write_text(f"in {name}")
        os.link(ext4.source / name / "one", ext4.source / name / "two")
    assert inode(ext4.source / "a/one") == inode(ext4.source / "b/one")
    ext4.make()
    assert differences(ext4.source, ext4.last) == ""
    (ext4.last / "a/one").unlink()
    ext4.make()
    assert differences(ext4.source, ext4.last) == ""


def test_excluded_entries_and_caches_are_left_out(place: Place) -> None:
    cache = place.source / "d0"
    (cache / "CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55\n")
    place.make()
    options = ["--exclude", "+ /d1/one", "--exclude", "one", "--exclude", "/d2/"]
    place.make(*options)
    kept = sorted(str(path.relative_to(place.last)) for path in place.last.glob("d[0-2]/*"))
    assert kept == ["d0/CACHEDIR.TAG", "d1/one", "d1/three", "d1/two"]
    assert not (place.last / "d2").exists()


def test_a_full_disk_is_told_as_such(ext4: Place) -> None:
    (ext4.source / "large").write_bytes(os.urandom(70 << 20))
    ext4.make(status=EXIT_NO_ROOM)
    run(["rm", "-rf", ext4.at(1), ext4.at(1, ".mtree")])
    (ext4.source / "large").unlink()
    assert ext4.make() == []


@pytest.fixture
def dying(workspace: Path, request: pytest.FixtureRequest) -> Iterator[LoopDisk]:
    """A disk that says that it has more room than there is: what is beyond is lost."""
    shelf = workspace / "shelf"
    shelf.mkdir()
    run(["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", shelf])
    with LoopDisk(shelf, request.param, 400) as disk:
        used = run(["du", "--block-size=1M", "--summarize", shelf]).stdout.split()[0]
        run(["mount", "-o", f"remount,size={int(used) + 8}m", shelf])
        yield disk
        run(["umount", "--recursive", workspace / "mnt"])
        disk.detach()
    run(["umount", shelf])


@pytest.mark.parametrize("dying", ["ext4", "xfs", "btrfs"], indirect=True)
def test_what_the_disk_lost_is_told(dying: LoopDisk, workspace: Path, key: Path) -> None:
    """Also of files that nobody synced, one by one: the last word is about everything."""
    place = make_place(workspace, key, dying)
    (place.source / "large").write_bytes(os.urandom(20 << 20))
    place.make(status=EXIT_DISK)


def test_nothing_is_written_after_the_last_word(place: Place) -> None:
    place.make()
    change(place.source)
    for _ in range(2):
        trace = place.disk.parent / "trace"
        run(["strace", "-f", "-y", "-e", f"trace={WRITING},syncfs", "-o", trace, *place.argv()])
        place.count += 1
        calls = trace.read_text().splitlines()
        last = max(number for number, call in enumerate(calls) if "syncfs(" in call)
        assert [call for call in calls[last:] if "syncfs" in call][-1].endswith(" = 0")
        written = [number for number, call in enumerate(calls) if str(place.disk) in call]
        assert written[0] < last == written[-1], calls[last:]


WRITING = (
    "write,pwrite64,writev,copy_file_range,ftruncate,fallocate,link,linkat,symlinkat,mknodat,"
    "mkdirat,renameat,renameat2,unlinkat,fchown,fchownat,fchmod,fchmodat,utimensat,setxattr,"
    "fsetxattr,removexattr,fremovexattr"
)


def test_the_plan_counts_what_is_new(ext4: Place) -> None:
    ext4.make()
    (ext4.source / "d0/one").write_bytes(bytes(100_000))
    argv = ["plan" if word == "make" else word for word in ext4.argv()[:-1]]
    at = argv.index("--manifest")
    done = run(argv[:at] + argv[at + 2 :])
    size, files = (int(line.split()[1]) for line in done.stdout.splitlines()[-2:])
    assert 100_000 <= size <= 110_000
    assert files == 1


def test_nothing_outside_the_source_is_read_through_a_swapped_link(ext4: Place) -> None:
    secret = ext4.disk / "secret"
    secret.mkdir()
    (secret / "file").write_text("secret")
    swapped, away = ext4.source / "d0", ext4.source.parent / "away"
    swap = (
        f"while :; do mv {swapped} {away}; ln -s {secret} {swapped};"
        f" rm {swapped}; mv {away} {swapped}; done"
    )
    with subprocess.Popen(
        ["sh", "-c", swap], process_group=0, stderr=subprocess.DEVNULL
    ) as swapper:
        try:
            for _ in range(10):
                done = run(ext4.argv(), check=False)
                assert done.returncode in (EXIT_OK, EXIT_WARNING), done.stderr
                ext4.count += 1
                copied = ext4.last / "d0"
                assert copied.is_symlink() or not (copied / "file").exists()
        finally:
            os.killpg(swapper.pid, signal.SIGKILL)


def test_files_that_come_go_and_change_meanwhile(ext4: Place) -> None:
    busy = ext4.source / "busy"
    busy.mkdir()
    churn = (
        f"cd {busy}; n=0; while :; do n=$((n+1)); echo $n >f$((n%50)); rm -f f$(((n+25)%50));"
        " mkdir -p g$((n%9))/h; rm -rf g$(((n+4)%9)); done"
    )
    with subprocess.Popen(
        ["sh", "-c", churn], process_group=0, stderr=subprocess.DEVNULL
    ) as worker:
        try:
            for _ in range(10):
                done = run(ext4.argv(), check=False)
                assert done.returncode in (EXIT_OK, EXIT_WARNING), done.stderr
                ext4.count += 1
                for line in done.stdout.splitlines():
                    assert line.startswith(
                        ("bytes ", "files ", "note vanished", "warning source-unreadable: changed")
                    ), line
        finally:
            os.killpg(worker.pid, signal.SIGKILL)
    ext4.make()
    assert differences(ext4.source, ext4.last) == ""


def test_killed_it_leaves_no_process(ext4: Place) -> None:
    (ext4.source / "large").write_bytes(bytes(40 << 20))
    with subprocess.Popen(ext4.argv(), stdout=subprocess.DEVNULL) as process:
        wait_until(ext4.at(1).exists, "it to begin")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) in (128 + signal.SIGTERM, EXIT_OK)
    wait_until(lambda: not holders(ext4.disk), "its processes to end")


def holders(disk: Path) -> str:
    return run(["fuser", "-m", disk], check=False).stdout


def test_a_very_deep_tree(ext4: Place) -> None:
    deep = "deep/" * 600
    run(
        [
            "sh",
            "-c",
            'cd "$0" && for i in $(seq 600); do mkdir deep && cd deep; done; echo hello >end',
            ext4.source,
        ]
    )
    ext4.make()
    ext4.make()
    assert differences(ext4.source, ext4.last) == ""
    assert len(deep) == 3000


def test_what_vanishes_between_list_and_copy_is_a_note(
    ext4: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process, so that the moment can be chosen."""

    def listed(descriptor: int, path: str, *more: Any) -> list[Named]:
        found = list_directory(descriptor, path, *more)
        for gone in ("d3/one", "d4/one"):
            (ext4.source / gone).unlink(missing_ok=True)
        shutil.rmtree(ext4.source / "d5", ignore_errors=True)
        return found

    monkeypatch.setattr(worker, "list_directory", listed)
    (ext4.source / "d6/one").unlink()
    os.link(ext4.source / "d4/one", ext4.source / "d6/one")
    ext4.at(1).mkdir()
    told = Told()
    job = Job(Tree(str(ext4.source)), Tree(str(ext4.at(1))))
    disk = Disk([ext4.disk])
    make(job, ext4.at(1, ".mtree"), read_key(ext4.key), 1, told, disk)
    disk.close()
    assert ("vanished", "d5", "") in told.met_
    assert {kind for kind, _, _ in told.met_} == {"vanished"}
    job.source.close()
    job.target.close()
    # The time is that of the moment at which it was listed, which is what its line tells.
    assert differences(ext4.source, ext4.at(1)) == ".d..t...... ./\n"


def test_what_cannot_be_read_is_not_there_as_it_was_before(
    workspace: Path, key: Path, loop_disk: Callable[..., LoopDisk], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a subvolume, the snapshot begins with all that the one before had."""
    place = make_place(workspace, key, loop_disk("btrfs", 200))
    place.make("--subvolume")
    os.utime(place.source / "d4/one", ns=(1, (place.source / "d4/one").stat().st_mtime_ns))
    bad = SourceTrouble("Input/output error")

    def listed(descriptor: int, path: str, *more: Any) -> list[Named]:
        if path == "d3":
            raise bad
        return list_directory(descriptor, path, *more)

    def hashed(directory: int, name: str, count: Any) -> Copied:
        raise bad

    monkeypatch.setattr(worker, "list_directory", listed)
    monkeypatch.setattr(entries, "hash_file", hashed)
    run(["btrfs", "subvolume", "snapshot", place.at(1), place.at(2)])
    told = Told()
    before, manifest = Tree(str(place.at(1))), place.manifest(1)
    job = Job(Tree(str(place.source)), Tree(str(place.at(2))), before, manifest, True)
    disk = Disk([place.disk])
    make(job, place.at(2, ".mtree"), read_key(place.key), 1, told, disk)
    assert [path for _, path, _ in told.met_] == ["d3", "d4/one"]
    assert not (place.at(2) / "d3").exists()
    assert not (place.at(2) / "d4/one").exists()
    for opened in (job.source, job.target, before, manifest, disk):
        opened.close()


class Told:
    """Who hears what a snapshot meets."""

    def __init__(self) -> None:
        self.met_: list[tuple[str, str, str]] = []

    def met(self, kind: str, path: str, why: str) -> None:
        self.met_.append((kind, path, why))

    def progress(self, size: int, files: int) -> None:
        pass
