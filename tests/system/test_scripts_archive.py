"""serveur.tar.gz: made anew only when something in it has changed, and never out of a bad one."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness import LoopDisk, run
from tests.system.scripts_support import NOCLOUD, Bench, members, mounted, small_source
from tests.system.test_scripts_reading import WEAK


@pytest.fixture
def bench(workspace: Path, loop_disk: Callable[..., LoopDisk]) -> Bench:
    return Bench(mounted(loop_disk(), workspace / "mnt"), small_source(workspace / "src"))


def archive(bench: Bench, folder: str) -> Path:
    return bench.mount / folder / "serveur.tar.gz"


def inodes(bench: Bench, *folders: str) -> int:
    """How many archives there really are."""
    return len({archive(bench, folder).stat().st_ino for folder in folders})


def test_an_archive_that_would_come_out_the_same_is_shared(bench: Bench) -> None:
    first, second, third = (bench.backup() for _ in range(3))
    assert inodes(bench, first, second, third) == 1
    assert "etc/hosts" in members(archive(bench, third))


@pytest.mark.parametrize(
    "change",
    [
        lambda etc: (etc / "hosts").write_text("127.0.0.2 other\n"),
        lambda etc: (etc / "hosts").chmod(0o600),
        lambda etc: os.setxattr(etc / "hosts", "user.a", b"1"),
        lambda etc: (etc / "new").touch(),
        lambda etc: (etc / "hosts").rename(etc / "guests"),
        lambda etc: (etc / "hosts").unlink(),
        lambda etc: etc.chmod(0o700),
    ],
)
def test_any_change_makes_a_new_one(bench: Bench, change: Callable[[Path], object]) -> None:
    first = bench.backup()
    change(bench.source / "etc")
    second = bench.backup()
    assert inodes(bench, first, second) == 2
    run(["tar", "--compare", "-zf", archive(bench, second), "-C", bench.source, "etc"])


def test_other_parts_make_a_new_one(bench: Bench) -> None:
    (bench.source / "opt").mkdir()
    first = bench.backup("--data", "--config")
    second = bench.backup("--data", "--config", "--also", "opt")
    assert inodes(bench, first, second) == 2
    assert "opt/" in {f"{name}/" for name in members(archive(bench, second))}


def test_a_damaged_archive_is_told_and_made_anew(bench: Bench) -> None:
    first = bench.backup()
    bad = archive(bench, first)
    data = bytearray(bad.read_bytes())
    data[len(data) // 2] ^= 1
    bad.write_bytes(data)
    done = bench.run()
    assert done.status == 3, done.output
    (warning,) = done.said("warning")
    assert warning == f"serveur.tar.gz in {first} is damaged: it is not what was written"
    assert inodes(bench, first, done.snapshot) == 2
    gzip.decompress(archive(bench, done.snapshot).read_bytes())


def test_an_archive_that_lacks_something_is_not_kept(bench: Bench) -> None:
    secret = bench.source / "etc/secret"
    secret.write_text("x")
    secret.chmod(0)
    weak = Bench(bench.mount, bench.source, [*WEAK, "--"])
    first = weak.run()
    assert first.status == 3, first.output
    mark = (bench.mount / ".tetras-back/complete" / first.snapshot).read_text()
    assert "archive_seal=" in mark  # what it has can be verified all the same
    second = bench.run(NOCLOUD)
    assert (second.status, second.said("warning")) == (0, []), second.output
    assert "etc/secret" in members(archive(bench, second.snapshot))


@pytest.mark.parametrize("present", [("igzip", "pigz", "gzip"), ("pigz", "gzip"), ("gzip",)])
def test_any_compressor_makes_a_gzip_file(bench: Bench, present: tuple[str, ...]) -> None:
    programs = bench.source.parent / "bin"
    programs.mkdir()
    for place in ("/usr/bin", "/bin", "/usr/sbin", "/sbin"):
        for path in Path(place).iterdir():
            if path.name in ("igzip", "pigz") and path.name not in present:
                continue
            if not (programs / path.name).is_symlink():
                (programs / path.name).symlink_to(path)
    bench.prefix = ["env", f"PATH={programs}"]
    folder = bench.backup()
    assert b"etc/hosts" in gzip.decompress(archive(bench, folder).read_bytes())
