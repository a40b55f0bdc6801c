"""Scripts on and off, and a configuration that is wrong."""

from playwright.sync_api import expect

from tests.system.scene import COPY, Scene
from tests.web.page import Page


def test_scripts_are_switched(scene: Scene, page: Page) -> None:
    scene.script(COPY)
    scene.script(COPY, "other.sh")
    scene.configure({})
    scene.start()
    page.open()
    copy, other = (page.page.get_by_role("switch", name=name) for name in ("copy.sh", "other.sh"))
    expect(copy).to_be_checked()
    expect(other).not_to_be_checked()
    expect(page.section("Scripts")).to_contain_text(str(scene.scripts / "other.sh"))
    other.click()
    expect(other).to_be_checked()
    copy.click()
    expect(copy).not_to_be_checked()
    assert [(name, on) for name, on, _ in scene.root("Scripts")] == [
        ("copy.sh", False),
        ("other.sh", True),
    ]
    # Somebody else does it.
    scene.call("SetScriptEnabled", "sb", "copy.sh", "true")
    expect(copy).to_be_checked()


def test_a_wrong_configuration_is_shown_and_read_again(scene: Scene, page: Page) -> None:
    scene.script(COPY)
    text = scene.configure({})
    scene.start()
    page.open()
    scene.configuration.write_text(text + "[backup\n")
    scripts = page.section("Scripts")
    expect(scripts).to_contain_text("The configuration has an error")
    expect(scripts).to_contain_text("line 4")
    expect(page.banner).to_contain_text("The configuration has an error")
    # What needs it to be written is refused, and said so.
    page.page.get_by_role("switch", name="copy.sh").click()
    trouble = page.page.get_by_role("alert")
    expect(trouble).to_contain_text("configuration.toml")
    expect(page.page.get_by_role("switch", name="copy.sh")).to_be_checked()
    page.press("Close", trouble)
    expect(trouble).to_have_count(0)
    scene.configuration.write_text(text)
    expect(scripts).not_to_contain_text("The configuration has an error")
