"""The whole daemon on real parts, for the tests here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness import PrivateBus, SmtpSink, TagRule
from tests.system.post import Post
from tests.system.scene import Scene


@pytest.fixture
def scene(bus: PrivateBus, tag_rule: TagRule, workspace: Path) -> Iterator[Scene]:
    """Bus, udev and a subscriber; the daemon is started by the test, after its preparations."""
    with Scene(bus, workspace) as made:
        yield made


@pytest.fixture
def post(scene: Scene) -> Iterator[Post]:
    """The mail of `scene`'s daemon, and where it arrives."""
    with SmtpSink() as sink:
        yield Post(scene, sink)
