"""A file replaced as a whole."""

import os
from pathlib import Path

import pytest

from tetrasback.host.atomic import replace


def test_owner_and_mode_stay(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_text("old")
    os.chown(file, 12345, 12346)
    file.chmod(0o640)
    replace(file, b"new", 0o600, lambda: True)
    status = file.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (12345, 12346, 0o640)
    assert file.read_text() == "new"


def test_own_file_needs_no_right_to_give_files_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object) -> None:
        raise AssertionError("a sandbox would kill us here")

    file = tmp_path / "f"
    file.write_text("old")
    monkeypatch.setattr(os, "fchown", forbidden)
    replace(file, b"new", 0o600, lambda: True)
    assert file.read_text() == "new"
