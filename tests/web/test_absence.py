"""When the daemon, or the bus, is not there: said plainly, and the page comes back by itself."""

from playwright.sync_api import Locator, expect

from tests.harness import Polkitd, PrivateBus
from tests.system.scene import COPY, Scene
from tests.web.page import Page


def absence(page: Page, link: str) -> Locator:
    return page.page.locator(f'#absence[data-link="{link}"]')


def test_not_installed_then_started(scene: Scene, onlooker: Page) -> None:
    onlooker.open(wait=False)
    expect(absence(onlooker, "missing")).to_contain_text("Tetras-back is not installed")
    scene.script(COPY)
    scene.configure({})
    scene.start()
    expect(onlooker.section("Disks")).to_be_visible()
    expect(absence(onlooker, "missing")).to_have_count(0)


def test_daemon_stopped_and_killed_and_started_again(scene: Scene, onlooker: Page) -> None:
    disk = scene.disk()
    scene.script(COPY)
    scene.configure({"bleu": disk})
    daemon = scene.start()
    onlooker.open()
    for end in (daemon.stop, daemon.kill):
        end()
        expect(onlooker.page.locator("#absence")).to_contain_text("This page comes back by itself")
        expect(onlooker.section("Disks")).to_have_count(0)
        scene.configure({f"vert {end.__name__}": disk})
        scene.start()
        # What changed meanwhile is there.
        expect(onlooker.disk(disk).get_by_role("heading")).to_have_text(f"vert {end.__name__}")


def test_a_dialog_that_is_open_outlives_nothing_it_cannot_do(scene: Scene, page: Page) -> None:
    disk = scene.disk()
    scene.script(COPY)
    scene.configure({"bleu": disk})
    daemon = scene.start()
    page.open()
    page.press("Forget…", page.disk(disk))
    daemon.stop()
    expect(page.dialog).to_have_count(0)
    scene.start()
    expect(page.disk(disk)).to_be_visible()
    assert scene.shown(disk)["Saved"] is True


def test_the_bus_goes_and_comes_back(
    scene: Scene, page: Page, bus: PrivateBus, polkitd: Polkitd
) -> None:
    disk = scene.disk()
    scene.script(COPY)
    scene.configure({"bleu": disk})
    daemon = scene.start()
    page.open()
    bus.stop()
    expect(absence(page, "lost")).to_contain_text("The system bus cannot be reached")
    bus.restart()
    polkitd.restart()
    daemon.stop()
    scene.start()
    expect(page.disk(disk)).to_be_visible()
    page.press("Rename…", page.disk(disk))
    page.dialog.get_by_label("Name").fill("vert")
    page.press("Rename", page.dialog)
    expect(page.disk(disk).get_by_role("heading")).to_have_text("vert")
    page.pardon("Could not connect: No such file or directory")
