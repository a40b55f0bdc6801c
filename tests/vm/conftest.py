"""A server for each test, restored from one that was booted and installed once."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.process import PROJECT, HarnessError
from tests.vm import console, snapshots
from tests.vm.cache import CACHE
from tests.vm.machine import Snapshot
from tests.vm.server import Server

FAILED = CACHE / "failed"
"""What a failed test leaves: the guest's journal and console, QEMU's words."""


def pytest_sessionstart() -> None:
    shutil.rmtree(FAILED, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if report.failed and call.when == "call":
        made = getattr(item, "funcargs", {}).values()
        server = next((value for value in made if isinstance(value, Server)), None)
        if server is not None:
            place = FAILED / re.sub(r"\W+", "-", item.name)
            report.sections.append((f"the guest, in {place}", _keep(server, place)))
            if os.environ.get("KEEP"):
                capture = item.config.pluginmanager.getplugin("capturemanager")
                with capture.global_and_fixture_disabled():
                    console.attach(server)
    return report


def _keep(server: Server, place: Path) -> str:
    """Keep what tells why a test failed; the end of it."""
    place.mkdir(parents=True, exist_ok=True)
    try:
        journal = server.run("journalctl", "-b", "-o", "short-monotonic", "--no-pager").stdout
    except (HarnessError, OSError) as error:
        journal = f"no journal: {error}\n"
    (place / "journal.txt").write_text(journal, errors="surrogateescape")
    for name in ("console.log", "qemu.log"):
        if (server.directory / name).exists():
            shutil.copy(server.directory / name, place)
    return "".join(journal.splitlines(keepends=True)[-40:])


@pytest.fixture(scope="session")
def packages() -> list[Path]:
    """The package files under test: those in DEBS."""
    return snapshots.packages(Path(os.environ.get("DEBS", PROJECT / "dist")))


@pytest.fixture(scope="session")
def place() -> Iterator[Path]:
    """Where the machines of this run have their files."""
    path = Path(tempfile.mkdtemp(prefix="tetras-back-vm-", dir="/var/tmp"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def installed(packages: list[Path]) -> Snapshot:
    """A booted server with the package installed."""
    return snapshots.installed(packages)


@pytest.fixture
def machine(place: Path, installed: Snapshot) -> Iterator[Server]:
    """The installed server, switched off: for tests of the boot."""
    directory = Path(tempfile.mkdtemp(prefix="", dir=place))
    with Server(directory, installed) as made:
        yield made
    shutil.rmtree(directory)


@pytest.fixture
def server(machine: Server) -> Server:
    """A server of the test's own that is up, with the package installed a moment ago."""
    machine.restore()
    return machine
