"""The whole daemon on real parts, for the tests here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import PrivateBus, TagRule
from tests.system.scene import Scene


@pytest.fixture
def scene(bus: PrivateBus, tag_rule: TagRule, workspace: Path) -> Iterator[Scene]:
    """Bus, udev and a subscriber; the daemon is started by the test, after its preparations."""
    with Scene(bus, workspace) as made:
        yield made
