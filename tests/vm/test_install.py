"""A server becomes one with Tetras-back, by the words of README.md."""

import io
import re
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.process import PROJECT, run
from tests.vm import snapshots
from tests.vm.server import Server
from tetrasback import names

NOT_IN_A_CLONE = {".git", ".venv", "dist", "build", "locale", "__pycache__"}


def commands(title: str) -> list[str]:
    """The commands in a section of README.md."""
    text = (PROJECT / "README.md").read_text()
    (body,) = re.findall(rf"^## {title}$(.*?)^## ", text, re.M | re.S)
    return [line.strip() for line in body.splitlines() if line.startswith("    ")]


def clone() -> bytes:
    """An archive of what a clone of the project holds, in the folder clone."""

    def kept(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        return None if Path(entry.name).name in NOT_IN_A_CLONE else entry

    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        archive.add(PROJECT, "clone", filter=kept)
    return data.getvalue()


@pytest.fixture
def bare(place: Path) -> Iterator[Server]:
    """A server that has never heard of the package."""
    directory = Path(tempfile.mkdtemp(prefix="", dir=place))
    with Server(directory, snapshots.booted()) as server:
        server.restore()
        yield server


def check_runs(server: Server) -> None:
    for unit in ("tetras-back", "tetras-back-relay"):
        shown = ("systemctl", "show", "-p", "ActiveState,UnitFileState,NRestarts", unit)
        assert sorted(server.run(*shown).stdout.split()) == [
            "ActiveState=active",
            "NRestarts=0",
            "UnitFileState=enabled",
        ], unit


def test_the_words_of_the_readme_install_it(bare: Server) -> None:
    install, *looks = commands("Install")
    bare.run("tar", "-xz", "--no-same-owner", "-C", "/root", data=clone())
    bare.shell(f"cd /root/clone; {install} 2>&1", seconds=1500)
    check_runs(bare)
    for look in looks:
        assert bare.shell(f"cd /root/clone; {look}") != ""


def test_once_installed_it_runs_and_anybody_may_look(server: Server) -> None:
    check_runs(server)
    for name, path, method in (
        (names.BUS_NAME, names.ROOT_PATH, ".SaveDisk"),
        (names.RELAY_NAME, names.RELAY_PATH, ".Register"),
    ):
        shown = server.run("busctl", "introspect", name, path, user="alice").stdout
        assert method in shown
    assert server.ctl("disks", user="alice").returncode == 0
    # Of both services, nothing that is worse than a note.
    words = ("journalctl", "-b", "-q", "-p", "warning", "-u", "tetras-back*")
    assert server.run(*words).stdout == ""


def test_lintian_has_nothing_to_say(packages: list[Path]) -> None:
    run(
        ["lintian", "--allow-root", "--fail-on=error,warning", *packages[0].parent.glob("*.deb")],
        seconds=120,
    )


def test_debians_own_test_passes(server: Server) -> None:
    program = (PROJECT / "debian/tests/backup").read_bytes()
    server.run("install", "-D", "-m", "755", "/dev/stdin", "/var/tmp/test/run", data=program)
    done = server.run("env", "AUTOPKGTEST_TMP=/var/tmp/test", "/var/tmp/test/run", check=False)
    # autopkgtest(1) takes any word on standard error for a failure.
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
