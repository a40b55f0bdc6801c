"""`sudo make screenshots`: the picture of the notifications in docs, made anew.

Everything in it is real but the screen: three disks that are files, the daemon, which has backed
one up and is at work on the second, the notifier of an unprivileged user, and dunst.
"""

import sys
from contextlib import ExitStack
from pathlib import Path

from tests.harness import (
    Daemon,
    Desktop,
    HarnessError,
    LoopDisk,
    Notifier,
    Polkitd,
    PrivateBus,
    TagRule,
    UdevDaemon,
    User,
    Workspace,
    run,
    wait_until,
)
from tests.harness.process import PROJECT

PICTURE = PROJECT / "docs/notifications.png"
DESKTOP_COLOUR = "#44617b"

# A large backup, as it is in the middle.
HALF_WAY = """\
#!/bin/sh
echo "bytes 48300000000 112000000000" >&"$TETRAS_BACK_PROGRESS_FD"
echo "progress 0.43 home" >&"$TETRAS_BACK_PROGRESS_FD"
exec sleep 600
"""


def main() -> int:
    """Exit status: 0 the picture is there, 1 it could not be made."""
    try:
        with ExitStack() as stack:
            _take(stack)
    except HarnessError as error:
        print(f"screenshots: {error}", file=sys.stderr)
        return 1
    print(f"screenshots: {PICTURE.relative_to(PROJECT)}")
    return 0


def _take(stack: ExitStack) -> None:
    workspace = stack.enter_context(Workspace("tetras-back-screenshots-"))
    bus = stack.enter_context(PrivateBus(workspace))
    stack.enter_context(Polkitd(bus))
    stack.enter_context(UdevDaemon())
    stack.enter_context(TagRule(workspace))
    safe, busy, new = (
        stack.enter_context(LoopDisk(workspace, "ext4", 512, name=name, label=label))
        for name, label in (("safe", "bleu"), ("busy", "rouge"), ("new", "Elements"))
    )
    _make_source(workspace / "server")
    daemon = stack.enter_context(_daemon(bus, workspace, safe, busy))
    user = stack.enter_context(User())
    desktop = stack.enter_context(Desktop(workspace, user))
    stack.enter_context(Notifier(bus, desktop.bus, workspace, desktop.environment))
    for disk, text in (
        (new, "New disk: Elements"),
        (safe, "bleu is safe to unplug"),
        (busy, "home, 43%"),
    ):
        disk.attach()
        _wait(desktop, text, daemon)
    # That neither saved disk held a backup yet was told before they were plugged in.
    wait_until(lambda: desktop.on_screen() == 3, "the alert to be taken back", 10)
    desktop.screen.picture(PICTURE)
    run(
        [
            *("mogrify", "-fill", DESKTOP_COLOUR, "-opaque", "black"),
            *("-bordercolor", DESKTOP_COLOUR, "-border", "14", "-strip", PICTURE),
        ]
    )


def _make_source(root: Path) -> None:
    for directory in ("etc", "home/alice", "root", "srv", "var/www"):
        (root / directory).mkdir(parents=True)
    run(["cp", "-r", PROJECT / "tetrasback", PROJECT / "man", root / "home/alice"])


def _daemon(bus: PrivateBus, workspace: Path, safe: LoopDisk, busy: LoopDisk) -> Daemon:
    scripts = workspace / "scripts"
    scripts.mkdir(mode=0o755)
    half_way = scripts / "half_way.sh"
    half_way.write_text(HALF_WAY)
    half_way.chmod(0o755)
    configuration = f"""\
[mail]
to = []
[backup]
source = "{workspace}/server"
[disks."{safe.uuid}"]
name = "bleu"
[disks."{busy.uuid}"]
name = "rouge"
scripts = ["half_way.sh"]
"""
    shipped = workspace / "lib/tetrasback/scripts"
    return Daemon(bus, workspace, configuration, [scripts, shipped])


def _wait(desktop: Desktop, text: str, daemon: Daemon) -> None:
    def is_shown() -> bool:
        return any(text in f"{shown.summary}\n{shown.body}" for shown in desktop.shown())

    try:
        wait_until(is_shown, f"a notification with {text!r}", 30)
    except HarnessError as error:
        raise HarnessError(f"{error}; the daemon's last words:\n{daemon.process.tail()}") from None


if __name__ == "__main__":
    sys.exit(main())
