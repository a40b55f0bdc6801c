"""A whole disk, blank or with something on it, is made a backup disk."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.harness import LoopDisk, User
from tests.system.scene import COPY, Scene
from tests.system.test_prepare import pull
from tests.web.page import Page
from tests.web.test_reader import violations

Plugged = Callable[..., LoopDisk]


@pytest.fixture
def plugged(scene: Scene) -> Iterator[Plugged]:
    """`plugged("vfat")`: a disk before a running daemon; the partitions it gets are taken away."""
    scene.script(COPY)
    scene.configure({}, extra="[mail]\nto = []")
    scene.start()
    made: list[LoopDisk] = []

    def make(fs: str = "", **options: str) -> LoopDisk:
        made.append(scene.disk(fs, 64, **options))
        scene.plug(made[-1])
        return made[-1]

    yield make
    for disk in made:
        pull(disk)


def whole(page: Page, disk: LoopDisk) -> Locator:
    """Its card."""
    return page.place.locator("[data-state=preparable]", has_text=disk.device)


def test_a_blank_disk_is_prepared_and_backed_up_onto(
    scene: Scene, plugged: Plugged, page: Page
) -> None:
    disk = plugged()
    page.open()
    card = whole(page, disk)
    expect(card).to_contain_text("Blank")
    expect(card).to_contain_text("67.1 MB")
    page.press("Prepare…", card)
    expect(page.dialog).not_to_contain_text("will be lost")
    assert violations(page) == []
    page.dialog.get_by_label("Name").fill("bleu")
    page.press("Prepare", page.dialog)
    expect(page.dialog).to_have_count(0, timeout=60_000)
    expect(card).to_have_count(0)
    made = page.place.get_by_role("listitem", name="bleu")
    expect(made).to_contain_text("ext4")
    page.press("Back up now", made)
    expect(page.banner).to_contain_text("You may unplug “bleu”")


def test_what_is_on_a_disk_is_shown_and_named_before_it_is_erased(
    scene: Scene, plugged: Plugged, page: Page
) -> None:
    disk = plugged("ntfs", label="<HOLIDAY>")
    page.open()
    page.press("Prepare…", whole(page, disk))
    for text in ("All of this will be lost", "ntfs", "“<HOLIDAY>”"):
        expect(page.dialog).to_contain_text(text)
    assert violations(page) == []
    page.dialog.get_by_label("Name").fill("bleu")
    erase = page.dialog.get_by_label("type its model or size (67.1 MB)")
    erase.fill("68 MB")
    page.press("Erase and prepare", page.dialog)
    assert not erase.evaluate("field => field.validity.valid")
    assert scene.shown(disk)["State"] == "unknown"
    erase.fill("67.1MB")
    page.press("Erase and prepare", page.dialog)
    expect(page.dialog).to_have_count(0, timeout=60_000)
    expect(page.place.get_by_role("listitem", name="bleu")).to_contain_text("ext4")


def test_another_disk_in_its_place_is_not_what_was_shown(
    scene: Scene, plugged: Plugged, page: Page
) -> None:
    disk = plugged()
    page.open()
    page.press("Prepare…", whole(page, disk))
    expect(page.dialog).to_be_visible()
    disk.detach()
    expect(page.dialog).to_have_count(0)
    other = plugged(name="other")  # most often with the same device
    expect(whole(page, other)).to_be_visible()
    expect(page.dialog).to_have_count(0)


def test_an_ordinary_user_erases_nothing(
    scene: Scene, plugged: Plugged, visit: Callable[..., Page], user: User
) -> None:
    disk = plugged()
    page = visit(user).open()
    expect(whole(page, disk).get_by_role("button")).to_be_disabled()
    assert "Error" in str(page.ask("PrepareDisk", "sssb", [disk.device, "bleu", "ext4", True]))
