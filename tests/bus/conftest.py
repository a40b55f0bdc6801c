"""Fixtures of the tests on a real bus."""

from collections.abc import Iterator

import pytest

from tests.bus.relaying import ALLOWED
from tests.harness import Polkitd, PrivateBus


@pytest.fixture
def allowed(bus: PrivateBus) -> Iterator[Polkitd]:
    """A real polkitd by which everybody may register FIFOs."""
    with Polkitd(bus, extra_rules=ALLOWED) as running:
        yield running
