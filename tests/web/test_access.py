"""Who may do what: without administrative access all can be seen, and nothing changed."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.harness import LoopDisk, User
from tests.system.scene import Scene
from tests.web.page import Page

REFUSED: list[tuple[str, str, list[Any]]] = [
    ("SaveDisk", "ss", ["UUID", "vert"]),
    ("ForgetDisk", "s", ["UUID"]),
    ("RunBackup", "s", ["UUID"]),
    ("SetScriptEnabled", "sb", ["copy.sh", False]),
    ("GetLog", "t", [1]),
    ("Browse", "ss", ["UUID", ""]),
    ("Restore", "ssassa{sv}", ["UUID", "", [], "", {"in-place": {"t": "b", "v": True}}]),
]
"""What an ordinary user may not ask for: member, type, arguments."""

REFUSALS = (
    "org.freedesktop.DBus.Error.AccessDenied",
    "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired",
    "access-denied",
)


def test_an_ordinary_user_sees_all_and_changes_nothing(
    scene: Scene, backed_up: LoopDisk, visit: Callable[..., Page], user: User
) -> None:
    page = visit(user).open()
    expect(page.page.locator("#access")).to_contain_text("turn on administrative access")
    expect(page.banner).to_contain_text("You may unplug “bleu”")
    card = page.disk(backed_up)
    expect(card).to_contain_text("Safe to unplug")
    expect(page.row(0)).to_have_attribute("data-verdict", "success")
    for text in ("Back up now", "Rename…", "Forget…"):
        expect(card.get_by_text(text)).to_be_disabled()
    expect(page.row(0).get_by_role("button")).to_be_disabled()
    expect(page.page.get_by_role("switch")).to_be_disabled()
    # What it shows goes on being live.
    backed_up.detach()
    expect(card).to_contain_text("Not plugged in")


@pytest.mark.parametrize(("member", "type_", "arguments"), REFUSED)
def test_what_the_page_does_not_offer_is_refused_as_well(
    scene: Scene,
    backed_up: LoopDisk,
    visit: Callable[..., Page],
    user: User,
    member: str,
    type_: str,
    arguments: list[str | int | bool],
) -> None:
    page = visit(user).open()
    given = [backed_up.uuid if word == "UUID" else word for word in arguments]
    assert page.ask(member, type_, given) in REFUSALS
    assert scene.shown(backed_up)["Name"] == "bleu"
    assert len(scene.history()) == 1


def test_a_member_of_the_group_runs_backups_and_unplugs(
    scene: Scene, backed_up: LoopDisk, visit: Callable[..., Page], operator: User
) -> None:
    page = visit(operator).open()
    expect(page.page.locator("#access")).to_contain_text("run backups and take disks away")
    card = page.disk(backed_up)
    expect(card.get_by_text("Forget…")).to_be_disabled()
    expect(page.row(0).get_by_role("button")).to_be_disabled()
    page.press("Back up now", card)
    assert scene.verdict(backed_up, 2) == "success"
    expect(page.row(1)).to_be_visible()


def test_an_administrator_is_told_nothing_of_access(
    scene: Scene, backed_up: LoopDisk, page: Page
) -> None:
    page.open()
    expect(page.disk(backed_up).get_by_text("Forget…")).to_be_enabled()
    expect(page.page.locator("#access")).to_have_count(0)
