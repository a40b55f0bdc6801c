"""What the programs do not load: it would cost memory in the daemon and time in every command."""

import subprocess

import pytest

from tests.harness.process import PROJECT, PYTHON

_LOADED = "import sys, {module}; print(*sorted(sys.modules), sep='\\n')"


def _loaded_by(module: str) -> set[str]:
    argv = [PYTHON, "-c", _LOADED.format(module=module)]
    done = subprocess.run(argv, cwd=PROJECT, capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_gi_is_there_to_be_avoided() -> None:
    assert "gi._gi" in _loaded_by("dbus_next")


@pytest.mark.parametrize(
    "module", ["tetrasback.daemon", "tetrasback.ctl.main", "tetrasback.ctl.original"]
)
def test_programs_load_dbus_next_without_glib(module: str) -> None:
    loaded = _loaded_by(module)
    assert "dbus_next" in loaded
    assert "gi._gi" not in loaded


def test_daemon_loads_what_mails_are_made_of_only_when_it_writes_one() -> None:
    loaded = _loaded_by("tetrasback.daemon")
    assert "tetrasback.adapters.mail" in loaded
    assert not {"email", "tetrasback.letters.body", "tetrasback.letters.message"} & loaded


def test_command_loads_rich_only_when_it_draws() -> None:
    assert "rich" not in _loaded_by("tetrasback.ctl.main")
