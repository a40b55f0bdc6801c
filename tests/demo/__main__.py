"""`sudo make demo`: Tetras-back at work on real parts, and nothing left behind.

A private bus with a real polkitd, a real udevd, the daemon, and a disk that is a file: read
`_story` from top to bottom to see what people do with it. KEEP=1 keeps everything running at the
end, to look around with busctl and gdbus until Ctrl-C; WEB=1 serves the page for Cockpit so long.
"""

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from tests.demo import web
from tests.demo.hearing import Hearing
from tests.demo.show import Ctl, command, run_shown, say, title
from tests.demo.source import make_source
from tests.harness import (
    Daemon,
    HarnessError,
    LoopDisk,
    Polkitd,
    PrivateBus,
    SmtpSink,
    TagRule,
    UdevDaemon,
    User,
    Workspace,
    run,
    wait_until,
)
from tests.harness.process import VISITOR
from tests.harness.traces import traces

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PLACE = Path("/var/tmp")  # /tmp may be small, or memory
_NEEDED_MB = 700


def main() -> int:
    """Exit status: 0 told in full and nothing left behind, 1 not, 128 + N ended by signal N."""
    if os.geteuid() != 0:
        print("demo: disks and users need root; run it as: sudo make demo", file=sys.stderr)
        return 1
    if shutil.disk_usage(_PLACE).free < _NEEDED_MB << 20:
        print(f"demo: {_PLACE} needs {_NEEDED_MB} MB of room for a disk", file=sys.stderr)
        return 1
    for number in _SIGNALS:
        signal.signal(number, _end)
    tempfile.tempdir = str(_PLACE)
    try:
        web.wanted()
    except HarnessError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    workspace = Workspace("tetras-back-demo-")
    users: list[str] = []
    try:
        with ExitStack() as stack:
            stack.push(workspace)
            try:
                _story(stack, workspace.path, users)
            finally:
                _ignore_signals()
    except HarnessError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    finally:
        left = traces(workspace.path, users)
        title("Afterwards")
        say(f"left behind: {', '.join(left) or 'nothing'}")
    return 1 if left else 0


def _story(stack: ExitStack, workspace: Path, users: list[str]) -> None:
    started = time.monotonic()
    title("A bus with polkit, udev, a server to back up, and the daemon")
    files, size = make_source(workspace / "server")
    say(f"the server: this machine's /etc, and two homes; {files} files, {size >> 20} MB")
    bus = stack.enter_context(PrivateBus(workspace))
    stack.enter_context(Polkitd(bus))
    stack.enter_context(UdevDaemon())
    stack.enter_context(TagRule(workspace))
    disk = stack.enter_context(LoopDisk(workspace, "ext4", 1024, label="Elements"))
    sink = stack.enter_context(SmtpSink())
    configuration = (
        f'[backup]\nsource = "{workspace}/server"\n'
        f'[mail]\nsendmail = "{sink.sendmail(workspace)}"\n'
    )
    daemon = stack.enter_context(Daemon(bus, workspace, configuration))
    ctl = Ctl(daemon, workspace)
    say(f"ready after {time.monotonic() - started:.1f} s")

    title("A disk that nobody knows is plugged in")
    disk.attach()
    _wait_for(ctl, disk, "unknown")
    ctl("disks")
    used = _used(disk)

    title("An administrator saves it, under the name that people will use")
    ctl("save", f"{disk.uuid}=bleu")

    title("From now on, somebody plugs it in, waits, and takes it away")
    disk.detach()
    _wait_for(ctl, disk, "absent")
    with _cost("first", disk, used):
        ctl.watch(disk)

    title("Others want to know, too: a program, root by mail, somebody at a desktop")
    alice = stack.enter_context(User(prefix="tb-demo-"))
    users.append(alice.name)
    hearing = Hearing(stack, ctl, workspace, sink, alice)

    title("The next day: a letter, a picture, and a second backup")
    used = _used(disk)
    (workspace / "server/home/alice/letter.txt").write_text("Dear server, thank you.\n")
    (workspace / "server/home/bob/picture.raw").write_bytes(os.urandom(3 << 20))
    with _cost("second", disk, used):
        ctl("backup", "bleu")
        _wait_for(ctl, disk, "safe-to-unplug")

    title("What everybody has heard of it")
    hearing.show()

    title("What lies on the disk")
    _show_disk(disk, workspace)

    title("A letter is lost; it comes back from the disk")
    letter = workspace / "server/home/alice/letter.txt"
    letter.unlink()
    say("alice has deleted letter.txt")
    _restore(ctl, disk, letter)

    title("What has been, and how things are")
    ctl("history")
    ctl("jobs")
    ctl("status")

    title("Anybody may look; not everybody may change")
    ctl("disks", user=alice)
    ctl("forget", "bleu", user=alice, expect=3)

    title("It is taken home")
    ctl("unplug", "bleu")
    disk.detach()
    _wait_for(ctl, disk, "absent")
    ctl("disks")
    say(f"all this took {time.monotonic() - started:.0f} s")

    if web.wanted():
        disk.attach()
        web.serve(stack, bus, workspace, disk, users)
    if os.environ.get("KEEP"):
        disk.attach()
        _keep(ctl, disk)


def _wait_for(ctl: Ctl, disk: LoopDisk, state: str) -> None:
    wait_until(lambda: ctl.state(disk.uuid) == state, f"the disk to be {state}", 30)


@contextmanager
def _mounted(disk: LoopDisk) -> Iterator[Path]:
    """The root of the disk's file system, to look at."""
    place = disk.image.parent / "look"
    place.mkdir(exist_ok=True)
    run(["mount", "-o", "ro", disk.device, place])
    try:
        yield place
    finally:
        run(["umount", place])


def _used(disk: LoopDisk) -> int:
    with _mounted(disk) as root:
        return shutil.disk_usage(root).used


@contextmanager
def _cost(which: str, disk: LoopDisk, used: int) -> Iterator[None]:
    """Tell what a backup made meanwhile took, in time and in room: USED was so before."""
    started = time.monotonic()
    yield
    seconds = time.monotonic() - started
    room = (_used(disk) - used) / (1 << 20)
    say(f"the {which} backup took {seconds:.1f} s and {room:.1f} MB on the disk")


def _show_disk(disk: LoopDisk, workspace: Path) -> None:
    with _mounted(disk) as root:
        run_shown(["find", ".", "-maxdepth", "3", "-not", "-path", "./lost+found*"], root)
        newest = max(root.glob("*_Sauvegarde_*"))
        letter = (newest / "Donnees/alice/welcome.txt").relative_to(root)
        run_shown(["stat", "--format=%h names on the disk for the one file %n", letter], root)
        run(
            [
                "diff",
                "--recursive",
                "--no-dereference",
                newest / "Donnees",
                workspace / "server/home",
            ]
        )
        say("diff finds no difference between the homes on the disk and those of the server")
        names = run(["tar", "-tzf", newest / "serveur.tar.gz"]).stdout.splitlines()
        say(f"serveur.tar.gz holds {len(names)} entries, from {names[0]} to {names[-1]}")


def _restore(ctl: Ctl, disk: LoopDisk, letter: Path) -> None:
    """Get LETTER back out of the newest backup, where it was."""
    ctl("snapshots", "bleu")
    ctl("restore", "bleu", "latest", "/home/alice/letter.txt", "--in-place", "--yes")
    _wait_for(ctl, disk, "safe-to-unplug")
    command(["cat", letter])
    print(letter.read_text(), end="", flush=True)


def _keep(ctl: Ctl, disk: LoopDisk) -> None:
    title("Kept: look around from another terminal, as root or as anybody; Ctrl-C ends it")
    print(f"export {VISITOR}=1")
    print(f"export DBUS_SYSTEM_BUS_ADDRESS='{ctl.environment['DBUS_SYSTEM_BUS_ADDRESS']}'")
    print(
        f"export PYTHONPATH='{ctl.environment['PYTHONPATH']}' PATH=\"{ctl.program.parent}:$PATH\""
    )
    command(["busctl tree org.tetraslibre.Back"])
    command(["busctl introspect org.tetraslibre.Back /org/tetraslibre/Back"])
    command(["busctl monitor org.tetraslibre.Back"])
    command(
        [
            "gdbus call --system --dest org.tetraslibre.Back --object-path /org/tetraslibre/Back",
            f"--method org.tetraslibre.Back.SaveDisk {disk.uuid} vert",
        ]
    )
    signal.pause()


def _end(number: int, frame: FrameType | None) -> None:
    _ignore_signals()  # a second Ctrl-C must not stop the cleaning up
    raise SystemExit(128 + number)


def _ignore_signals() -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main())
