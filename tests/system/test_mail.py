"""Mail on real parts: what it says, disks that are refused or stale, and a sendmail that fails."""

import socket
import sqlite3
import time
from pathlib import Path

from tests.harness import run, wait_until
from tests.system.post import ADDRESS, Post
from tests.system.scene import COPY

DAY = 86_400_000_000


def test_what_a_mail_says(post: Post) -> None:
    scene = post.scene
    disk = scene.disk()
    scene.script(
        'say() { echo "$*" >&"$TETRAS_BACK_PROGRESS_FD"; }\n'
        f"{COPY}say bytes 300000; say files 2; say snapshot 2026_Sauvegarde_x\n"
        'say "note pruned: 2025_Sauvegarde_x, 7 MB, to make room"\n'
        "for number in {1..150}; do say warning source-unreadable: /home/file-$number: denied; done"
    )
    post.configure({"Sauvegarde d'été 青": disk})
    scene.start()
    scene.plug(disk)
    (mail,) = post.wait("warning: Sauvegarde d'été 青")
    host = socket.gethostname()
    assert mail["Subject"] == f"[Tetras-back] {host} warning: Sauvegarde d'été 青"
    assert mail["To"] == ADDRESS
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "Tetras-back <root@" in mail["From"]
    assert mail["Message-ID"].startswith("<tetras-back.backup-1-")
    assert abs(mail["Date"].datetime.timestamp() - time.time()) < 120
    assert post.sink.envelopes[0].rcpt_tos == [ADDRESS]
    text = mail.get_content()
    assert f"The backup of {host} onto disk Sauvegarde d'été 青 is complete, with" in text
    assert disk.uuid in text
    assert "300 kB in 2 files" in text
    assert "2026_Sauvegarde_x" in text
    assert "  2025_Sauvegarde_x, 7 MB, to make room\n" in text
    assert "150 warnings:\n  /home/file-1: denied\n" in text
    assert "  /home/file-100: denied\n  … and 50 more\n" in text
    assert "Room left:" in text
    assert "tetras-backctl log 1" in text


def test_failure_brings_the_end_of_the_log(post: Post) -> None:
    scene = post.scene
    disk = scene.disk()
    scene.script("for number in {1..60}; do echo line-$number; done; exit 1")
    post.configure({"bleu": disk})
    scene.start()
    scene.plug(disk)
    (mail,) = post.wait("failed: bleu")
    text = mail.get_content()
    assert "line-60" in text
    assert "line-1\n" not in text
    assert "tetras-backctl backup bleu" in text


def test_on_decides_and_no_address_is_no_mail(post: Post) -> None:
    scene = post.scene
    disk = scene.disk()
    post.configure({"bleu": disk}, mail='on = ["failed"]')
    scene.start()
    scene.plug(disk)
    assert scene.verdict(disk) == "success"
    scene.script("exit 1")
    scene.call("RunBackup", "s", disk.uuid)
    post.wait("failed: bleu")
    post.configure({"bleu": disk}, to=[])
    scene.call("Reload")
    scene.becomes(disk, "safe-to-unplug")
    scene.call("RunBackup", "s", disk.uuid)
    assert scene.verdict(disk, 3) == "failed"
    post.never("failed: bleu")


# --- disks that cannot be used ------------------------------------------------------------------


def test_a_refused_disk_is_mailed_once_for_each_plug(post: Post) -> None:
    scene = post.scene
    disk = scene.disk("vfat")
    post.configure({"bleu": disk})
    scene.start()
    device = scene.plug(disk)
    (mail,) = post.wait("rejected: bleu")
    assert mail["X-Tetras-Back-Verdict"] == "rejected"
    text = " ".join(mail.get_content().split())
    assert "its file system (vfat) cannot hold" in text
    assert device in text
    for _ in range(3):
        run(["udevadm", "trigger", "--action=change", f"/sys/class/block/{Path(device).name}"])
    run(["udevadm", "settle"])
    assert scene.daemon.stop() == 0
    scene.start()
    scene.becomes(disk, "rejected unsupported-filesystem")
    disk.detach()
    scene.becomes(disk, "absent")
    scene.plug(disk)
    post.wait("rejected: bleu", "rejected: bleu")
    post.never("rejected: bleu", "rejected: bleu")


def test_a_twin_of_a_disk_that_is_written_to_is_mailed_and_the_backup_ends_well(post: Post) -> None:
    scene = post.scene
    disk, gate = scene.disk(), scene.gate()
    twin = scene.workspace / "twin.img"
    run(["cp", "--sparse=always", disk.image, twin])
    scene.script(f"{gate.shell}{COPY}")
    post.configure({"bleu": disk})
    scene.start()
    scene.plug(disk)
    gate.reached()
    device = run(["losetup", "--find", "--show", twin]).stdout.strip()
    (mail,) = post.wait("rejected: bleu")
    assert device in mail.get_content()
    gate.open()
    assert scene.verdict(disk) == "success"
    post.wait("rejected: bleu", "success: bleu")
    post.never("rejected: bleu", "success: bleu")


# --- backups that never come --------------------------------------------------------------------


def last_good(post: Post, uuid: str, days: float) -> None:
    """In the history, the last good backup was so long ago. The daemon must be stopped."""
    then = time.time_ns() // 1000 - round(days * DAY)
    with sqlite3.connect(post.scene.workspace / "state/history.sqlite") as database:
        database.execute("UPDATE disks SET last_success = ? WHERE uuid = ?", (then, uuid))
    database.close()


def test_a_stale_disk_is_mailed_weekly_and_shown(post: Post) -> None:
    scene = post.scene
    one, two = scene.disk(name="one"), scene.disk(name="two")
    post.configure({"bleu": one, "rouge": two}, extra="[alerts]\nstale_days = 14")
    scene.start()
    assert scene.daemon.stop() == 0
    last_good(post, one.uuid, 20)
    last_good(post, two.uuid, 3)
    scene.start()
    (mail,) = post.wait("stale: bleu")
    assert mail["X-Tetras-Back-Verdict"] == "stale"
    assert "  bleu: last good backup " in mail.get_content()
    assert "(20 days ago)" in mail.get_content()
    assert scene.alerts()["stale"] == "the last good backup on disk bleu is 20 days old"
    assert "20 days" in scene.ctl("status").stdout
    log = scene.daemon.log.read_text()
    assert log.count("stale: the last good backup on disk bleu is 20 days old") == 1
    for _ in range(2):
        assert scene.daemon.stop() == 0
        scene.start()
        scene.call("Reload")
    assert post.subjects() == ["stale: bleu"]
    scene.plug(one)
    post.wait("stale: bleu", "success: bleu")
    assert "stale" not in scene.alerts()
    post.never("stale: bleu", "success: bleu")


def test_no_good_backup_on_any_disk_is_one_mail(post: Post) -> None:
    scene = post.scene
    one, two = scene.disk(name="one"), scene.disk(name="two")
    post.configure({"bleu": one, "rouge": two}, mail="on = []")
    scene.start()
    assert scene.daemon.stop() == 0
    last_good(post, one.uuid, 20)
    last_good(post, two.uuid, 30)
    scene.start()
    (mail,) = post.wait("stale: rouge, bleu")
    assert "has had a good backup for 20 days." in mail.get_content()
    assert scene.alerts()["no-good-backup"] == "no disk has had a good backup for 20 days"
    post.never("stale: rouge, bleu")


# --- a sendmail that fails ----------------------------------------------------------------------


def test_mail_that_is_not_taken_is_shown_and_arrives_later(post: Post) -> None:
    scene = post.scene
    disk = scene.disk()
    post.configure({"bleu": disk})
    post.sink.stop()
    scene.start()
    scene.plug(disk)
    assert scene.verdict(disk) == "success"
    message = wait_until(lambda: scene.alerts().get("mail"), "the alert")
    assert message.startswith(f"1 mail waits to be sent: {post.sendmail} ended with status")
    assert len(post.outbox) == 1
    assert "1 mail waits" in scene.ctl("status").stdout
    post.sink.start()
    scene.becomes(disk, "safe-to-unplug")
    scene.call("RunBackup", "s", disk.uuid)
    assert scene.verdict(disk, 2) == "success"
    mails = post.sink.wait(2)
    assert len({mail["Message-ID"] for mail in mails}) == 2
    wait_until(lambda: "mail" not in scene.alerts(), "the alert to go")
    assert post.outbox == []
    post.never("success: bleu", "success: bleu")


def test_mail_outlives_a_daemon_that_is_killed(post: Post) -> None:
    scene = post.scene
    disk = scene.disk()
    post.configure({"bleu": disk})
    post.sink.stop()
    scene.start()
    scene.plug(disk)
    assert scene.verdict(disk) == "success"
    wait_until(lambda: post.outbox, "the mail to be kept")
    wait_until(lambda: scene.alerts().get("mail"), "the alert")
    scene.daemon.kill()
    post.sink.start()
    scene.start()
    post.wait("success: bleu")
    post.never("success: bleu")


def test_a_verdict_that_was_recorded_but_not_told_is_told_by_the_next_life(post: Post) -> None:
    scene = post.scene
    disk = scene.disk()
    post.configure({"bleu": disk}, mail="on = []")
    scene.start()
    scene.plug(disk)
    assert scene.verdict(disk) == "success"
    scene.becomes(disk, "safe-to-unplug")
    assert scene.daemon.stop() == 0
    with sqlite3.connect(scene.workspace / "state/history.sqlite") as database:
        database.execute("UPDATE backups SET mailed = 0")
    database.close()
    post.configure({"bleu": disk})
    scene.start()
    post.wait("success: bleu")
    assert scene.daemon.stop() == 0
    scene.start()
    post.never("success: bleu")


def test_a_hanging_sendmail_holds_up_neither_backups_nor_the_end(post: Post) -> None:
    scene = post.scene
    disk = scene.disk()
    post.configure({"bleu": disk})
    post.behave("trap '' TERM; sleep 1004 & wait; wait")
    scene.start()
    scene.plug(disk)
    assert scene.verdict(disk) == "success"
    scene.becomes(disk, "safe-to-unplug")
    scene.call("RunBackup", "s", disk.uuid)
    assert scene.verdict(disk, 2) == "success"
    began = time.monotonic()
    assert scene.daemon.stop() == 0
    assert time.monotonic() - began < 15
    wait_until(lambda: run(["pgrep", "-f", "sleep 1004"], check=False).stdout == "", "it to end")
    assert len(post.outbox) == 2
    post.mend()
    scene.start()
    post.wait("success: bleu", "success: bleu")


def test_a_sendmail_that_is_not_roots_is_not_run(post: Post) -> None:
    scene = post.scene
    disk = scene.disk()
    post.configure({"bleu": disk})
    proof = scene.workspace / "proof"
    post.behave(f"touch {proof}")
    post.sendmail.chmod(0o777)
    scene.start()
    scene.plug(disk)
    assert scene.verdict(disk) == "success"
    message = wait_until(lambda: scene.alerts().get("mail"), "the alert")
    assert "writable by others" in message
    assert not proof.exists()
    assert len(post.outbox) == 1


def test_a_full_state_directory_loses_no_mail(post: Post) -> None:
    scene = post.scene
    disk = scene.disk()
    state = scene.workspace / "state"
    state.mkdir()
    run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", state])
    post.configure({"bleu": disk})
    scene.start()
    (state / "outbox").write_text("in the way")
    scene.plug(disk)
    assert scene.verdict(disk) == "success"
    mails = post.sink.wait(1)
    assert mails[0]["X-Tetras-Back-Verdict"] == "success"
    post.never("success: bleu")


def test_the_language_of_the_configuration(post: Post) -> None:
    scene = post.scene
    disk = scene.disk()
    post.configure({"bleu": disk})
    text = scene.configuration.read_text()
    scene.configuration.write_text(f'language = "fr"\n{text}')
    scene.start()
    scene.plug(disk)
    (mail,) = post.wait("success: bleu")
    assert mail["Subject"].endswith(" success: bleu")
    assert "\xa0Mo" in mail.get_content()
