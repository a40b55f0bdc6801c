"""The way back: the backups on a disk pinned, verified and restored; disks held back."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.harness import LoopDisk, TagRule, User, wait_until
from tests.system.scene import COPY, Scene
from tests.web.page import PICTURES, Page
from tests.web.test_reader import violations

CONFIGURATION = """\
[backup]
scripts = ["backup_nocloud.sh"]
source = "{source}"
verify_minutes = 0
[scripts."backup_nocloud.sh"]
args = ["--data", "--config"]
[mail]
to = []
[disks."{uuid}"]
name = "bleu"
"""


@pytest.fixture
def saved(scene: Scene, workspace: Path, tag_rule: TagRule) -> LoopDisk:
    """A disk called bleu, plugged in, with a backup of a small server on it."""
    for path, text in (("home/anna/letter", "dear\n"), ("etc/fstab", "#\n")):
        place = workspace / "server" / path
        place.parent.mkdir(parents=True)
        place.write_text(text)
    disk = scene.disk(size_mb=64)
    text = CONFIGURATION.format(source=workspace / "server", uuid=disk.uuid)
    scene.configuration.write_text(text)
    scene.start([workspace / "lib/tetrasback/scripts"])
    scene.plug(disk)
    assert scene.verdict(disk, seconds=60) == "success"
    scene.becomes(disk, "safe-to-unplug")
    return disk


def test_a_lost_file_is_got_back(
    scene: Scene, saved: LoopDisk, page: Page, workspace: Path
) -> None:
    page.open()
    page.press("Backups…", page.disk(saved))
    rows = page.dialog.locator("tbody tr")
    expect(rows).to_have_count(1)
    assert violations(page) == []
    page.press("Pin", rows)
    expect(rows).to_contain_text("Pinned")
    page.press("Unpin", rows)
    expect(rows).not_to_contain_text("Pinned")

    page.press("Verify", rows)
    expect(page.dialog).to_have_count(0)
    expect(page.banner).to_contain_text("Verification of a backup on “bleu”: success")

    page.press("Backups…", page.disk(saved))
    page.press("Restore…", rows)
    assert violations(page) == []
    page.dialog.get_by_label("What is restored").fill("/home/anna/letter\n")
    page.dialog.get_by_label("Into the folder").fill("not absolute")
    page.press("Restore", page.dialog)
    expect(page.dialog.get_by_role("alert")).to_contain_text("whole path")
    expect(page.dialog.get_by_label("What is restored")).to_have_value("/home/anna/letter")
    page.dialog.get_by_label("Into the folder").fill(str(workspace / "back"))
    page.press("Restore", page.dialog)
    expect(page.dialog).to_have_count(0)
    expect(page.banner).to_contain_text("Restore from “bleu”: success")
    assert (workspace / "back/home/anna/letter").read_text() == "dear\n"
    expect(page.banner).to_contain_text("You may unplug “bleu”")

    # What was done with the backups is told beside what was backed up, each with its log.
    done = page.place.locator("#jobs tbody tr")
    expect(done).to_have_count(2)
    for row, kind, verdict in ((0, "Restore", "Success"), (1, "Verification", "Success")):
        expect(done.nth(row).locator('[data-label="Job"]')).to_have_text(kind)
        expect(done.nth(row).locator('[data-label="Verdict"]')).to_have_text(verdict)
        expect(done.nth(row).locator('[data-label="Backup"]')).to_contain_text("Sauvegarde")
    page.press("Log", done.nth(0))
    expect(page.dialog).to_contain_text("restore")
    expect(page.dialog).to_contain_text("lines, newest first")
    page.press("Close", page.dialog)
    # They follow the choice of a disk.
    page.place.get_by_label("Whose history is shown").select_option(label="“bleu”")
    expect(done).to_have_count(2)


def test_a_backup_is_put_back_in_place_after_a_plain_question(
    scene: Scene, saved: LoopDisk, page: Page
) -> None:
    letter = scene.workspace / "server/home/anna/letter"
    letter.write_text("overwritten\n")
    page.open()
    page.press("Backups…", page.disk(saved))
    page.press("Restore…", page.dialog.locator("tbody tr"))
    page.dialog.get_by_label("Where it was, in place of what is there now").check()
    expect(page.dialog.get_by_label("Into the folder")).to_have_count(0)
    expect(page.dialog).to_contain_text("/etc too: name paths to restore less")
    # Nothing named is everything, and that is more than the homes.
    page.press("Restore…", page.dialog)
    expect(page.dialog.get_by_role("listitem")).to_have_text("everything, /etc too")
    page.press("Back", page.dialog)
    page.dialog.get_by_label("What is restored").fill("/home/anna/letter")
    page.press("Restore…", page.dialog)
    expect(page.dialog.get_by_role("heading")).to_have_text("Replace what is there now?")
    for text in (
        "What is here now will be replaced",
        "on bleu:",
        "/home/anna/letter",
        "since then is lost",
    ):
        expect(page.dialog).to_contain_text(text)
    expect(page.dialog.get_by_text("Back", exact=True)).to_be_focused()
    assert violations(page) == []
    page.press("Back", page.dialog)
    expect(page.dialog.get_by_label("What is restored")).to_have_value("/home/anna/letter")
    assert letter.read_text() == "overwritten\n"
    page.press("Restore…", page.dialog)
    page.press("Replace it", page.dialog)
    expect(page.dialog).to_have_count(0)
    expect(page.banner).to_contain_text("Restore from “bleu”: success")
    assert letter.read_text() == "dear\n"


def test_a_backup_is_shown_and_no_longer(
    scene: Scene, saved: LoopDisk, page: Page, workspace: Path
) -> None:
    page.open()
    page.press("Backups…", page.disk(saved))
    rows = page.dialog.locator("tbody tr")
    page.press("Show", rows)
    view = page.dialog.locator("#view")
    expect(view).to_contain_text("Shown until")
    path = Path(view.locator("code").inner_text())
    assert [letter.read_text() for letter in path.rglob("letter")] == ["dear\n"]
    assert violations(page) == []
    # The disk is not anybody else's meanwhile.
    for text in ("Verify", "Restore…", "Show"):
        expect(rows.get_by_text(text, exact=True)).to_be_disabled()
    page.press("Close", page.dialog)
    told = page.banner.locator(".alert", has_text="Backups on “bleu” are shown until")
    expect(told).to_contain_text("do not unplug it")
    expect(told).to_contain_text(str(path))
    expect(page.banner).not_to_contain_text("You may unplug")
    expect(page.banner.locator('[data-level="error"]')).to_have_count(0)
    # A page that comes later cannot know where, but until when.
    page.open()
    expect(told).to_contain_text("do not unplug it")
    page.press("Show it no longer", told)
    expect(told).to_have_count(0)
    expect(page.banner).to_contain_text("You may unplug “bleu”")
    assert not path.exists()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_the_way_back_is_french_throughout(
    saved: LoopDisk, visit: Callable[..., Page], width: int, scheme: str
) -> None:
    window: Any = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    page = visit(locale="fr-FR", **window).speak("fr-fr").open(wait=False)

    def look(state: str) -> None:
        text = page.dialog.inner_text()
        assert re.findall(r"\b(?:the|of|is|what|never|will|and)\b", text) == [], text
        fits = "dialog => dialog.scrollWidth <= dialog.clientWidth"
        assert page.dialog.evaluate(fits), state
        page.page.screenshot(path=PICTURES / f"back-{state}-{scheme}.png")

    page.press("Sauvegardes…", page.disk(saved))
    page.press("Montrer", page.dialog.locator("tbody tr"))
    expect(page.dialog.locator("#view code")).to_be_visible()
    look("list")
    page.press("Ne plus la montrer", page.dialog)
    expect(page.dialog.locator("#view")).to_have_count(0)
    page.press("Restaurer…", page.dialog.locator("tbody tr"))
    page.dialog.get_by_label("Dans le dossier").fill("/srv/retour")
    look("form")
    page.dialog.get_by_label("À sa place d’origine").check()
    page.dialog.get_by_label("Ce qui est restauré").fill("/home/anna\n/srv/photos")
    page.press("Restaurer…", page.dialog)
    look("question")


def test_the_disk_of_another_server_is_restored_from_without_saving_it(
    scene: Scene, saved: LoopDisk, page: Page, workspace: Path
) -> None:
    scene.call("ForgetDisk", "s", saved.uuid)
    page.open()
    expect(page.disk(saved)).to_contain_text("Unknown disk")
    page.press("Backups…", page.disk(saved))
    row = page.dialog.locator("tbody tr")
    expect(row.get_by_text("Pin")).to_have_count(0)
    page.press("Restore…", row)
    page.dialog.get_by_label("Into the folder").fill(str(workspace / "back"))
    page.press("Restore", page.dialog)
    expect(page.banner).to_contain_text("Restore from")
    wait_until((workspace / "back/home/anna/letter").exists, "the letter to come back")


def test_an_ordinary_user_is_not_offered_the_way_back(
    scene: Scene, saved: LoopDisk, visit: Callable[..., Page], user: User
) -> None:
    page = visit(user).open()
    expect(page.disk(saved).get_by_text("Backups…")).to_be_disabled()
    expect(page.page.get_by_text("Start no backup for an hour")).to_be_disabled()


def test_disks_are_held_back_for_a_while(scene: Scene, page: Page) -> None:
    disk = scene.disk()
    scene.script(COPY)
    scene.configure({"bleu": disk}, extra="[mail]\nto = []")
    scene.start()
    page.open()
    page.press("Start no backup for an hour")
    expect(page.banner).to_contain_text("Plugging a disk in starts no backup until")
    assert [uuid for uuid, _ in scene.root("Holds")] == [""]
    scene.plug(disk)
    expect(page.disk(disk)).to_contain_text("Plugged in")
    assert scene.history() == []
    page.press("Start backups again", page.banner)
    expect(page.banner).not_to_contain_text("starts no backup")
    assert scene.verdict(disk) == "success"
