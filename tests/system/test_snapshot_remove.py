"""tetras-back-snapshot remove, settle and weigh, on real disks."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.harness import LoopDisk, run, wait_until
from tests.harness.process import PROJECT
from tests.system.scripts_support import mounted
from tetrasback.snapshot import subvolumes
from tetrasback.snapshot.program import EXIT_DISK, EXIT_OK

MB = 1 << 20


def program(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = ["env", f"PYTHONPATH={PROJECT}", sys.executable, "-m"]
    return run([*environment, "tetrasback.snapshot.program", *arguments], check=False)


@pytest.fixture(params=["ext4", "btrfs"])
def disk(
    request: pytest.FixtureRequest, workspace: Path, loop_disk: Callable[..., LoopDisk]
) -> Path:
    return mounted(loop_disk(request.param, 200), workspace / "mnt")


@pytest.fixture
def btrfs(workspace: Path, loop_disk: Callable[..., LoopDisk]) -> Path:
    return mounted(loop_disk("btrfs", 200), workspace / "mnt")


@pytest.fixture
def held(btrfs: Path) -> Iterator[int]:
    """A file descriptor in a subvolume `held`: the kernel cannot free that meanwhile."""
    run(["btrfs", "subvolume", "create", btrfs / "held"])
    (btrfs / "held/file").write_bytes(os.urandom(20 * MB))
    run(["sync", "-f", btrfs])
    descriptor = os.open(btrfs / "held/file", os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def settled(disk: Path, *options: str) -> list[str]:
    done = program("settle", *options, disk)
    assert done.returncode == EXIT_OK, done.stderr
    return done.stdout.splitlines()


def test_all_that_is_below_goes_and_nothing_else(disk: Path) -> None:
    precious = disk / "precious"
    precious.mkdir()
    (precious / "file").touch()
    for path in ("gone/a/b/c/d", "gone/e/f"):
        (disk / path).mkdir(parents=True)
    for path in ("gone/a/file", "gone/a/b/c/d/file", "gone/e/f/new\nline\udcff"):
        (disk / path).write_text("x")
    (disk / "gone/a/link").symlink_to(precious)
    (disk / "gone/e/f/link").symlink_to(precious)
    (disk / "link").symlink_to(precious)
    os.mkfifo(disk / "gone/fifo")
    (disk / "a file").touch()
    deep = "for i in $(seq 600); do mkdir deep && cd deep; done; echo x >end"
    run(["sh", "-c", f'cd "$0" && {deep}', disk / "gone"])
    done = program(
        "remove", "--", disk / "gone", disk / "link", disk / "a file", disk / "not there"
    )
    assert (done.returncode, done.stderr) == (EXIT_OK, "")
    assert {path.name for path in disk.iterdir()} - {"lost+found"} == {"precious"}
    assert (precious / "file").exists()


def test_another_file_system_is_left_alone(disk: Path) -> None:
    for place in (disk / "gone/a/mount", disk / "gone/b"):
        place.mkdir(parents=True)
    run(["mount", "-t", "tmpfs", "none", disk / "gone/a/mount"])
    (disk / "gone/a/mount/file").touch()
    done = program("remove", disk / "gone")
    assert done.returncode == EXIT_DISK
    assert "mounted" in done.stderr or "busy" in done.stderr
    (mount,) = (path.parent for path in disk.rglob("file"))
    assert mount.is_mount()
    run(["umount", mount])


def test_subvolumes_go_with_those_in_them(btrfs: Path) -> None:
    for path in ("top", "gone/a/outer", "gone/a/outer/b/inner", "gone/a/outer/b/inner/innermost"):
        (btrfs / path).parent.mkdir(parents=True, exist_ok=True)
        run(["btrfs", "subvolume", "create", btrfs / path])
        (btrfs / path / "file").write_text("x")
    # In a snapshot, a subvolume below is an empty directory of its own kind.
    run(["btrfs", "subvolume", "snapshot", btrfs / "gone/a/outer", btrfs / "gone/snapshot"])
    run(["btrfs", "subvolume", "snapshot", "-r", btrfs / "top", btrfs / "gone/read-only"])
    (btrfs / "gone/plain/below").mkdir(parents=True)
    done = program("remove", btrfs / "gone")
    assert (done.returncode, done.stderr) == (EXIT_OK, "")
    assert [path.name for path in btrfs.iterdir()] == ["top"]
    assert run(["btrfs", "subvolume", "list", btrfs]).stdout.split()[-1] == "top"


def test_a_subvolume_mounted_elsewhere_is_left_alone(btrfs: Path) -> None:
    """Its inode and file system are those of a subvolume that lies here, but it is none."""
    run(["btrfs", "subvolume", "create", btrfs / "kept"])
    (btrfs / "kept/file").touch()
    (btrfs / "gone/mount").mkdir(parents=True)
    run(["mount", "--bind", btrfs / "kept", btrfs / "gone/mount"])
    assert program("remove", btrfs / "gone").returncode == EXIT_DISK
    assert (btrfs / "kept/file").exists()
    run(["umount", btrfs / "gone/mount"])


def test_after_settling_the_room_is_there(btrfs: Path) -> None:
    run(["btrfs", "subvolume", "create", btrfs / "large"])
    (btrfs / "large/file").write_bytes(os.urandom(80 * MB))
    run(["sync", "-f", btrfs])
    before = os.statvfs(btrfs)
    program("remove", btrfs / "large")
    assert settled(btrfs) == ["settled 1", "left 0"]
    after = os.statvfs(btrfs)
    assert (after.f_bavail - before.f_bavail) * after.f_bsize >= 79 * MB
    assert settled(btrfs) == ["settled 0", "left 0"]


def test_settling_ends_when_time_is_over(btrfs: Path, held: int) -> None:
    program("remove", btrfs / "held")
    assert not (btrfs / "held").exists()
    assert settled(btrfs, "--seconds", "1") == ["settled 0", "left 1"]
    os.close(held)
    os.dup2(os.open("/dev/null", os.O_RDONLY), held)  # for the fixture to close
    assert settled(btrfs) == ["settled 1", "left 0"]


def test_elsewhere_there_is_nothing_to_settle(workspace: Path) -> None:
    assert settled(workspace) == ["settled 0", "left 0"]


def test_a_snapshot_goes_on_where_a_subvolume_was_in_the_one_before(
    btrfs: Path, workspace: Path
) -> None:
    """Somebody made one on the disk, in a backup, where the source has a directory of that name."""
    source = workspace / "source"
    (source / "d").mkdir(parents=True)
    (source / "d/file").write_text("x")

    def make(number: int, *previous: str | Path) -> None:
        made = program(
            *("make", "--subvolume", "--key", workspace / "key"),
            *("--manifest", btrfs / f"{number}.mtree", *previous, source, btrfs / str(number)),
        )
        assert made.returncode == EXIT_OK, made.stdout + made.stderr

    make(1)
    program("remove", btrfs / "1/d")
    run(["btrfs", "subvolume", "create", btrfs / "1/d"])
    make(2, "--previous", btrfs / "1", "--previous-manifest", btrfs / "1.mtree")
    assert (btrfs / "2/d/file").read_text() == "x"
    descriptor = os.open(btrfs / "2/d", os.O_RDONLY)
    assert not subvolumes.is_subvolume(descriptor)
    os.close(descriptor)


def test_what_only_some_snapshots_hold_is_weighed(disk: Path, workspace: Path) -> None:
    source = workspace / "source"
    source.mkdir()
    (source / "always").write_bytes(os.urandom(5 * MB))
    previous: list[str | Path] = []
    for number in range(1, 4):
        (source / "changes").write_bytes(os.urandom(number * MB))
        os.utime(source / "always", ns=(1, 1))  # touched, but as it was
        made = program(
            *("make", "--subvolume", "--key", workspace / "key"),
            *("--manifest", disk / f"{number}.mtree", *previous, source, disk / str(number)),
        )
        assert made.returncode == EXIT_OK, made.stdout + made.stderr
        before = disk / str(number)
        previous = ["--previous", before, "--previous-manifest", disk / f"{number}.mtree"]
    one, two, three = (disk / f"{number}.mtree" for number in range(1, 4))
    for stay, go, expected in (
        ([three], [one], 1),
        ([three], [one, two], 3),
        ([one, two], [three], 3),
        ([], [one, two, three], 11),
        ([one], [one], 0),
    ):
        options = [f"--stay={path}" for path in stay]
        done = program("weigh", *options, *go)
        assert done.stdout == f"bytes {expected * MB}\n", done.stderr


def test_a_manifest_that_makes_no_sense_takes_no_more_memory_than_is_allowed(
    workspace: Path,
) -> None:
    """It says of one directory that it has more than a gigabyte of lines."""
    manifest, size = workspace / "manifest", 1100 * MB
    with manifest.open("wb") as file:
        file.seek(size)
        table = b"\n#directory 0 %d 1 1 .\n#directories %d\n" % (size, size + 1)
        file.write(table + b"#hmac-sha256 " + b"0" * 64 + b"\n")
    done = program("weigh", manifest)
    assert (done.returncode, done.stdout) == (EXIT_DISK, "")
    assert "more memory would be needed than is allowed" in done.stderr


def test_a_signal_ends_the_waiting(btrfs: Path, held: int) -> None:
    program("remove", btrfs / "held")
    argv = ["env", f"PYTHONPATH={PROJECT}", sys.executable, "-m"]
    with subprocess.Popen(
        [*argv, "tetrasback.snapshot.program", "settle", str(btrfs)], stderr=subprocess.DEVNULL
    ) as waiting:
        wait_until(lambda: _has_open(waiting.pid, btrfs), "it to wait")
        waiting.terminate()
        assert waiting.wait(10) == 143


def _has_open(process: int, path: Path) -> bool:
    with suppress(OSError):
        return any(link.readlink() == path for link in Path(f"/proc/{process}/fd").iterdir())
    return False
