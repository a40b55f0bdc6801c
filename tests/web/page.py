"""The page as a person sees and uses it."""

import re
from typing import Any

from playwright.sync_api import BrowserContext, Error, FrameLocator, Locator, expect
from playwright.sync_api import Page as Window

from tests.harness import Cockpit, CockpitLogin, User
from tests.harness.cockpit import PACKAGE
from tests.harness.disks import LoopDisk
from tests.harness.process import PROJECT

PICTURES = PROJECT / "build/web"
"""Where pictures of the page's states are left, to be looked at."""

# Busy machines are slow; what fails, fails for another reason.
expect.set_options(timeout=20_000)


class Page:
    """The page of COCKPIT in a window of CONTEXT; `faults` is what the browser complained of.

    `page` is the window, `place` where in it the page is shown: all of it, or a part of Cockpit's.
    """

    def __init__(self, context: BrowserContext, cockpit: Cockpit | CockpitLogin) -> None:
        self.cockpit = cockpit
        self.faults: list[str] = []
        self.page = context.new_page()
        self.place: Window | FrameLocator = self.page
        self.page.on("pageerror", self._failed)
        self.page.on("console", self._heard)
        self.page.on("requestfailed", self._missed)

    def _ours(self, place: str) -> bool:
        """Whether PLACE, with a URL, is not one of Cockpit's own pages, which miss much here."""
        return self.place is self.page or f"/{PACKAGE}/" in place

    def _failed(self, error: Error) -> None:
        if self._ours(error.stack or ""):
            self.faults.append(str(error))

    def _heard(self, message: Any) -> None:
        if message.type in ("error", "warning") and self._ours(message.location["url"]):
            self.faults.append(message.text)

    def _missed(self, request: Any) -> None:
        # What is still on its way when a window closes, or a page goes, is no fault.
        if "ERR_ABORTED" not in str(request.failure) and self._ours(request.url):
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

    def open_shell(self) -> "Page":
        """Go to the page within Cockpit."""
        self.place = self.page.frame_locator(f"iframe[name='cockpit1:localhost/{PACKAGE}']")
        self.page.goto(self.cockpit.shell)
        return self

    def log_in(self, user: User, password: str = "") -> "Page":
        """Type name and password (another PASSWORD than theirs) in Cockpit's own login page."""
        self.page.get_by_label("User name").fill(user.name)
        self.page.get_by_label("Password", exact=True).fill(password or user.password)
        self.page.get_by_role("button", name="Log in").click()
        return self

    def speak(self, language: str) -> "Page":
        """Choose a language as Cockpit's own dialog does."""
        cookie = {"name": "CockpitLang", "value": language, "url": self.cockpit.url}
        self.page.context.add_cookies([cookie])
        return self

    def section(self, title: str) -> Locator:
        return self.place.get_by_role("region", name=title, exact=True)

    @property
    def banner(self) -> Locator:
        return self.place.locator("#banner")

    @property
    def dialog(self) -> Locator:
        return self.place.get_by_role("dialog")

    def disk(self, disk: LoopDisk | str) -> Locator:
        """The card of a disk."""
        uuid = disk if isinstance(disk, str) else disk.uuid
        return self.place.locator(f'[id="disk-{uuid}"]')

    def press(self, text: str, within: Locator | None = None) -> None:
        """Press the one button that shows TEXT."""
        place = within or self.place.locator("main")
        place.locator("button", has_text=re.compile(rf"^{re.escape(text)}$")).click()

    def ask(self, member: str, type_: str, arguments: list[Any]) -> Any:
        """Call the daemon from within the page, with what access there is, whatever the page shows;
        the answer in a list, or the name of the error."""
        return self.place.locator("main").evaluate(
            """async (_main, [member, type, args]) => {
                const [name, place] = ["org.tetraslibre.Back", "/org/tetraslibre/Back"];
                const client = cockpit.dbus(name, { bus: "system", superuser: "try" });
                try { return [await client.call(place, name, member, args, { type })]; }
                catch (error) { return error.name ?? error.problem; }
            }""",
            [member, type_, arguments],
        )

    def row(self, number: int) -> Locator:
        """The NUMBERth row of the history, from 0."""
        return self.place.locator("#history tbody tr").nth(number)
