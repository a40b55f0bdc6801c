"""Pictures of the page's main states, in build/web/, to be looked at; the best are in docs/."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.system.scene import COPY, Scene
from tests.web.page import PICTURES, Page
from tests.web.past import fill_history

WIDE: Any = {"width": 1280, "height": 900}
NARROW: Any = {"width": 360, "height": 740}


@pytest.fixture
def town(scene: Scene) -> Scene:
    """A server with a past: a disk that is safe, one being backed up, one at home, a new one."""
    blue, green, yellow = (scene.disk(name=name, size_mb=64) for name in ("bleu", "vert", "jaune"))
    new = scene.disk(name="new", label="Elements")
    names = {"bleu": blue, "vert": green, "jaune": yellow}
    scene.script(COPY, "backup_nocloud.sh")
    scene.script(COPY, "backup_demo-tibox.sh")
    scene.configure(names, scripts=["backup_nocloud.sh"], extra="[mail]\nto = []")
    daemon = scene.start()
    for disk in (yellow, blue):
        scene.plug(disk)
        assert scene.verdict(disk) == "success"
    yellow.detach()
    daemon.stop()
    fill_history(daemon.state_dir, [(disk.uuid, name) for name, disk in names.items()], 60, 24)
    gate = scene.gate()
    scene.script(
        'for n in 37 38 39 40 41 42; do printf "progress 0.$n home\\nfiles 1${n}81\\n'
        'bytes ${n}00000000 10000000000\\n" >&"$TETRAS_BACK_PROGRESS_FD"; sleep 0.6; done\n'
        + gate.shell,
        "backup_nocloud.sh",
    )
    scene.start()
    scene.becomes(blue, "safe-to-unplug")
    scene.plug(green)
    gate.reached()
    scene.plug(new)
    scene.becomes(new, "unknown")
    return scene


def take(page: Page, name: str, **options: Any) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.page.evaluate("document.fonts.ready")
    path = PICTURES / f"{name}.png"
    # What is out of sight is drawn only once it comes near.
    page.page.locator(".disk").evaluate_all(
        "all => all.forEach(one => one.style.setProperty('content-visibility', 'visible'))"
    )
    page.page.screenshot(path=path, full_page=True, animations="disabled", **options)
    assert path.stat().st_size > 10_000


def test_main_states(town: Scene, visit: Callable[..., Page]) -> None:
    windows: dict[str, dict[str, Any]] = {
        "light": {"viewport": WIDE},
        "dark": {"viewport": WIDE, "color_scheme": "dark"},
        "narrow": {"viewport": NARROW},
        "narrow-dark": {"viewport": NARROW, "color_scheme": "dark"},
        "wide": {"viewport": {"width": 2200, "height": 1200}},
    }
    for name, options in windows.items():
        page = visit(**options).open()
        expect(page.banner).to_contain_text("You may unplug “bleu”")
        expect(page.banner).to_contain_text("42%")
        expect(page.row(24)).to_be_visible()
        take(page, name)
    for scheme in ("light", "dark"):
        take_french(visit(locale="fr-FR", color_scheme=scheme), scheme)
    take_shell(visit(viewport={"width": 1440, "height": 1000}))


def take_french(page: Page, scheme: str) -> None:
    """In French: the page, a telephone's, and dialogs."""
    page.speak("fr-fr").open(wait=False)
    expect(page.banner).to_contain_text("42\u00a0%")
    expect(page.row(24)).to_be_visible()
    take(page, f"french-{scheme}")
    page.page.set_viewport_size(NARROW)
    page.page.screenshot(path=PICTURES / f"telephone-{scheme}.png")
    page.page.set_viewport_size(WIDE)
    page.press("Enregistrer…")
    expect(page.dialog).to_be_visible()
    page.page.screenshot(path=PICTURES / f"save-{scheme}.png")
    page.page.keyboard.press("Escape")
    page.press("Journal", page.row(0))
    expect(page.dialog.get_by_role("listitem").first).to_be_visible()
    page.page.screenshot(path=PICTURES / f"log-{scheme}.png")


def take_shell(page: Page) -> None:
    """Within Cockpit."""
    page.open_shell()
    expect(page.banner).to_contain_text("You may unplug “bleu”")
    expect(page.row(20)).to_be_attached()
    page.page.screenshot(path=PICTURES / "shell.png")


def test_absence(scene: Scene, visit: Callable[..., Page]) -> None:
    page = visit().open(wait=False)
    expect(page.page.locator("#absence")).to_contain_text("not installed")
    take(page, "missing")
