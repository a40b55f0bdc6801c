"""The page as a person sees and uses it."""

import re
from typing import Any

from playwright.sync_api import BrowserContext, Locator, expect

from tests.harness import Cockpit
from tests.harness.disks import LoopDisk

# Busy machines are slow; what fails, fails for another reason.
expect.set_options(timeout=20_000)


class Page:
    """The page of COCKPIT in a window of CONTEXT; `faults` is what the browser complained of."""

    def __init__(self, context: BrowserContext, cockpit: Cockpit) -> None:
        self.cockpit = cockpit
        self.faults: list[str] = []
        self.page = context.new_page()
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", self._heard)
        self.page.on("requestfailed", self._missed)

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(message.text)

    def _missed(self, request: Any) -> None:
        # What is still on its way when a window closes, or a page goes, is no fault.
        if "ERR_ABORTED" not in str(request.failure):
            self.faults.append(f"no {request.url}: {request.failure}")

    def pardon(self, words: str) -> None:
        """The browser was right to complain with WORDS."""
        self.faults = [fault for fault in self.faults if words not in fault]

    def open(self, *, wait: bool = True) -> "Page":
        """Go there; with WAIT until it shows what the daemon knows."""
        self.page.goto(self.cockpit.url)
        if wait:
            expect(self.section("Disks")).to_be_visible()
        return self

    def speak(self, language: str) -> "Page":
        """Choose a language as Cockpit's own dialog does."""
        cookie = {"name": "CockpitLang", "value": language, "url": self.cockpit.url}
        self.page.context.add_cookies([cookie])
        return self

    def section(self, title: str) -> Locator:
        return self.page.get_by_role("region", name=title, exact=True)

    @property
    def banner(self) -> Locator:
        return self.page.locator("#banner")

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    def disk(self, disk: LoopDisk | str) -> Locator:
        """The card of a disk."""
        uuid = disk if isinstance(disk, str) else disk.uuid
        return self.page.locator(f'[id="disk-{uuid}"]')

    def press(self, text: str, within: Locator | None = None) -> None:
        """Press the one button that shows TEXT."""
        place = within or self.page.locator("main")
        place.locator("button", has_text=re.compile(rf"^{re.escape(text)}$")).click()

    def row(self, number: int) -> Locator:
        """The NUMBERth row of the history, from 0."""
        return self.page.locator("#history tbody tr").nth(number)
