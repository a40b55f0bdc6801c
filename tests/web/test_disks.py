"""Disks on the page: seen by everybody, used by an administrator."""

from playwright.sync_api import expect

from tests.harness import wait_until
from tests.harness.process import OWN_MOUNTS
from tests.system.scene import COPY, Scene
from tests.web.page import Page
from tests.web.past import fill_history


def at(percent: int) -> str:
    """A script's lines that say so much is done."""
    lines = rf"progress 0.{percent} home\nbytes {percent}00000 10000000\nfiles 12\n"
    return f'printf "{lines}" >&"$TETRAS_BACK_PROGRESS_FD"\n'


def test_an_unknown_disk_appears_and_is_saved_renamed_and_forgotten(
    scene: Scene, page: Page
) -> None:
    disk = scene.disk(label="Elements")
    scene.script(COPY)
    scene.configure({})
    scene.start()
    page.open()
    expect(page.disk(disk)).to_have_count(0)
    device = scene.plug(disk)
    card = page.disk(disk)
    for fact in ("Elements", "Unknown disk", device, "ext4", "16.8 MB", disk.uuid):
        expect(card).to_contain_text(fact)

    page.press("Save…", card)
    expect(page.dialog).to_contain_text("from now on plugging it in starts a backup")
    page.dialog.get_by_label("Name").fill("-bleu")
    page.press("Save", page.dialog)
    expect(page.dialog.get_by_role("alert")).to_contain_text("name")
    page.dialog.get_by_label("Name").fill("bleu")
    page.press("Save", page.dialog)
    expect(page.dialog).to_have_count(0)
    expect(card).to_contain_text("bleu")
    expect(card).to_contain_text("never")
    assert scene.shown(disk)["Name"] == "bleu"
    assert "bleu" in scene.configuration.read_text()
    assert scene.history() == []

    page.press("Rename…", card)
    expect(page.dialog.get_by_label("Name")).to_have_value("bleu")
    page.dialog.get_by_label("Name").fill("vert")
    page.page.keyboard.press("Enter")
    expect(card.get_by_role("heading")).to_have_text("vert")
    assert scene.shown(disk)["Name"] == "vert"

    page.press("Forget…", card)
    expect(page.dialog).to_contain_text("The backups on it stay")
    page.press("Forget", page.dialog)
    expect(card).to_contain_text("Unknown disk")
    assert scene.shown(disk)["Saved"] is False


def test_a_backup_is_followed_until_the_disk_may_be_unplugged(scene: Scene, onlooker: Page) -> None:
    disk = scene.disk()
    first, second = scene.gate("first"), scene.gate("second")
    scene.script(at(25) + first.shell + at(75) + second.shell + COPY)
    scene.configure({"bleu": disk}, extra="[mail]\nto = []")
    scene.start()
    onlooker.open()
    expect(onlooker.banner).to_contain_text("“bleu”: never backed up")
    unplug = onlooker.banner.get_by_text("You may unplug “bleu”")

    scene.plug(disk)
    first.reached()
    running = onlooker.banner.locator('[data-level="running"]')
    expect(running).to_contain_text("Backing up onto “bleu”: do not unplug it")
    for fact in ("home", "25%", "2.5 MB of 10.0 MB", "12 files"):
        expect(running).to_contain_text(fact)
    expect(running.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "25")
    expect(onlooker.disk(disk)).to_contain_text("Backup running")
    expect(onlooker.disk(disk)).to_contain_text("25%")
    expect(unplug).to_have_count(0)
    first.open()
    second.reached()
    expect(running).to_contain_text("75%")
    expect(unplug).to_have_count(0)

    second.open()
    expect(unplug).to_be_visible()
    size = unplug.evaluate("element => parseFloat(getComputedStyle(element).fontSize)")
    assert size >= 28
    expect(running).to_have_count(0)
    expect(onlooker.disk(disk)).to_contain_text("Safe to unplug")
    expect(onlooker.disk(disk)).to_contain_text("just now")
    expect(onlooker.row(0)).to_have_attribute("data-verdict", "success")
    disk.detach()
    expect(unplug).to_have_count(0)
    expect(onlooker.disk(disk)).to_contain_text("Not plugged in")
    expect(onlooker.banner).to_contain_text("The server is backed up")


def test_speed_and_remaining_time_are_told(scene: Scene, onlooker: Page) -> None:
    disk = scene.disk()
    gate = scene.gate()
    scene.script(
        "for n in 1 2 3 4 5 6 7 8 9; do\n"
        'echo "progress 0.$n home" >&"$TETRAS_BACK_PROGRESS_FD"\n'
        'echo "bytes ${n}00000000 1000000000" >&"$TETRAS_BACK_PROGRESS_FD"\nsleep 0.5\ndone\n'
        + gate.shell
        + COPY
    )
    scene.configure({"bleu": disk})
    scene.start()
    onlooker.open()
    scene.plug(disk)
    expect(onlooker.banner).to_contain_text("MB/s")
    expect(onlooker.banner).to_contain_text(" left")
    gate.reached()
    gate.open()
    assert scene.verdict(disk) == "success"


def test_a_backup_is_asked_for_and_cancelled(scene: Scene, page: Page) -> None:
    disk = scene.disk()
    gate = scene.gate()
    scene.script(gate.shell + COPY)
    scene.configure({"bleu": disk})
    scene.start()
    page.open()
    scene.plug(disk)
    gate.reached()
    gate.open()
    assert scene.verdict(disk) == "success"
    card = page.disk(disk)
    page.press("Back up now", card)
    gate.reached(2)
    expect(card).to_contain_text("Backup running")
    page.press("Cancel", card)
    assert scene.verdict(disk, 2) == "cancelled"
    expect(page.row(0)).to_have_attribute("data-verdict", "cancelled")
    expect(page.banner).to_contain_text("the last backup was cancelled")


def test_unplugging_asks_before_it_cancels_a_backup(scene: Scene, page: Page) -> None:
    disk = scene.disk()
    gate = scene.gate()
    scene.script(gate.shell + COPY)
    scene.configure({"bleu": disk})
    scene.start()
    page.open()
    scene.plug(disk)
    gate.reached()
    page.press("Unplug safely", page.disk(disk))
    page.press("Go on with the backup", page.dialog)
    expect(page.dialog).to_have_count(0)
    scene.becomes(disk, "running")
    page.press("Unplug safely", page.disk(disk))
    page.press("Cancel the backup and unplug", page.dialog)
    assert scene.verdict(disk) == "cancelled"
    expect(page.banner.get_by_text("You may unplug “bleu”")).to_be_visible()
    scene.becomes(disk, "safe-to-unplug")


def test_a_failed_backup_is_the_first_thing_told_with_what_to_do(
    scene: Scene, onlooker: Page
) -> None:
    disk = scene.disk()
    scene.script("exit 9\n")
    scene.configure({"bleu": disk})
    scene.start()
    onlooker.open()
    scene.plug(disk)
    assert scene.verdict(disk) == "failed"
    worst = onlooker.banner.locator(".alert").first
    expect(worst).to_have_attribute("data-level", "error")
    expect(worst).to_contain_text("“bleu”: the last backup failed")
    expect(worst).to_contain_text("copy.sh ended with status 9")


def test_a_rejected_disk_says_why_and_what_to_do(scene: Scene, onlooker: Page) -> None:
    disk = scene.disk("vfat")
    scene.script(COPY)
    scene.configure({"bleu": disk})
    scene.start()
    onlooker.open()
    scene.plug(disk)
    expect(onlooker.disk(disk)).to_have_attribute("data-state", "rejected")
    expect(onlooker.disk(disk).locator(".reason")).to_contain_text("tetras-backctl prepare")
    expect(onlooker.banner).to_contain_text("the disk cannot be used")


def test_the_worst_is_told_first(scene: Scene, onlooker: Page) -> None:
    good, bad, late = (scene.disk(name=name) for name in ("good", "bad", "late"))
    scene.script(f'[[ $TETRAS_BACK_UUID != "{bad.uuid}" ]] || exit 9\n{COPY}')
    scene.configure({"bleu": good, "rouge": bad, "vert": late}, extra="[mail]\nto = []")
    daemon = scene.start()
    daemon.stop()
    # Green had a backup, which ended a hundred days ago less some minutes.
    fill_history(daemon.state_dir, [(late.uuid, "vert")], 1, 24 * 100)
    scene.start()
    onlooker.open()
    late_news = onlooker.banner.locator(".alert", has_text="“vert”: no good backup for a long time")
    expect(late_news).to_contain_text("99 days")
    scene.plug(good)
    assert scene.verdict(good) == "success"
    scene.plug(bad)
    assert scene.verdict(bad) == "failed"
    expect(onlooker.banner.get_by_text("You may unplug “rouge”")).to_be_visible()
    titles = onlooker.banner.locator(".alert-title").all_inner_texts()
    order = [
        next(index for index, title in enumerate(titles) if text in title)
        for text in (
            "“rouge”: the last backup failed",
            "“vert”: no good backup for a long time",
            "You may unplug “bleu”",
        )
    ]
    assert order == sorted(order), titles
    # What a reader hears first is the worst as well.
    expect(onlooker.place.get_by_role("status").first).to_contain_text("the last backup failed")


def test_a_disk_that_somebody_uses_may_not_be_unplugged(scene: Scene, onlooker: Page) -> None:
    disk = scene.disk()
    gate, holding = scene.gate(), scene.gate("holding")
    scene.script(gate.shell + COPY)
    scene.configure({"bleu": disk}, extra="[mail]\nto = []")
    scene.start()
    onlooker.open()
    device = scene.plug(disk)
    gate.reached()
    there = scene.workspace / "there"
    there.mkdir()
    mount = f'mount "{device}" "{there}"; cd "{there}"; {holding.shell}'
    holder = scene.background([*OWN_MOUNTS, "bash", "-c", mount])
    holding.reached()
    gate.open()
    assert scene.verdict(disk) == "success"
    card = onlooker.disk(disk)
    expect(card).to_contain_text("Still in use")
    expect(card.locator(".reason")).to_contain_text("do not pull it out yet")
    expect(onlooker.banner.locator(".alert").first).to_contain_text("do not pull it out")
    expect(onlooker.banner.get_by_text("You may unplug")).to_have_count(0)
    holding.open()
    wait_until(lambda: not holder.running, "the holder to end")
    scene.call("Unplug", "s", device)
    expect(onlooker.banner.get_by_text("You may unplug “bleu”")).to_be_visible()


def test_hostile_names_stay_text(scene: Scene, page: Page) -> None:
    disk = scene.disk(label="<img src=x>")
    scene.script("echo '<script>document.title=1</script>'\n" + COPY)
    scene.configure({})
    scene.start()
    page.open()
    scene.plug(disk)
    heading = page.disk(disk).get_by_role("heading")
    expect(heading).to_have_text("<img src=x>")
    scene.call("SaveDisk", "ss", disk.uuid, "<b>&amp;</b>")
    expect(heading).to_have_text("<b>&amp;</b>")
    scene.call("RunBackup", "s", disk.uuid)
    assert scene.verdict(disk) == "success"
    expect(page.banner).to_contain_text("You may unplug “<b>&amp;</b>”")
    page.press("Log", page.row(0))
    expect(page.dialog).to_contain_text("<script>document.title=1</script>")
    expect(page.page.locator("main :is(img, b, script)")).to_have_count(0)
