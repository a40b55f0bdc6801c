"""`make demo WEB=1`, in a browser."""

import re
import signal
import subprocess

from playwright.sync_api import Browser, expect

from tests.harness.process import BASE_ENVIRONMENT, PROJECT, PYTHON


def test_the_demo_serves_the_page_and_leaves_nothing_behind(browser: Browser) -> None:
    demo = subprocess.Popen(
        [PYTHON, "-m", "tests.demo"],
        cwd=PROJECT,
        env={**BASE_ENVIRONMENT, "WEB": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    with demo:
        assert demo.stdout is not None
        told = url = ""
        try:
            for line in demo.stdout:
                told += line
                if line.startswith("open: "):
                    url = line.removeprefix("open: ").strip()
                    break
            assert url, told
            page = browser.new_page()
            page.goto(url)
            frame = page.frame_locator("iframe[name$='/tetras-back']")
            expect(frame.locator("#access")).to_contain_text("run backups", timeout=30_000)
            disk = frame.get_by_role("listitem", name="bleu")
            # The second backup was yesterday's; plugging it in has made a third.
            expect(disk).to_contain_text("Safe to unplug", timeout=60_000)
            disk.get_by_text("Back up now").click()
            rows = frame.locator("#history tbody tr")
            expect(rows).to_have_count(4, timeout=60_000)
            expect(rows.first).to_have_attribute("data-verdict", "success", timeout=60_000)
            page.close()
        finally:
            demo.send_signal(signal.SIGINT)
            rest = demo.stdout.read()
            status = demo.wait(60)
    assert status == 128 + signal.SIGINT, told
    assert re.search(r"left behind: nothing\n\Z", rest), rest
