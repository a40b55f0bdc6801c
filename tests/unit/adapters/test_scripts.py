"""Which scripts there are, and which may be run."""

import os
from pathlib import Path

import pytest

from tetrasback.adapters.scripts import LIMIT, ScriptDirectories


@pytest.fixture
def local(tmp_path: Path) -> Path:
    return _directory(tmp_path / "local")


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    return _directory(tmp_path / "shipped")


def _directory(path: Path) -> Path:
    path.mkdir(mode=0o755)
    return path


def _script(path: Path, mode: int = 0o755, text: str = "#!/bin/sh\n") -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_scripts_lists_executable_files_the_first_directory_wins(
    local: Path, shipped: Path
) -> None:
    _script(local / "b.sh")
    _script(shipped / "b.sh")
    _script(shipped / "a.sh")
    _script(shipped / "lib.sh", 0o644)
    (shipped / "folder").mkdir()
    _script(shipped / ".hidden")
    _script(shipped / "-option")
    found = ScriptDirectories([local, shipped]).scripts()
    assert [(item.name, item.path, item.problem) for item in found] == [
        ("a.sh", str(shipped / "a.sh"), ""),
        ("b.sh", str(local / "b.sh"), ""),
    ]


def test_scripts_leaves_out_names_that_no_bus_can_carry(shipped: Path) -> None:
    for name in (b"odd\xff.sh", b"line\nend.sh"):
        descriptor = os.open(os.fsencode(shipped) + b"/" + name, os.O_CREAT | os.O_WRONLY, 0o755)
        os.close(descriptor)
    assert ScriptDirectories([shipped]).scripts() == []


def test_scripts_without_directories(tmp_path: Path) -> None:
    assert ScriptDirectories([tmp_path / "none"]).scripts() == []


def test_scripts_are_bounded(shipped: Path) -> None:
    for number in range(LIMIT + 5):
        _script(shipped / f"s{number}")
    assert len(ScriptDirectories([shipped]).scripts()) == LIMIT


def test_find_tells_where_it_looked(local: Path, shipped: Path) -> None:
    found = ScriptDirectories([local, shipped]).find("gone.sh")
    assert found.path == ""
    assert found.problem == f'there is no script "gone.sh" in {local} or {shipped}; put it there'


@pytest.mark.parametrize("name", ["", "../x", "/bin/sh", "-rf", "a\nb"])
def test_find_refuses_odd_names(shipped: Path, name: str) -> None:
    found = ScriptDirectories([shipped]).find(name)
    assert found.problem
    assert "\n" not in found.problem


def test_find_names_the_command_that_mends_it(shipped: Path) -> None:
    directories = ScriptDirectories([shipped])
    path = _script(shipped / "a b.sh", 0o644)
    assert directories.find("a b.sh").problem == (
        f"{path} is not executable; run: chmod 755 '{path}'"
    )
    path.chmod(0o775)
    assert f"{path} is writable by others" in directories.find("a b.sh").problem
    assert directories.find("a b.sh").problem.endswith(f"run: chmod go-w '{path}'")
    path.chmod(0o757)
    assert "is writable by others" in directories.find("a b.sh").problem
    path.chmod(0o755)
    os.chown(path, 65534, 0)
    assert directories.find("a b.sh").problem.endswith(f"run: chown root: '{path}'")
    os.chown(path, 0, 0)
    assert directories.find("a b.sh").problem == ""


def test_find_refuses_a_directory_that_others_can_write(shipped: Path) -> None:
    _script(shipped / "a.sh")
    shipped.chmod(0o1777)
    assert f"{shipped} is writable by others" in ScriptDirectories([shipped]).find("a.sh").problem


def test_find_looks_behind_links(shipped: Path, tmp_path: Path) -> None:
    directories = ScriptDirectories([shipped])
    elsewhere = _directory(tmp_path / "elsewhere")
    real = _script(elsewhere / "real")
    (shipped / "link.sh").symlink_to(real)
    assert directories.find("link.sh").problem == ""
    elsewhere.chmod(0o777)
    assert f"{elsewhere} is writable by others" in directories.find("link.sh").problem
    elsewhere.chmod(0o755)
    os.chown(real, 65534, 0)
    assert f"{real} is not root's" in directories.find("link.sh").problem


def test_find_other_kinds_of_file(shipped: Path) -> None:
    directories = ScriptDirectories([shipped])
    (shipped / "folder").mkdir()
    os.mkfifo(shipped / "fifo")
    (shipped / "dangling").symlink_to("nowhere")
    (shipped / "loop").symlink_to("loop")
    _script(shipped / "empty", text="")
    assert "is not a regular file" in directories.find("folder").problem
    assert "is not a regular file" in directories.find("fifo").problem
    assert "cannot be read" in directories.find("dangling").problem
    assert "cannot be read" in directories.find("loop").problem
    assert "is empty" in directories.find("empty").problem


def test_find_a_script_that_hides_a_shipped_one_needs_takes(local: Path, shipped: Path) -> None:
    directories = ScriptDirectories([local, shipped])
    mine = _script(local / "backup_nocloud.sh")
    _script(shipped / "backup_nocloud.sh")
    problem = directories.find("backup_nocloud.sh").problem
    assert problem.startswith(f"{mine} hides {shipped / 'backup_nocloud.sh'}")
    assert '[scripts."backup_nocloud.sh"], takes =' in problem
    for takes in ("mount", "device"):
        assert directories.find("backup_nocloud.sh", takes).problem == ""
