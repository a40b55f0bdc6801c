"""A person with a browser, elsewhere, on the Cockpit of a server."""

from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Locator, expect

from tests.harness.process import PROJECT, run
from tests.vm.machine import Machine
from tests.web.page import Page

PORT = 9090
PICTURES = PROJECT / "build/vm"
SECONDS = 300
"""An emulated processor encrypts, and starts Cockpit's programs, at its own pace."""


@dataclass(frozen=True)
class Person:
    """Who logs in; in the guest the password is the name."""

    name: str

    @property
    def password(self) -> str:
        return self.name


@dataclass(frozen=True)
class Address:
    """Where a browser finds the Cockpit that PORT of loopback leads to."""

    port: int

    @property
    def shell(self) -> str:
        return f"https://127.0.0.1:{self.port}/tetras-back"


# Cockpit turns away who has not got in after 30 s, which is nothing for an emulated processor that
# shares the true one with others.
PATIENCE = f"[basic]\ntimeout = {SECONDS}\nresponse-timeout = {SECONDS}\n"


def set_up(machine: Machine) -> None:
    """Start Cockpit on MACHINE, made patient, with a certificate that nobody vouches for.

    It would make one for itself, in minutes.
    """
    machine.run("tee", "/etc/cockpit/cockpit.conf", data=PATIENCE)
    files = [machine.directory / f"server.{kind}" for kind in ("key", "cert")]
    run(
        [
            *("openssl", "req", "-x509", "-nodes", "-days", "3650", "-subj", "/CN=server"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-keyout", files[0], "-out", files[1]),
        ]
    )
    for file in files:
        machine.send(file, f"/etc/cockpit/ws-certs.d/{file.name}")
    machine.run("systemctl", "start", "cockpit.service", seconds=SECONDS)


class Visit(Page):
    """USER has logged in to Cockpit on MACHINE, which is set up, and sees our page in it."""

    def __init__(self, browser: Browser, machine: Machine, user: str) -> None:
        expect.set_options(timeout=SECONDS * 1000)
        context = browser.new_context(
            viewport={"width": 1280, "height": 900}, ignore_https_errors=True
        )
        context.set_default_timeout(SECONDS * 1000)
        super().__init__(context, Address(machine.forward(PORT)))
        self.person = Person(user)
        self.open_shell().log_in(self.person)
        expect(self.section("Disks")).to_be_visible()

    def administrate(self) -> None:
        """Turn on administrative access as Cockpit has it, with one's own password."""
        self.page.get_by_role("button", name="Limited access").click()
        dialog = self.page.get_by_role("dialog")
        dialog.locator("input[type=password]").fill(self.person.password)
        dialog.get_by_role("button", name="Authenticate").click()

    @property
    def access(self) -> Locator:
        """Where the page says what may be done without administrative access."""
        return self.place.locator("#access")

    @property
    def enabled(self) -> Locator:
        """What can be pressed."""
        return self.place.locator("main :is(button, input):enabled")

    def picture(self, name: str) -> Path:
        """What is seen now, in build/vm/, to be looked at."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        path = PICTURES / f"{name}.png"
        self.page.screenshot(path=path)
        return path
