"""Every way in which a backup can end sends its mail, and one only."""

from collections.abc import Callable

import pytest

from tests.harness import LoopDisk, run, wait_until
from tests.system.post import Post
from tests.system.test_faults_disk import disk_on_tmpfs, torn_away

Ending = Callable[[Post], None]


def plugged(post: Post, script: str | None = None, backup: str = "") -> None:
    """Disk bleu is plugged in, and backed up by SCRIPT."""
    disk = post.scene.disk()
    if script is not None:
        post.scene.script(script)
    post.configure({"bleu": disk}, backup=backup)
    post.scene.start()
    post.scene.plug(disk)


def at_the_gate(post: Post) -> LoopDisk:
    """Disk bleu, which is being backed up; the script waits."""
    disk, gate = post.scene.disk(), post.scene.gate()
    post.scene.script(gate.shell)
    post.configure({"bleu": disk})
    post.scene.start()
    post.scene.plug(disk)
    gate.reached()
    return disk


def success(post: Post) -> None:
    plugged(post)


def warning(post: Post) -> None:
    plugged(post, 'echo "warning /etc/odd: not read" >&"$TETRAS_BACK_PROGRESS_FD"')


def failed_script(post: Post) -> None:
    plugged(post, "echo last words; exit 7")


def killed_script(post: Post) -> None:
    plugged(post, "kill -9 $$")


def time_out(post: Post) -> None:
    plugged(post, "sleep 1000", backup="timeout_hours = 0.0001")


def refused_script(post: Post) -> None:
    post.scene.script("exit 0")
    (post.scene.scripts / "copy.sh").chmod(0o777)
    plugged(post)


def missing_script(post: Post) -> None:
    disk = post.scene.disk()
    post.configure({"bleu": disk}, ["nowhere.sh"])
    post.scene.start()
    post.scene.plug(disk)


def no_script(post: Post) -> None:
    disk = post.scene.disk()
    post.configure({"bleu": disk}, [])
    post.scene.start()
    post.scene.plug(disk)


def full_disk(post: Post) -> None:
    plugged(post, 'head -c 64M /dev/zero >"$1/much"')


def dying_disk(post: Post) -> None:
    disk = disk_on_tmpfs(post.scene, 12, 64)
    post.scene.script('head -c 40M /dev/urandom >"$1/much"')
    post.configure({"bleu": disk})
    post.scene.start()
    post.scene.plug(disk)


def mounted_elsewhere(post: Post) -> None:
    disk = post.scene.disk()
    device = disk.attach()
    place = post.scene.workspace / "elsewhere"
    place.mkdir()
    run(["mount", device, place])
    post.configure({"bleu": disk})
    post.scene.start()


def cancelled(post: Post) -> None:
    disk = at_the_gate(post)
    post.scene.call("CancelBackup", "s", disk.uuid)


def unplugged(post: Post) -> None:
    disk = at_the_gate(post)
    post.scene.call("Unplug", "s", disk.device)


def pulled(post: Post) -> None:
    torn_away(at_the_gate(post))


def stopped(post: Post) -> None:
    at_the_gate(post)
    assert post.scene.daemon.stop() == 0


def killed(post: Post) -> None:
    disk = at_the_gate(post)
    post.scene.daemon.kill()
    wait_until(lambda: post.scene.free(disk.device), "the disk to be let go")
    disk.detach()  # or the backup would run again
    post.scene.start()


ENDINGS: dict[Ending, tuple[str, str]] = {
    success: ("success", "is complete."),
    warning: ("warning", "1 warning:\n  /etc/odd: not read\n"),
    failed_script: ("failed", "copy.sh ended with status 7"),
    killed_script: ("failed", "copy.sh was killed by signal 9"),
    time_out: ("failed", "a script took too long"),
    refused_script: ("failed", "a script may not be run"),
    missing_script: ("failed", "there is no script"),
    no_script: ("failed", "tetras-backctl enable SCRIPT"),
    full_disk: ("failed", "the disk is full"),
    dying_disk: ("failed", "the disk reports errors"),
    mounted_elsewhere: ("failed", "it is mounted by somebody else"),
    cancelled: ("cancelled", "somebody cancelled it"),
    unplugged: ("cancelled", "somebody asked to unplug the disk"),
    pulled: ("interrupted", "the disk was pulled out"),
    stopped: ("interrupted", "the service was stopped"),
    killed: ("interrupted", "the service or the server stopped unexpectedly"),
}


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.__name__)
def test_one_mail(post: Post, ending: Ending) -> None:
    verdict, text = ENDINGS[ending]
    ending(post)
    (mail,) = post.wait(f"{verdict}: bleu", seconds=40)
    assert mail["X-Tetras-Back-Verdict"] == verdict
    assert text in mail.get_content()
    if post.scene.daemon.process.running:
        assert post.scene.history()[-1]["Verdict"] == verdict
        post.never(f"{verdict}: bleu")


@pytest.mark.parametrize("how", ["cancelled", "pulled", "stopped", "forgotten", "twin"])
def test_one_mail_for_a_backup_that_waits_its_turn(post: Post, how: str) -> None:
    scene = post.scene
    one, two, gate = scene.disk(name="one"), scene.disk(name="two"), scene.gate()
    scene.script(gate.shell)
    post.configure({"rouge": one, "bleu": two}, mail='on = ["failed", "interrupted", "cancelled"]')
    scene.start()
    scene.plug(one)
    gate.reached()
    scene.plug(two)
    scene.becomes(two, "queued")
    expected = "cancelled: bleu"
    if how == "cancelled":
        scene.call("CancelBackup", "s", two.uuid)
    elif how == "pulled":
        torn_away(two)
        expected = "interrupted: bleu"
    elif how == "stopped":
        assert scene.daemon.stop() == 0
        said = scene.daemon.process.tail()
        assert sorted(post.subjects()) == ["interrupted: bleu", "interrupted: rouge"], said
        return
    elif how == "forgotten":
        post.configure({"rouge": one}, mail='on = ["failed", "interrupted", "cancelled"]')
    else:
        twin = scene.workspace / "twin.img"
        run(["cp", "--sparse=always", two.image, twin])
        run(["losetup", "--find", "--show", twin])
        expected = "failed: bleu"
    (mail,) = post.wait(expected)
    assert "it had not begun yet" in mail.get_content()
    gate.open()
    assert scene.verdict(one) == "success"
    post.never(expected)
