"""Debian's Chromium, without a window, driven by Playwright."""

import contextlib
from collections.abc import Iterator

from playwright.sync_api import Browser, sync_playwright

CHROMIUM = "/usr/bin/chromium"
_ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-first-run"),
)
"""As root, without a graphics card, and never asking anybody else anything."""


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that runs until the end."""
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=list(_ARGUMENTS))
        yield running
        running.close()
