"""The page in Cockpit as Debian ships it: TLS, logind, PAM, sudo and a USB disk, in a browser."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.harness.browser import chromium
from tests.vm.disk import UsbDisk
from tests.vm.server import Server
from tests.vm.visit import Visit, set_up
from tests.web.test_access import REFUSALS


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, without a window."""
    with chromium() as running:
        yield running


def test_an_administrator_saves_a_disk_and_waits_until_it_may_be_unplugged(
    server: Server, browser: Browser
) -> None:
    disk = server.disk(label="Elements")
    server.fill("/home/alice/films", 24)
    # What is written goes to the disk soon, and takes its time there.
    server.run("sysctl", "-q", "vm.dirty_bytes=4000000")
    disk.speed = 2_000_000

    set_up(server)
    page = Visit(browser, server, "anna")
    expect(page.access).to_contain_text("turn on administrative access")
    expect(page.enabled).to_have_count(0)
    page.administrate()
    expect(page.access).to_have_count(0)
    expect(page.enabled).not_to_have_count(0)
    expect(page.disk(disk)).to_have_count(0)

    server.plug(disk)
    card = page.disk(disk)
    for fact in ("Elements", "Unknown disk", "/dev/sda", "QEMU", "ext4"):
        expect(card).to_contain_text(fact)
    page.press("Save…", card)
    page.dialog.get_by_label("Name").fill("bleu")
    page.press("Save", page.dialog)
    expect(card.get_by_role("heading")).to_have_text("bleu")
    page.picture("saved")
    assert server.history() == []

    server.pull(disk)
    expect(card).to_contain_text("Not plugged in")
    server.plug(disk)
    running = page.banner.locator('[data-level="running"]')
    expect(running).to_contain_text("Backing up onto “bleu”: do not unplug it")
    expect(running.get_by_role("progressbar")).to_have_attribute(
        "aria-valuenow", re.compile("[1-9]")
    )
    page.picture("running")
    expect(page.banner).to_contain_text("You may unplug “bleu”")
    expect(page.row(0)).to_have_attribute("data-verdict", "success")
    page.picture("safe")
    page.press("Log", page.row(0))
    expect(page.dialog).to_contain_text("backup_nocloud.sh")
    page.picture("log")
    (row,) = server.history()
    assert (row["Name"], row["Trigger"], row["Verdict"]) == ("bleu", "plug", "success")
    assert page.faults == []

    look_on(Visit(browser, server, "alice"), disk)
    assert len(server.history()) == 1


def look_on(page: Visit, disk: UsbDisk) -> None:
    """alice, nobody special, sees as much and may change nothing."""
    expect(page.banner).to_contain_text("You may unplug “bleu”")
    expect(page.row(0)).to_have_attribute("data-verdict", "success")
    expect(page.access).to_contain_text("change nothing")
    expect(page.enabled).to_have_count(0)
    page.picture("limited")
    assert page.ask("RunBackup", "s", [disk.uuid]) in REFUSALS
    assert page.faults == []
