"""Fixtures that put the real parts of `tests.harness` together; each is fresh for its test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.harness import (
    Daemon,
    Desktop,
    LoopDisk,
    Polkitd,
    PrivateBus,
    Relay,
    TagRule,
    UdevDaemon,
    User,
    Workspace,
)
from tests.scheduling import SystemInOrder


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist, where more than one process runs the tests
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> SystemInOrder:
    return SystemInOrder(config, log)


@pytest.fixture
def workspace() -> Iterator[Path]:
    """A root-owned directory that every user may enter; swept clean at the end."""
    with Workspace() as path:
        yield path


@pytest.fixture
def bus(workspace: Path) -> Iterator[PrivateBus]:
    """A private bus with the project's policy, and no polkit on it yet."""
    with PrivateBus(workspace) as running:
        yield running


@pytest.fixture
def polkitd(bus: PrivateBus) -> Iterator[Polkitd]:
    """A real polkitd on `bus`, with the project's actions and rules."""
    with Polkitd(bus) as running:
        yield running


@pytest.fixture(scope="session")
def udevd() -> Iterator[UdevDaemon]:
    """A running udevd."""
    with UdevDaemon() as running:
        yield running


@pytest.fixture
def tag_rule(udevd: UdevDaemon, workspace: Path) -> Iterator[TagRule]:
    """Loop devices of `workspace` are candidates."""
    with TagRule(workspace) as rule:
        yield rule


@pytest.fixture
def daemon_factory(bus: PrivateBus, workspace: Path) -> Iterator[Callable[..., Daemon]]:
    """`daemon_factory(config_text, script_dirs, sim=…)`: a daemon on `bus`, stopped at the end."""
    with ExitStack() as stack:

        def make(*args: Any, **options: Any) -> Daemon:
            return stack.enter_context(Daemon(bus, workspace, *args, **options))

        yield make


@pytest.fixture
def relay(bus: PrivateBus, workspace: Path) -> Iterator[Relay]:
    """A running relay on `bus`."""
    with Relay(bus, workspace) as running:
        yield running


@pytest.fixture
def loop_disk(workspace: Path) -> Iterator[Callable[..., LoopDisk]]:
    """`loop_disk("ext4", 64, name=…)`: a disk in `workspace`, pulled out until `attach`."""
    with ExitStack() as stack:

        def make(*args: Any, **options: Any) -> LoopDisk:
            return stack.enter_context(LoopDisk(workspace, *args, **options))

        yield make


@pytest.fixture
def user() -> Iterator[User]:
    """A real unprivileged user in no group."""
    with User() as made:
        yield made


@pytest.fixture
def desktop(workspace: Path, user: User) -> Iterator[Desktop]:
    """The desktop session of `user`, with a dunst that shows notifications."""
    with Desktop(workspace, user) as running:
        yield running


@pytest.fixture
def operator() -> Iterator[User]:
    """A real user in the group tetras-back."""
    with User(groups=("tetras-back",)) as made:
        yield made
