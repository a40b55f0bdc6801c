"""A bus that knows how to start the daemon, which does not start."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.harness import PrivateBus
from tests.system.scene import COPY, Scene
from tests.web.page import Page
from tetrasback import names


@pytest.fixture
def bus(workspace: Path) -> Iterator[PrivateBus]:
    """A private bus whose way of starting the daemon fails."""
    services = workspace / "services"
    services.mkdir()
    (services / f"{names.BUS_NAME}.service").write_text(
        f"[D-BUS Service]\nName={names.BUS_NAME}\nExec=/bin/false\nUser=root\n"
    )
    with PrivateBus(workspace, extra=f"<servicedir>{services}</servicedir>") as running:
        yield running


def test_a_daemon_that_does_not_start_is_said_to_be_stopped(scene: Scene, page: Page) -> None:
    page.open(wait=False)
    absence = page.page.locator('#absence[data-link="stopped"]')
    expect(absence).to_contain_text("The backup service is not running")
    expect(absence).to_contain_text("systemctl start tetras-back")
    page.press("Try again")
    expect(absence).to_be_visible()
    scene.script(COPY)
    scene.configure({})
    scene.start()
    expect(page.section("Disks")).to_be_visible()
