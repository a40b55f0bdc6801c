"""A browser, and the page in it before a whole daemon on real parts."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.harness import (
    Cockpit,
    CockpitLogin,
    LoopDisk,
    Polkitd,
    PrivateBus,
    TagRule,
    User,
    Workspace,
)
from tests.harness.browser import chromium
from tests.harness.cockpit import install_page
from tests.system.scene import COPY, Scene
from tests.web.page import Page


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    with chromium() as running:
        yield running


@pytest.fixture
def scene(bus: PrivateBus, polkitd: Polkitd, tag_rule: TagRule, workspace: Path) -> Iterator[Scene]:
    """Bus, polkit, udev and a subscriber; the daemon is started by the test."""
    with Scene(bus, workspace) as made:
        yield made


@pytest.fixture
def backed_up(scene: Scene) -> LoopDisk:
    """A disk called bleu, with one backup; plugged in, and safe to unplug."""
    disk = scene.disk()
    scene.script(COPY)
    scene.configure({"bleu": disk}, extra="[mail]\nto = []")
    scene.start()
    scene.plug(disk)
    assert scene.verdict(disk) == "success"
    scene.becomes(disk, "safe-to-unplug")
    return disk


@pytest.fixture(scope="session")
def installed() -> Iterator[Path]:
    """Where the page is installed."""
    with Workspace("tetras-back-web-") as directory:
        yield install_page(directory)


@pytest.fixture
def visit(
    bus: PrivateBus, workspace: Path, browser: Browser, installed: Path
) -> Iterator[Callable[..., Page]]:
    """`visit(user=…, locale="fr-FR", …)`: a window of Cockpit's for USER (None: root); options are
    those of a browser's context. At the end nothing may have gone wrong in any of them."""
    with ExitStack() as stack:
        pages: list[Page] = []
        cockpits: dict[User | None, Cockpit] = {}

        def make(
            user: User | None = None, env: dict[str, str] | None = None, **options: Any
        ) -> Page:
            if user not in cockpits:
                made = Cockpit(bus, workspace, user, installed, env)
                cockpits[user] = stack.enter_context(made)
            cockpit = cockpits[user]
            context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
            stack.callback(context.close)
            pages.append(Page(context, cockpit))
            return pages[-1]

        yield make
        for page in pages:
            assert page.faults == []


@pytest.fixture
def page(visit: Callable[..., Page]) -> Page:
    """A window of an administrator's."""
    return visit()


@pytest.fixture(params=["administrator", "ordinary user"])
def onlooker(request: pytest.FixtureRequest, visit: Callable[..., Page], user: User) -> Page:
    """A window of somebody who only looks: an administrator's, and then an ordinary user's."""
    return visit(user if request.param == "ordinary user" else None)


@pytest.fixture
def door(
    bus: PrivateBus, workspace: Path, browser: Browser, installed: Path
) -> Iterator[Callable[[], Page]]:
    """`door()`: a window before Cockpit's login page, for who has a password."""
    with CockpitLogin(bus, workspace, installed) as cockpit, ExitStack() as stack:
        pages: list[Page] = []

        def make() -> Page:
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            stack.callback(context.close)
            pages.append(Page(context, cockpit).open_shell())
            return pages[-1]

        yield make
        for page in pages:
            assert page.faults == []
