"""Whoever reads: in their language, at their window's width, in the dark, by keyboard, by ear."""

import itertools
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.harness import HarnessError, User
from tests.harness.process import PROJECT
from tests.system.scene import COPY, Scene
from tests.web.page import Page

AXE = PROJECT / ".venv/web/node_modules/axe-core/axe.min.js"


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong, with the place of each."""
    # By the debugger's way, which Cockpit's content security policy does not bind.
    page.page.evaluate(AXE.read_text())
    found = page.page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{item['id']}: {node['html'][:200]} {node.get('failureSummary', '')}"
        for item in found["violations"]
        for node in item["nodes"]
    ]


@pytest.fixture
def busy(scene: Scene) -> Scene:
    """A disk that is safe, one that is backed up, an unknown and a rejected one; two verdicts."""
    scene.script(COPY)
    safe, running = scene.disk(name="safe"), scene.disk(name="running")
    unknown, rejected = scene.disk(name="new", label="Elements"), scene.disk("vfat", name="fat")
    gate = scene.gate()
    scene.configure({"bleu": safe, "vert": running, "jaune": rejected}, extra="[mail]\nto = []")
    scene.start()
    for count in (1, 2):
        scene.plug(safe) if count == 1 else scene.call("RunBackup", "s", safe.uuid)
        assert scene.verdict(safe, count) == "success"
    scene.script(gate.shell)
    scene.plug(running)
    gate.reached()
    scene.plug(unknown)
    scene.plug(rejected)
    scene.becomes(rejected, "rejected unsupported-filesystem")
    return scene


def test_axe_finds_nothing(busy: Scene, visit: Callable[..., Page]) -> None:
    schemes: tuple[Any, ...] = ("light", "dark")
    for scheme, width in itertools.product(schemes, (1280, 360)):
        page = visit(color_scheme=scheme, viewport={"width": width, "height": 900}).open()
        expect(page.row(2)).to_be_visible()
        expect(page.banner).to_contain_text("Backing up onto “vert”")
        assert violations(page) == []
        card = page.page.locator("[data-state=safe-to-unplug]")
        for text in ("Rename…", "Forget…"):
            page.press(text, card)
            expect(page.dialog).to_be_visible()
            assert violations(page) == []
            page.press("Cancel", page.dialog)
        page.press("Log", page.row(1))
        expect(page.dialog.get_by_role("listitem").first).to_be_visible()
        assert violations(page) == []


def test_axe_finds_nothing_where_nothing_can_be_changed(
    busy: Scene, visit: Callable[..., Page], user: User
) -> None:
    page = visit(user).open()
    expect(page.page.locator("#access")).to_be_visible()
    assert violations(page) == []


def test_axe_finds_nothing_where_nothing_is_there(visit: Callable[..., Page], scene: Scene) -> None:
    page = visit().open(wait=False)
    expect(page.page.locator("#absence")).to_be_visible()
    assert violations(page) == []


def test_nothing_is_wider_than_the_window(busy: Scene, visit: Callable[..., Page]) -> None:
    for width in (360, 768, 2560):
        page = visit(viewport={"width": width, "height": 900}).open()
        expect(page.row(2)).to_be_visible()
        page.press("Log", page.row(1))
        expect(page.dialog.get_by_role("listitem").first).to_be_visible()
        for element in ("document.documentElement", "document.querySelector('dialog')"):
            fits = page.page.evaluate(f"{element}.scrollWidth <= {element}.clientWidth")
            assert fits, (element, width)
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_dark_is_dark_as_the_shell_says(busy: Scene, visit: Callable[..., Page]) -> None:
    page = visit(color_scheme="light").open()
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.page.evaluate(background)
    page.page.evaluate("localStorage.setItem('shell:style', 'dark')")
    page.page.evaluate(
        "dispatchEvent(new CustomEvent('cockpit-style', { detail: { style: 'dark' } }))"
    )
    assert page.page.evaluate(background) != light
    page.page.reload()
    expect(page.section("Disks")).to_be_visible()
    assert page.page.evaluate("document.documentElement.classList.contains('dark')")


def test_french_is_french_throughout(busy: Scene, visit: Callable[..., Page]) -> None:
    page = visit(locale="fr-FR").speak("fr-fr")
    page.open(wait=False)
    expect(page.section("Disques")).to_be_visible()
    expect(page.banner).to_contain_text("Vous pouvez débrancher «\u00a0bleu\u00a0»")
    expect(page.banner).to_contain_text("Sauvegarde en cours sur «\u00a0vert\u00a0»")
    expect(page.page.locator("[data-state=safe-to-unplug]")).to_contain_text("16,8\u00a0Mo")
    expect(page.row(1)).to_contain_text("Réussie")
    assert page.page.evaluate("document.documentElement.lang") == "fr"
    text = page.page.locator("main").inner_text()
    english = re.findall(r"\b(?:the|of|is|disk|never|ago|and)\b", text)
    assert english == [], text


def test_the_keyboard_is_enough(scene: Scene, page: Page) -> None:
    # A daemon sees the disks of every test on the machine: this one is told by its label.
    label = f"own-{secrets.token_hex(4)}"
    disk = scene.disk(label=label)
    scene.script(COPY)
    scene.configure({})
    scene.start()
    scene.plug(disk)
    page.open()
    expect(page.disk(disk)).to_be_visible()
    keyboard = page.page.keyboard
    focus = page.page.locator(":focus")

    def walk_to(name: str) -> None:
        for _ in range(40):
            keyboard.press("Tab")
            if focus.count() and (focus.get_attribute("aria-label") or focus.inner_text()) == name:
                return
        raise HarnessError(f"Tab does not lead to {name}")

    walk_to(f"“{label}”: Save…")
    keyboard.press("Enter")
    expect(page.dialog.get_by_label("Name")).to_be_focused()
    keyboard.press("Escape")
    expect(page.dialog).to_have_count(0)
    expect(focus).to_have_attribute("aria-label", f"“{label}”: Save…")
    keyboard.press("Enter")
    expect(page.dialog.get_by_label("Name")).to_be_focused()
    keyboard.type("bleu")
    expect(page.dialog.get_by_label("Name")).to_have_value("bleu")
    keyboard.press("Enter")
    expect(page.dialog).to_have_count(0)
    expect(page.disk(disk).get_by_role("heading")).to_have_text("bleu")
    walk_to("“bleu”: Back up now")
    keyboard.press("Space")
    assert scene.verdict(disk) == "success"
    expect(page.row(0)).to_have_attribute("data-verdict", "success")
    walk_to(page.row(0).get_by_role("button").get_attribute("aria-label") or "")
    keyboard.press("Enter")
    expect(page.dialog.get_by_role("searchbox")).to_be_focused()
    keyboard.press("Escape")
    expect(page.dialog).to_have_count(0)
    switch = page.page.get_by_role("switch", name="copy.sh")
    switch.focus()
    keyboard.press("Space")
    expect(switch).not_to_be_checked()


def test_focus_stays_while_the_page_changes(scene: Scene, page: Page) -> None:
    first, second = scene.disk(name="a"), scene.disk(name="b")
    gate = scene.gate()
    scene.script(gate.shell + COPY)
    scene.configure({"bleu": first, "vert": second})
    scene.start()
    scene.plug(first)
    gate.reached()
    page.open()
    button = page.disk(first).get_by_text("Rename…")
    button.focus()
    scene.plug(second)  # its card comes, and another one's changes its place
    expect(page.disk(second)).to_contain_text("Waiting its turn")
    gate.open()
    assert scene.verdict(first) == "success"
    expect(page.disk(first)).to_contain_text("Safe to unplug")
    expect(button).to_be_focused()
    gate.open()
    assert scene.verdict(second) == "success"


def test_what_is_shipped_is_small(installed: Path) -> None:
    files = [path for path in installed.rglob("*") if path.is_file()]
    assert any(path.name == "po.fr.js" for path in files)
    assert sum(path.stat().st_size for path in files) <= 300_000
