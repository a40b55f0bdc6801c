"""Names that are swapped as fast as can be, while FIFOs are registered and written into."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bus.relaying import Person, reading
from tests.harness import Daemon, Polkitd, Relay, User, run_as
from tests.harness.process import PYTHON, Process

# Swaps, by renameat2(RENAME_EXCHANGE), the names NAME and OTHER in the current directory.
SWAPPER = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
name, other = (word.encode() for word in sys.argv[1:])
print("ready", flush=True)
while True:
    if libc.renameat2(-100, name, -100, other, 2):
        sys.exit(f"renameat2: {ctypes.get_errno()}")
"""


@pytest.fixture
def daemon(daemon_factory: type[Daemon]) -> Daemon:
    return daemon_factory("", sim=True)


@pytest.fixture
def alice(user: User, workspace: Path, relay: Relay, allowed: Polkitd, daemon: Daemon) -> Person:
    person = Person(user, workspace, relay.bus, relay.library)
    person.home.chmod(0o755)
    return person


class Victim:
    """A FIFO of somebody else's that everybody may write, a file and a socket; all untouched."""

    def __init__(self, directory: Path) -> None:
        self.fifo, self.file = directory / "victim-fifo", directory / "victim-file"
        self.socket = directory / "victim-socket"
        os.mkfifo(self.fifo)
        self.fifo.chmod(0o666)
        self.file.write_text("precious")
        self.file.chmod(0o666)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.socket))
        self.socket.chmod(0o666)
        self._reader = os.open(self.fifo, os.O_RDONLY | os.O_NONBLOCK)

    def check(self) -> None:
        assert os.read(self._reader, 1) == b""
        assert self.file.read_text() == "precious"

    def close(self) -> None:
        os.close(self._reader)
        self._listener.close()


@pytest.fixture
def victim(workspace: Path) -> Iterator[Victim]:
    made = Victim(workspace)
    yield made
    made.close()


def swapping(person: Person, name: str, other: str, log: Path) -> Process:
    """NAME and OTHER at home are swapped until it is killed."""
    return Process(
        [PYTHON, "-c", SWAPPER, name, other], log=log, env=person.environment, cwd=person.home
    )


@pytest.mark.parametrize("what", ["fifo", "file", "directory"])
def test_name_that_is_swapped_for_a_link(
    alice: Person, victim: Victim, relay: Relay, workspace: Path, what: str
) -> None:
    (alice.home / "way").mkdir()
    os.chown(alice.home / "way", alice.user.uid, -1)
    path = alice.fifo("way/f", 0o666)
    name, other = "way/f", "trap"
    match what:
        case "fifo":
            (alice.home / "trap").symlink_to(victim.fifo)
        case "file":
            (alice.home / "trap").symlink_to(victim.file)
        case "directory":
            # A directory of root's where what lies under the same name is somebody else's.
            (workspace / "theirs").mkdir()
            os.link(victim.fifo, workspace / "theirs/f")
            (alice.home / "trap").symlink_to(workspace / "theirs")
            name, other = "way", "trap"
    os.chown(alice.home / "trap", alice.user.uid, -1, follow_symlinks=False)
    log = workspace / "swapper.log"
    swapper = swapping(alice, name, other, log)
    answers: set[str] = set()
    try:
        for number in range(60):
            error = alice.call("Register", path, "original" if number % 2 else "events")
            answers.add(error.partition(":org.tetraslibre.Back.Error.")[2].partition(":")[0])
        assert swapper.running, log.read_text()
    finally:
        swapper.kill()
    print(answers)
    assert answers <= {"", "NotYours", "NotAFifo"}
    assert len(answers) > 1
    victim.check()
    assert "Traceback" not in relay.process.tail(1 << 20)


def test_client_of_root_gives_no_rights_on_what_is_swapped_in(
    alice: Person, victim: Victim, workspace: Path
) -> None:
    """Root registers a user's FIFO: what the user swaps in must not get the relay's entry."""
    path = alice.fifo("f", 0o600)
    secret = workspace / "secret"
    secret.mkdir(mode=0o700)
    (alice.home / "trap").symlink_to(secret)
    os.chown(alice.home / "trap", alice.user.uid, -1, follow_symlinks=False)
    swapper = swapping(alice, "f", "trap", workspace / "swapper.log")
    argv = [PYTHON, "-m", "tetrasback.ctl", "register", path]
    codes = set()
    try:
        for _ in range(15):
            done = subprocess.run(argv, env=alice.environment, capture_output=True, check=False)
            codes.add(done.returncode)
    finally:
        swapper.kill()
    print(codes)
    shown = subprocess.run(["getfacl", "-c", secret], capture_output=True, text=True, check=True)
    assert "tetras-back-relay" not in shown.stdout


def test_unreadable_user_cannot_reach_the_relays_files(alice: Person, relay: Relay) -> None:
    told = run_as(alice.user, ["cat", relay.state_dir / "clients.json"], env=alice.environment)
    assert "Permission denied" in told.stderr


def test_fifo_that_comes_back_by_another_is_a_new_beginning(alice: Person) -> None:
    path = alice.fifo(mode=0o666)
    alice.register(path)
    with reading(path) as reader:
        assert reader.until("State")["seq"] == 1
        path.rename(alice.home / "old")
        again = alice.fifo(mode=0o666)
        with reading(again) as other:
            assert other.until("State")["seq"] == 1
