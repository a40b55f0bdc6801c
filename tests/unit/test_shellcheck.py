"""The shipped shell scripts are clean, and only the two backups can be run."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).parents[2] / "tetrasback/scripts").glob("*.sh"))


@pytest.mark.parametrize("options", [[], ["--external-sources"]], ids=["alone", "with its parts"])
def test_scripts_are_clean(options: list[str]) -> None:
    program = shutil.which("shellcheck")
    assert program, "shellcheck is not installed"
    found = subprocess.run(
        [program, *options, *SCRIPTS], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout


def test_only_the_backups_are_executable() -> None:
    executable = [path.name for path in SCRIPTS if os.access(path, os.X_OK)]
    assert executable == ["backup_demo-tibox.sh", "backup_nocloud.sh"]
