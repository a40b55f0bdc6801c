"""The way back: the backups on a disk pinned, verified and restored; disks held back."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.harness import LoopDisk, TagRule, User
from tests.system.scene import COPY, Scene
from tests.web.page import Page
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
    page.dialog.get_by_label("Into the folder").fill(str(workspace / "back"))
    page.press("Restore", page.dialog)
    expect(page.dialog).to_have_count(0)
    expect(page.banner).to_contain_text("Restore from “bleu”: success")
    assert (workspace / "back/home/anna/letter").read_text() == "dear\n"
    expect(page.banner).to_contain_text("You may unplug “bleu”")


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
