"""Who logs in with name and password: the page for an ordinary user, an operator, an administrator.

Cockpit's own login page, cockpit-session, PAM as Debian has set it up, a bridge as the person, and
Cockpit's own way to administrative access: "Limited access", and a password for sudo. Every call
goes through the real polkit.

Without systemd-logind a session is registered nowhere. So Cockpit's other way to administrative
access, pkexec for who has no sudo, cannot be had here (polkit knows no session to ask in), nor do
sessions end as logind ends them: `tests/vm/` has both.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.harness import LoopDisk, PrivateBus, User
from tests.system.scene import Scene
from tests.web.page import PICTURES, Page
from tests.web.test_access import REFUSALS, REFUSED


@pytest.fixture
def people(workspace: Path, bus: PrivateBus) -> Iterator[Callable[..., User]]:
    """`people("sudo")`: a user with a password, in groups."""
    made: list[User] = []

    def make(*groups: str) -> User:
        made.append(User(groups, home=workspace / f"home-{len(made)}"))
        bus.reload()
        return made[-1]

    yield make
    for user in made:
        user.close()


def escalate(page: Page, password: str) -> None:
    """Turn administrative access on as Cockpit lets people do it, with PASSWORD."""
    page.page.get_by_role("button", name="Limited access").click()
    dialog = page.page.get_by_role("dialog")
    dialog.locator("input[type=password]").fill(password)
    dialog.get_by_role("button", name="Authenticate").click()


def test_an_ordinary_user_sees_all_changes_nothing_and_is_told_why(
    scene: Scene, backed_up: LoopDisk, door: Callable[[], Page], people: Callable[..., User]
) -> None:
    user = people()
    page = door().log_in(user, "not the password")
    expect(page.page.get_by_text("Wrong user name or password")).to_be_visible()
    page.log_in(user)
    access = page.place.locator("#access")
    expect(access).to_contain_text("Limited access: you can see everything, and change nothing")
    expect(access).to_contain_text("turn on administrative access")
    expect(page.banner).to_contain_text("You may unplug “bleu”")
    expect(page.disk(backed_up)).to_contain_text("Safe to unplug")
    expect(page.row(0)).to_have_attribute("data-verdict", "success")
    enabled = page.place.locator("main :is(button, input):enabled")
    expect(enabled).to_have_count(0)
    page.page.screenshot(path=PICTURES / "login-limited.png")
    for member, type_, arguments in REFUSED:
        given = [backed_up.uuid if word == "UUID" else word for word in arguments]
        assert page.ask(member, type_, given) in REFUSALS, member
    assert scene.shown(backed_up)["Name"] == "bleu"
    assert len(scene.history()) == 1
    # What it shows goes on being live.
    scene.call("RunBackup", "s", backed_up.uuid)
    expect(page.row(1)).to_be_visible()

    escalate(page, user.password)
    expect(page.page.get_by_role("dialog")).to_contain_text("is not in the sudoers file")
    page.page.get_by_role("dialog").get_by_role("button", name="Close", exact=True).last.click()
    expect(access).to_contain_text("change nothing")
    expect(enabled).to_have_count(0)


def test_an_administrator_changes_everything_once_access_is_turned_on(
    scene: Scene, backed_up: LoopDisk, door: Callable[[], Page], people: Callable[..., User]
) -> None:
    user = people("sudo")
    page = door().log_in(user)
    card = page.disk(backed_up)
    expect(page.place.locator("#access")).to_contain_text("change nothing")
    expect(card.get_by_text("Rename…")).to_be_disabled()

    escalate(page, "not the password")
    expect(page.page.get_by_role("dialog")).to_contain_text("Sorry, try again")
    page.page.get_by_role("dialog").locator("input[type=password]").fill(user.password)
    page.page.get_by_role("dialog").get_by_role("button", name="Authenticate").click()
    expect(card.get_by_text("Rename…")).to_be_enabled()
    expect(page.place.locator("#access")).to_have_count(0)
    page.page.screenshot(path=PICTURES / "login-administrator.png")
    page.press("Rename…", card)
    page.dialog.get_by_label("Name").fill("vert")
    page.press("Rename", page.dialog)
    expect(card.get_by_role("heading")).to_have_text("vert")
    page.press("Back up now", card)
    assert scene.verdict(backed_up, 2) == "success"
    page.press("Log", page.row(0))
    expect(page.dialog).to_contain_text("copied")
    page.press("Close", page.dialog)
    page.place.get_by_role("switch", name="copy.sh").click()
    expect(page.place.get_by_role("switch", name="copy.sh")).not_to_be_checked()
    page.press("Forget…", card)
    page.press("Forget", page.dialog)
    expect(card).to_contain_text("Unknown disk")
    assert scene.shown(backed_up)["Saved"] is False

    page.page.get_by_text("Administrative access").click()
    page.page.get_by_role("dialog").get_by_role("button", name="Limit access").click()
    expect(page.place.locator("#access")).to_contain_text("change nothing")
    expect(card.get_by_text("Save…")).to_be_disabled()


def test_an_operator_runs_backups_with_nobodys_password(
    scene: Scene, backed_up: LoopDisk, door: Callable[[], Page], people: Callable[..., User]
) -> None:
    page = door().log_in(people("tetras-back"))
    expect(page.place.locator("#access")).to_contain_text("run backups and take disks away")
    card = page.disk(backed_up)
    expect(card.get_by_text("Forget…")).to_be_disabled()
    page.press("Back up now", card)
    assert scene.verdict(backed_up, 2) == "success"
    expect(page.row(1)).to_be_visible()
