"""The file survives: full and read-only disks, a kill at the worst moment, others who write it."""

import errno
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tetrasback.config.edits import SaveDisk
from tetrasback.config.file import TRIES, ConfigFile
from tetrasback.errors import ConfigurationError

BLUE = "0b5a9f3e-0000-4000-8000-00000000000a"
GREEN = "1b5a9f3e-0000-4000-8000-00000000000b"
GOOD = f'# disks\n[disks."{BLUE}"]\nname = "bleu"\n'


@contextmanager
def tmpfs(path: Path, options: str) -> Iterator[Path]:
    """A small file system of its own at PATH."""
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    with tmpfs(tmp_path / "etc", "size=64k") as path:
        yield path


def fill(directory: Path) -> None:
    """Leave no room in the file system of DIRECTORY: a file `filler` takes it all."""
    with (directory / "filler").open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


def config_file(directory: Path, state: Path) -> ConfigFile:
    return ConfigFile(directory / "configuration.toml", state / "last-good.toml")


def test_edit_on_a_full_disk_leaves_the_file(small: Path, tmp_path: Path) -> None:
    path = small / "configuration.toml"
    path.write_text(GOOD)
    file = config_file(small, tmp_path)
    fill(small)
    with pytest.raises(ConfigurationError, match="No space left on device"):
        file.edit(SaveDisk(GREEN, "vert"))
    assert path.read_text() == GOOD
    assert sorted(os.listdir(small)) == ["configuration.toml", "filler"]
    (small / "filler").unlink()
    assert list(file.edit(SaveDisk(GREEN, "vert")).disks) == [BLUE, GREEN]


def test_edit_on_a_read_only_disk_leaves_the_file(small: Path, tmp_path: Path) -> None:
    path = small / "configuration.toml"
    path.write_text(GOOD)
    subprocess.run(["mount", "-o", "remount,ro", small], check=True)
    file = config_file(small, tmp_path)
    with pytest.raises(ConfigurationError, match="Read-only file system"):
        file.edit(SaveDisk(GREEN, "vert"))
    assert path.read_text() == GOOD
    assert os.listdir(small) == ["configuration.toml"]
    assert file.load().error == ""


def test_load_with_a_full_state_directory_goes_on(small: Path, tmp_path: Path) -> None:
    fill(small)
    (tmp_path / "configuration.toml").write_text(GOOD)
    loaded = config_file(tmp_path, small).load()
    assert list(loaded.config.disks) == [BLUE]
    assert "No space left" in str(loaded.warnings[0])
    assert os.listdir(small) == ["filler"]


def test_edit_where_the_directory_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file or directory"):
        config_file(tmp_path / "none", tmp_path).edit(SaveDisk(GREEN, "vert"))


@pytest.mark.parametrize("moment", ["fsync", "rename"])
def test_a_kill_while_editing_leaves_the_old_file(tmp_path: Path, moment: str) -> None:
    (tmp_path / "configuration.toml").write_text(GOOD)
    program = textwrap.dedent(
        f"""
        import os, signal
        from pathlib import Path
        from tetrasback.config.edits import SaveDisk
        from tetrasback.config.file import ConfigFile
        os.{moment} = lambda *args, **options: os.kill(os.getpid(), signal.SIGKILL)
        directory = Path({str(tmp_path)!r})
        file = ConfigFile(directory / "configuration.toml", directory / "last-good.toml")
        file.edit(SaveDisk({GREEN!r}, "vert"))
        """
    )
    ended = subprocess.run([sys.executable, "-c", program], timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (tmp_path / "configuration.toml").read_text() == GOOD
    file = config_file(tmp_path, tmp_path)
    assert list(file.edit(SaveDisk(GREEN, "vert")).disks) == [BLUE, GREEN]
    assert sorted(os.listdir(tmp_path)) == ["configuration.toml", "last-good.toml"]


class Editor:
    """Somebody who saves the file by hand just before the daemon's own version takes its place."""

    def __init__(self, path: Path, times: int, rename: bool) -> None:
        self.path = path
        self.left = times
        self.saved = 0
        self.rename = rename
        self._fsync = os.fsync

    def fsync(self, descriptor: int) -> None:
        self._fsync(descriptor)
        if self.left:
            self.left -= 1
            self.saved += 1
            text = f"{GOOD}# by hand {self.saved}\n"
            if self.rename:
                new = self.path.with_suffix(".editor")
                new.write_text(text)
                new.rename(self.path)
            else:
                self.path.write_text(text)


@pytest.mark.parametrize("rename", [False, True])
def test_an_edit_by_hand_meanwhile_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rename: bool
) -> None:
    path = tmp_path / "configuration.toml"
    path.write_text(GOOD)
    editor = Editor(path, TRIES - 1, rename)
    monkeypatch.setattr(os, "fsync", editor.fsync)
    config = config_file(tmp_path, tmp_path).edit(SaveDisk(GREEN, "vert"))
    assert list(config.disks) == [BLUE, GREEN]
    assert f"# by hand {TRIES - 1}\n" in path.read_text()


def test_edits_by_hand_without_end_make_the_daemon_give_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "configuration.toml"
    path.write_text(GOOD)
    monkeypatch.setattr(os, "fsync", Editor(path, 1000, True).fsync)
    with pytest.raises(ConfigurationError, match="try again"):
        config_file(tmp_path, tmp_path).edit(SaveDisk(GREEN, "vert"))
    assert path.read_text() == f"{GOOD}# by hand {TRIES}\n"
    assert os.listdir(tmp_path) == ["configuration.toml"]
