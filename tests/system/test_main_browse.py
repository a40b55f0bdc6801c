"""A backup walked by an ordinary user: real users, a real polkitd, a real disk, real bindfs."""

import contextlib
import os
import signal
import stat
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.bus.contract import Caller, caller
from tests.harness import Daemon, LoopDisk, Polkitd, PrivateBus, User, run, run_as, wait_until
from tests.system.jobs_support import until

MakeDisk = Callable[..., LoopDisk]
ALLOWED = """\
polkit.addRule(function(action, subject) {
    if (action.id == "org.tetraslibre.back.browse" || action.id.indexOf("list-snapshots") > 0)
        return subject.user == "%s" ? polkit.Result.YES : polkit.Result.NO;
});
"""
"""As if an administrator had given their password for this user each time."""
ODD = 'a b, $HOME %n \\x "é'


@pytest.fixture
def source(workspace: Path) -> Path:
    """A small server, on which nothing is this user's."""
    made = workspace / "server"
    for path, mode in (
        ("home/anna/secret", 0o600),
        ("home/anna/tool", 0o4755),
        (f"home/anna/{ODD}/inside", 0o000),
        ("etc/shadow", 0o640),
    ):
        (made / path).parent.mkdir(parents=True, exist_ok=True)
        (made / path).write_text(f"{path}\n")
        (made / path).chmod(mode)
    (made / "home/anna/outside").symlink_to("/etc/passwd")
    os.mknod(made / "home/anna/null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    (made / "home/anna").chmod(0o700)
    os.chown(made / "home/anna/secret", 1234, 1234)
    return made


@pytest.fixture
def daemon(bus: PrivateBus, workspace: Path, source: Path, user: User) -> Iterator[Daemon]:
    text = f'[backup]\nscripts = ["backup_nocloud.sh"]\nsource = "{source}"\nverify_minutes = 0\n'
    arguments = '[scripts."backup_nocloud.sh"]\nargs = ["--data", "--config"]\n'
    with ExitStack() as stack:
        stack.enter_context(Polkitd(bus, ALLOWED % user.name))
        yield stack.enter_context(Daemon(bus, workspace, text + arguments))


@pytest.fixture
async def root(daemon: Daemon) -> AsyncIterator[Caller]:
    async with caller(daemon.bus) as connected:
        yield connected


@pytest.fixture
async def disk(root: Caller, loop_disk: MakeDisk) -> LoopDisk:
    """A disk with one backup of the server."""
    made = loop_disk("ext4", 64)
    await root.call("Plug", "s", made.attach())
    await root.call("SaveDisk", "ss", made.uuid, "bleu")
    await root.call("RunBackup", "s", made.uuid)
    assert (await root.hear("BackupFinished"))[2] == "success"
    await root.hear("SafeToUnplug")
    root.forget()
    return made


class Walker:
    """What a user can do with files; `browse` as they do it."""

    def __init__(self, user: User, daemon: Daemon) -> None:
        self.user = user
        self._daemon = daemon

    def run(self, *words: "str | Path") -> subprocess.CompletedProcess[str]:
        return run_as(self.user, words, env=self._daemon.client_environment)

    def ctl(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run(*self._daemon.ctl("--no-ask-password", *words))

    def browse(self, *words: str) -> Path:
        done = self.ctl("browse", "bleu", *words)
        assert done.returncode == 0, done.stderr
        return Path(done.stdout.removesuffix("\n"))

    def read(self, path: Path) -> str:
        done = self.run("cat", "--", path)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def walker(user: User, daemon: Daemon, disk: LoopDisk) -> Walker:
    return Walker(user, daemon)


def shown(workspace: Path) -> list[str]:
    """What is mounted for people below the daemon's directory, and the places for it."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    mounts = [line.split()[4] for line in lines]
    return [
        *(at for at in mounts if at.startswith(f"{workspace}/") and "/mnt/" not in at),
        *(str(path) for name in ("browse", "views") for path in workspace.glob(f"**/{name}/*")),
    ]


def bindfs_of(workspace: Path) -> list[int]:
    """Processes of bindfs that show something below WORKSPACE."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if command.startswith(b"/usr/bin/bindfs") and os.fsencode(workspace) in command:
                found.append(int(entry.name))
    return found


@contextlib.contextmanager
def copied_mounts(user: User) -> Iterator[Path]:
    """While this holds, a process of USER has a copy of the system's mounts: its mountinfo."""
    words = ["unshare", "-rm", "sh", "-c", "echo copied; exec sleep 600"]
    who = [f"--reuid={user.uid}", "--regid=65534", "--clear-groups"]
    copier = subprocess.Popen(["setpriv", *who, *words], stdout=subprocess.PIPE, text=True)
    assert copier.stdout is not None
    try:
        assert copier.stdout.readline() == "copied\n"
        yield Path(f"/proc/{copier.pid}/mountinfo")
        assert copier.poll() is None
    finally:
        copier.kill()
        copier.wait()
        copier.stdout.close()


async def ended(root: Caller, disk: LoopDisk, workspace: Path) -> None:
    """Wait until nothing of the view is left, and the disk may be unplugged."""
    await root.hear("SafeToUnplug")
    assert shown(workspace) == []
    assert (await root.disk(disk.uuid))["BrowseUntil"] == 0
    wait_until(lambda: not bindfs_of(workspace), "bindfs to end")


async def test_the_caller_reads_everything_and_changes_nothing(
    walker: Walker, root: Caller, disk: LoopDisk, workspace: Path
) -> None:
    view = walker.browse()
    anna = view / "Donnees/anna"
    assert walker.read(anna / "secret") == "home/anna/secret\n"
    assert walker.read(anna / ODD / "inside") == f"home/anna/{ODD}/inside\n"
    packed = walker.run("tar", "-xOzf", view / "serveur.tar.gz", "--wildcards", "*etc/shadow")
    assert packed.stdout == "etc/shadow\n"
    # What the user may do there is what they see: everything is theirs, to be read.
    seen = walker.run("find", view, "-printf", "%u %m %y\n").stdout.splitlines()
    modes = ("500 d", "400 f", "4400 f", "400 c", "777 l")
    assert set(seen) == {f"{walker.user.name} {mode}" for mode in modes}
    assert "nosuid" in run(["findmnt", "-no", "OPTIONS", "--target", view]).stdout
    for words in (
        ("touch", view / "new"),
        ("touch", anna / "secret"),
        ("rm", anna / "secret"),
        ("chmod", "600", anna / "secret"),
        ("mkdir", view.parent / "beside"),
        ("mv", view, view.parent / "away"),
        ("cat", anna / "null"),
        ("cat", anna / "outside"),
        (anna / "tool",),
        ("ls", view / ".." / ".."),
    ):
        assert walker.run(*words).returncode != 0, words
    with pytest.raises(OSError, match="Read-only"):
        (anna / "secret").chmod(0o600)  # not even root
    # One backup, and nothing else of the disk.
    assert walker.run("ls", "-A", view.parent).stdout == f"{view.name}\n"
    assert sorted(walker.run("ls", "-A", view).stdout.split()) == ["Donnees", "serveur.tar.gz"]
    assert (await root.disk(disk.uuid))["State"] == "held"
    done = walker.ctl("browse", "--close")
    assert done.stdout == "bleu is shown no longer\nbleu is safe to unplug\n"
    await ended(root, disk, workspace)


async def test_nobody_else_sees_it(walker: Walker, daemon: Daemon) -> None:
    view = walker.browse()
    with User() as somebody:
        other = Walker(somebody, daemon)
        for path in (view, view.parent, view.parent.parent, view / "serveur.tar.gz"):
            done = other.run("ls", path)
            assert (done.stdout, "Permission denied" in done.stderr) == ("", True), path
        assert other.run("stat", "--file-system", view).returncode != 0
        assert other.ctl("browse", "bleu").returncode == 3
        assert other.ctl("browse", "--close").returncode == 3
    # The user compares what they may walk, and what they were shown before stays.
    done = walker.ctl("diff", "bleu", view.name, view.name)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    # The user of the view gets no further than it either.
    (whole,) = view.parent.parent.parent.glob("browse/*")
    assert walker.run("ls", whole).returncode != 0
    assert walker.read(view / "Donnees/anna/secret")


async def test_unplug_ends_it_also_for_who_is_in_it(
    walker: Walker, root: Caller, disk: LoopDisk, workspace: Path
) -> None:
    view = walker.browse()
    inside = os.open(view / "serveur.tar.gz", os.O_RDONLY)
    try:
        await root.call("Unplug", "s", disk.device)
        assert shown(workspace) == []
        with pytest.raises(OSError, match="not connected"):
            os.read(inside, 1)
    finally:
        with contextlib.suppress(OSError):  # it tells so once more
            os.close(inside)
    assert not bindfs_of(workspace)


async def test_copy_of_the_systems_mounts_does_not_keep_the_disk(
    walker: Walker, root: Caller, disk: LoopDisk, workspace: Path
) -> None:
    walker.browse()
    with User() as somebody, copied_mounts(somebody) as copy:
        assert disk.device in copy.read_text()
        assert walker.ctl("browse", "--close").returncode == 0
        await ended(root, disk, workspace)
        assert disk.device not in copy.read_text()
        # One that is in use cannot be opened so.
        os.close(os.open(disk.device, os.O_RDONLY | os.O_EXCL))


async def test_its_program_dies_or_a_backup_begins_and_it_ends(
    walker: Walker, daemon: Daemon, root: Caller, disk: LoopDisk, workspace: Path
) -> None:
    view = walker.browse()
    (pid,) = bindfs_of(workspace)
    os.kill(pid, signal.SIGKILL)
    await ended(root, disk, workspace)
    said = [line for line in daemon.log.read_text().splitlines() if "before its time" in line]
    assert len(said) == 1
    assert walker.read(walker.browse(view.name) / "Donnees/anna/secret")
    root.forget()
    await root.call("RunBackup", "s", disk.uuid)
    assert (await root.hear("BackupFinished"))[2] == "success"
    await ended(root, disk, workspace)


@pytest.mark.parametrize("how", ["killed", "stopped"])
async def test_end_of_the_daemon_ends_it(
    walker: Walker, daemon: Daemon, disk: LoopDisk, workspace: Path, how: str
) -> None:
    view = walker.browse()
    daemon.kill() if how == "killed" else daemon.stop()
    daemon.start()
    assert shown(workspace) == []
    assert not view.parent.exists()
    await until(lambda: not bindfs_of(workspace), "bindfs to end")
    assert run(["test", "-b", disk.device]).returncode == 0
