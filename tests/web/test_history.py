"""The history, its chart and the logs."""

from pathlib import Path

from playwright.sync_api import expect

from tests.system.scene import COPY, Scene
from tests.web.page import Page
from tests.web.past import fill_history


def test_an_entry_tells_what_was_done_and_the_newest_is_first(scene: Scene, onlooker: Page) -> None:
    disk = scene.disk()
    scene.script(
        'printf "bytes 2500000\\nfiles 12\\nwarning cannot read /etc/x: Permission denied\\n"'
        ' >&"$TETRAS_BACK_PROGRESS_FD"\n' + COPY + "exit 3\n"
    )
    scene.configure({"bleu": disk})
    scene.start()
    onlooker.open()
    expect(onlooker.section("History")).to_contain_text("No backup has been made yet.")
    scene.plug(disk)
    first = scene.verdict(disk)
    row = onlooker.row(0)
    expect(row).to_have_attribute("data-verdict", first)
    shown = dict(
        zip(("Disk", "Size", "Files", "Warnings"), ("bleu", "2.5 MB", "12", "1"), strict=True)
    )
    for label, text in shown.items():
        expect(row.locator(f'[data-label="{label}"]')).to_have_text(text)
    expect(row.locator('[data-label="Verdict"]')).to_contain_text("copy.sh gave 1 warning")
    # Files are named in the log alone.
    expect(onlooker.page.locator("main")).not_to_contain_text("/etc/x")
    scene.call("RunBackup", "s", disk.uuid)
    scene.verdict(disk, 2)
    expect(onlooker.row(0)).to_have_attribute("data-id", "2")
    expect(onlooker.row(1)).to_have_attribute("data-id", "1")


def test_a_log_is_read_searched_and_taken_along(scene: Scene, page: Page, tmp_path: Path) -> None:
    disk = scene.disk()
    scene.script('for n in $(seq 3000); do echo "line $n of the script"; done\n' + COPY)
    scene.configure({"bleu": disk})
    scene.start()
    scene.plug(disk)
    scene.verdict(disk)
    page.open()
    page.press("Log", page.row(0))
    lines = page.dialog.get_by_role("listitem")
    log = scene.log(1).rstrip("\n").split("\n")
    assert len(log) > 1000
    expect(lines.first).to_have_text(log[-1])
    expect(lines).to_have_count(500)
    page.press("Show more lines", page.dialog)
    expect(lines).to_have_count(len(log))
    page.dialog.get_by_role("searchbox").fill("LINE 29 OF")
    expect(lines).to_have_count(1)
    expect(lines).to_contain_text("line 29 of the script")
    expect(page.dialog.get_by_text(f"1 of {len(log):,} lines")).to_be_visible()
    with page.page.expect_download() as started:
        page.press("Download", page.dialog)
    assert started.value.suggested_filename == "tetras-back-1.log"
    started.value.save_as(tmp_path / "log")
    assert (tmp_path / "log").read_text() == scene.log(1)
    page.page.keyboard.press("Escape")
    expect(page.dialog).to_have_count(0)


def test_ten_thousand_backups_are_turned_over_by_pages(scene: Scene, onlooker: Page) -> None:
    disk, other = scene.disk(), scene.disk(name="other")
    scene.script(COPY)
    scene.configure({"bleu": disk, "vert": other})
    daemon = scene.start()
    daemon.stop()
    fill_history(daemon.state_dir, [(disk.uuid, "bleu"), (other.uuid, "vert")], 10_000)
    scene.start()
    onlooker.open()
    rows = onlooker.section("History").locator("tbody tr")
    expect(rows).to_have_count(25)
    expect(rows.first).to_have_attribute("data-id", "10000")
    onlooker.press("Older", onlooker.section("History"))
    expect(rows.first).to_have_attribute("data-id", "9975")
    expect(onlooker.section("History")).to_contain_text("Page 2")
    onlooker.press("Newer", onlooker.section("History"))
    expect(rows.first).to_have_attribute("data-id", "10000")
    expect(onlooker.section("History").get_by_text("Newer")).to_be_disabled()

    onlooker.page.get_by_label("Whose history is shown").select_option(label="“vert”")
    expect(rows.first).to_have_attribute("data-id", "9999")
    expect(rows.nth(1)).to_have_attribute("data-id", "9997")
    charts = onlooker.section("History").get_by_role("img")
    expect(charts).to_have_count(2)
    expect(charts.first.locator("rect")).to_have_count(100)
    expect(
        onlooker.page.get_by_role("img", name="Duration of the last 100 backups")
    ).to_be_visible()
    expect(onlooker.page.get_by_role("img", name="Size of the last 100 backups")).to_be_visible()
