"""The way to a file, as nobody else can bend it."""

import errno
import os
from pathlib import Path

import pytest

from tetrasback.host.walk import UntrustedLink, walk

STRANGER = 12345


def visited(path: Path | str) -> list[str]:
    """The directories on the way to PATH, which must be the file that there is."""
    seen: list[str] = []
    before = len(os.listdir("/proc/self/fd"))
    descriptor = walk(str(path), lambda place, here, status: seen.append(place))
    try:
        assert os.path.samestat(os.fstat(descriptor), os.stat(path))
    finally:
        os.close(descriptor)
    assert len(os.listdir("/proc/self/fd")) == before
    return seen


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory of root's with a file `real/f`; its path holds no link."""
    path = tmp_path.resolve()
    (path / "real").mkdir()
    (path / "real/f").touch()
    return path


def test_every_directory_is_seen_in_turn(place: Path) -> None:
    seen = visited(place / "real/f")
    assert seen == [str(parent) for parent in reversed((place / "real/f").parents)]
    assert visited("/") == []


def test_links_of_roots_are_followed(place: Path) -> None:
    (place / "relative").symlink_to("real")
    (place / "absolute").symlink_to(place / "real")
    (place / "up").symlink_to("real/../absolute")
    (place / "file").symlink_to("real/f")
    for way in ("relative/f", "absolute/f", "up/f", "file"):
        assert str(place / "real") in visited(place / way)


def test_links_of_others_are_not(place: Path) -> None:
    (place / "theirs").symlink_to("real")
    os.chown(place / "theirs", STRANGER, -1, follow_symlinks=False)
    (place / "last").symlink_to("real/f")
    os.chown(place / "last", STRANGER, -1, follow_symlinks=False)
    for way, link in (("theirs/f", "theirs"), ("last", "last")):
        with pytest.raises(UntrustedLink, match=str(place / link)):
            visited(place / way)


@pytest.mark.parametrize("mode", [0o1777, 0o775])
def test_links_of_roots_in_directories_that_others_may_write_are_not(
    place: Path, mode: int
) -> None:
    (place / "open").mkdir()
    (place / "open/link").symlink_to(place / "real")
    (place / "open").chmod(mode)
    with pytest.raises(UntrustedLink):
        visited(place / "open/link/f")
    os.chown(place / "open", STRANGER, -1)
    (place / "open").chmod(0o755)
    with pytest.raises(UntrustedLink):
        visited(place / "open/link/f")


@pytest.mark.parametrize(
    ("way", "number", "where"),
    [
        ("nothing", errno.ENOENT, "nothing"),
        ("real/nothing/f", errno.ENOENT, "real/nothing"),
        ("real/f/g", errno.ENOTDIR, "real/f"),
        ("loop/f", errno.ELOOP, "loop/f"),
        ("x" * 300, errno.ENAMETOOLONG, "x" * 300),
    ],
)
def test_what_is_not_there_is_named(place: Path, way: str, number: int, where: str) -> None:
    (place / "loop").symlink_to("loop")
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match=os.strerror(number)) as caught:
        walk(str(place / way), lambda *_: None)
    assert (caught.value.errno, caught.value.filename) == (number, str(place / where))
    assert len(os.listdir("/proc/self/fd")) == before


def test_endless_ways_end(place: Path) -> None:
    (place / "again").symlink_to("real/../" * 60 + "again")
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        walk(str(place / "again"), lambda *_: None)


def test_visitor_may_end_the_walk(place: Path) -> None:
    def refuse(path: str, here: int, status: os.stat_result) -> None:
        if path == str(place):
            raise PermissionError(path)

    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(PermissionError):
        walk(str(place / "real/f"), refuse)
    assert len(os.listdir("/proc/self/fd")) == before


def test_magic_links_of_the_kernel_lead_nowhere() -> None:
    reading, writing = os.pipe()
    try:
        for path in (f"/proc/self/fd/{writing}", f"/dev/fd/{writing}"):
            with pytest.raises((UntrustedLink, OSError)):
                walk(path, lambda *_: None)
    finally:
        os.close(reading)
        os.close(writing)
