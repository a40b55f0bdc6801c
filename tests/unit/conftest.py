"""A reader of French, for whoever wants one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.harness.catalogues import build_catalogues
from tetrasback.lang import i18n

# How long an example takes says more about the machine than about the program.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def catalogues(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogues of `po/` as they are now."""
    return build_catalogues(tmp_path_factory.mktemp("locale"))


@pytest.fixture
def french(catalogues: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Within the test, everything is said in French."""
    monkeypatch.setattr(i18n, "OWN_CATALOGUES", catalogues)
    with i18n.using("fr"):
        yield
