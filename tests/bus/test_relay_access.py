"""Who may register which FIFO, and what the relay can be led to write into: nothing else."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bus.relaying import Person, Root, reading
from tests.harness import Daemon, Polkitd, Relay, User, run, wait_until


@pytest.fixture
def daemon(daemon_factory: Callable[..., Daemon]) -> Daemon:
    """A daemon with simulated disks."""
    return daemon_factory("", sim=True)


@pytest.fixture
def alice(user: User, workspace: Path, relay: Relay) -> Person:
    return Person(user, workspace, relay.bus, relay.library)


@pytest.fixture
def bob(workspace: Path, relay: Relay) -> Iterator[Person]:
    with User() as user:
        yield Person(user, workspace, relay.bus, relay.library)


@pytest.fixture
def root(workspace: Path, relay: Relay) -> Root:
    return Root(workspace, relay.bus, relay.library)


def lists(*paths: Path) -> str:
    """The access control lists, as the system shows them."""
    return run(["getfacl", "--omit-header", "--absolute-names", *paths]).stdout


def test_mkfifo_and_register_is_all_there_is_to_do(
    allowed: Polkitd, daemon: Daemon, alice: Person
) -> None:
    before = lists(alice.home)
    done = alice.sh("mkfifo f && tetras-backctl register f")
    assert done.returncode == 0, done.stderr
    assert f"{alice.home}/f is registered (events)" in done.stdout
    assert f"list of {alice.home}/f lets the user tetras-back-relay open it" in done.stdout
    assert f"that of {alice.home} lets them pass through" in done.stdout
    told = alice.sh("head -n 1 f")
    assert '"event": "State"' in told.stdout
    assert lists(alice.home / "f").split() == [
        *("user::rw-", "user:tetras-back-relay:rw-", "group::r--", "mask::rw-", "other::r--")
    ]
    assert f"{alice.home}/f" in alice.sh("tetras-backctl clients").stdout
    done = alice.sh("tetras-backctl unregister f")
    assert done.returncode == 0, done.stderr
    assert lists(alice.home) == before
    assert "tetras-back-relay" not in lists(alice.home / "f")
    assert "no FIFO is registered" in alice.sh("tetras-backctl clients").stdout


def test_json_of_the_commands(allowed: Polkitd, alice: Person) -> None:
    path = alice.fifo()
    told = alice.sh("tetras-backctl --json register --format original f").stdout
    assert f'"granted": [\n      "{alice.home}",\n      "{path}"\n    ]' in told
    assert '"format": "original"' in told
    assert '"format": "original"' in alice.sh("tetras-backctl --json clients").stdout
    told = alice.sh("tetras-backctl --json unregister f").stdout
    assert f'"revoked": [\n      "{alice.home}",\n      "{path}"\n    ]' in told
    failed = alice.sh("tetras-backctl --json unregister f")
    assert failed.returncode == 1
    assert '"name": "UnknownClient"' in failed.stdout


def test_directory_that_other_fifos_need_stays_open(allowed: Polkitd, alice: Person) -> None:
    for name in ("f", "g"):
        alice.register(alice.fifo(name))
    alice.ctl("unregister", alice.home / "f")
    assert "tetras-back-relay" in lists(alice.home)
    alice.ctl("unregister", alice.home / "g")
    assert "tetras-back-relay" not in lists(alice.home)


def test_directory_that_other_fifos_need_stays_open_behind_a_link_of_roots(
    allowed: Polkitd, alice: Person, workspace: Path
) -> None:
    """As where /home is a link to another place."""
    link = workspace / "home-of-all"
    link.symlink_to(alice.home)
    for name in ("f", "g"):
        alice.fifo(name)
        alice.register(link / name)
    alice.ctl("unregister", link / "f")
    assert "tetras-back-relay" in lists(alice.home)
    alice.ctl("unregister", link / "g")
    assert "tetras-back-relay" not in lists(alice.home)


def test_refused_by_polkit_nothing_is_left_changed(
    polkitd: Polkitd, alice: Person, relay: Relay
) -> None:
    path = alice.fifo()
    before = lists(alice.home, path)
    done = alice.ctl("register", path)
    assert done.returncode == 3
    assert "password" in done.stderr
    assert lists(alice.home, path) == before
    assert "no FIFO" in alice.ctl("clients").stdout
    # Whether a path leads anywhere is not told either.
    assert "InteractiveAuthorizationRequired" in alice.call("Register", "/nonexistent", "events")
    assert "InteractiveAuthorizationRequired" in alice.call("Unregister", "/nonexistent")


@pytest.mark.parametrize("arguments", [("f", "events"), ("/f", "json"), ("/a/../f", "events")])
def test_form_is_checked_before_anybody_is_asked(alice: Person, arguments: tuple[str, str]) -> None:
    assert "InvalidArgs" in alice.call("Register", *arguments)


def test_only_ones_own_may_be_registered(allowed: Polkitd, alice: Person, bob: Person) -> None:
    bob.home.chmod(0o755)
    path = bob.fifo(mode=0o666)
    assert "Error.NotYours" in alice.call("Register", path, "events")
    done = alice.ctl("register", path)
    assert (done.returncode, done.stderr) == (3, f"tetras-backctl: {path} is not yours\n")


def test_root_may_register_anybodys(allowed: Polkitd, alice: Person, root: Root) -> None:
    path = alice.fifo()
    done = root.ctl("register", path)
    assert done.returncode == 0, done.stderr
    assert "tetras-back-relay:--x" in lists(alice.home)
    # Who owns it may have that ended.
    assert alice.ctl("unregister", path).returncode == 0


def test_registration_of_others_cannot_be_ended(
    allowed: Polkitd, alice: Person, bob: Person
) -> None:
    path = alice.fifo()
    alice.register(path)
    assert "Error.NotYours" in bob.call("Unregister", path)
    assert "Error.UnknownClient" in bob.call("Unregister", bob.home / "f")


def test_what_is_no_fifo_is_refused(allowed: Polkitd, alice: Person) -> None:
    alice.home.chmod(0o711)
    (alice.home / "directory").mkdir(mode=0o777)
    for name in ("file", "nothing"):
        path = alice.home / name
        if name == "file":
            alice.sh("echo precious > file")
        assert "Error.NotAFifo" in alice.call("Register", path, "events")
        done = alice.ctl("register", path)
        assert (done.returncode, "make one with mkfifo" in done.stderr) == (1, True)
    for path in (alice.home / "directory", Path("/dev/null"), Path("/")):
        form = "InvalidArgs" if path == Path("/") else "Error.NotAFifo"
        assert form in alice.call("Register", path, "events")
    assert (alice.home / "file").read_text() == "precious\n"
    assert "Error.NotAFifo" in alice.call("Register", alice.home / "file/f", "events")


def test_links_of_users_are_not_followed(allowed: Polkitd, alice: Person, bob: Person) -> None:
    alice.home.chmod(0o755)
    alice.fifo("real", 0o666)
    (alice.home / "there").mkdir()
    shutil.chown(alice.home / "there", alice.user.uid)
    os.mkfifo(alice.home / "there/f")
    os.chown(alice.home / "there/f", alice.user.uid, -1)
    (alice.home / "there/f").chmod(0o666)
    alice.sh("ln -s real last; ln -s there way")
    for name in ("last", "way/f"):
        assert "Error.NotYours" in alice.call("Register", alice.home / name, "events")
        done = alice.ctl("register", alice.home / name)
        assert (done.returncode, "symbolic link" in done.stderr) == (3, True)
    assert alice.call("Register", alice.home / "there/f", "events") == ""


def test_links_of_roots_are_followed(allowed: Polkitd, alice: Person, workspace: Path) -> None:
    alice.home.chmod(0o755)
    path = alice.fifo(mode=0o666)
    (workspace / "homes").symlink_to(workspace)
    way = workspace / "homes" / path.relative_to(workspace)
    assert alice.call("Register", way, "events") == ""
    # The same FIFO by another name would have two writers.
    assert "registered already" in alice.call("Register", path, "original")
    assert alice.call("Register", way, "original") == ""


@pytest.mark.parametrize("path", ["/proc/self/fd/1", "/dev/stdout", "/dev/fd/1"])
def test_magic_paths_lead_nowhere(allowed: Polkitd, alice: Person, root: Root, path: str) -> None:
    for person in (alice, root):
        error = person.call("Register", path, "events")
        assert "Error.NotYours" in error or "CannotWrite" in error or "NotAFifo" in error


def test_relay_is_no_spy_in_directories_that_let_it_pass(
    allowed: Polkitd, alice: Person, bob: Person
) -> None:
    alice.register(alice.fifo())
    alice.sh("touch secret; mkdir folder")
    told = {
        bob.call("Register", alice.home / name, "events")
        for name in ("f", "secret", "folder", "nothing", "folder/f")
    }
    assert len(told) == 1
    assert "is somebody else's and closed to others" in told.pop()


def test_directory_of_others_that_is_open_may_be_passed(
    allowed: Polkitd, alice: Person, bob: Person
) -> None:
    bob.home.chmod(0o1777)
    path = bob.home / "alices"
    os.mkfifo(path)
    os.chown(path, alice.user.uid, alice.user.gid)
    done = alice.ctl("register", path)
    assert done.returncode == 0, done.stderr
    assert "tetras-back-relay" not in lists(bob.home)


def test_without_a_right_it_says_how_to_give_it(allowed: Polkitd, alice: Person) -> None:
    path = alice.fifo()
    error = alice.call("Register", path, "events")
    assert "Error.CannotWrite" in error
    assert f"may not pass through {alice.home}; tetras-backctl register lets it" in error
    alice.home.chmod(0o711)
    error = alice.call("Register", path, "events")
    assert f"may not open {path} for reading and writing; tetras-backctl register" in error


def test_file_system_without_lists_is_told(
    allowed: Polkitd, alice: Person, workspace: Path
) -> None:
    place = workspace / "plain"
    place.mkdir()
    run(["mount", "-t", "ramfs", "none", place])
    place.chmod(0o777)
    os.mkfifo(place / "f")
    os.chown(place / "f", alice.user.uid, -1)
    (place / "f").chmod(0o644)
    done = alice.ctl("register", place / "f")
    assert done.returncode == 1
    assert "has no access control lists" in done.stderr
    assert "/run/user" in done.stderr
    # What its owner has opened to everybody needs none.
    (place / "f").chmod(0o666)
    assert alice.ctl("register", place / "f").returncode == 0


def test_list_of_others_is_as_it_was(allowed: Polkitd, alice: Person, bob: Person) -> None:
    path = alice.fifo()
    run(["setfacl", "-m", f"u:{bob.user.name}:rw,m::r", path])
    alice.register(path)
    shown = lists(path)
    assert "user:tetras-back-relay:rw-" in shown
    assert f"user:{bob.user.name}:r--" in shown


def test_chmod_takes_the_right_away_and_registering_gives_it_back(
    allowed: Polkitd, daemon: Daemon, alice: Person, relay: Relay
) -> None:
    path = alice.fifo()
    alice.register(path)
    path.chmod(0o600)
    wait_until(lambda: f"{path} is away" in relay.process.tail(), "the relay to let go of it")
    assert f"{path}" in alice.ctl("clients").stdout
    alice.register(path)
    with reading(path) as reader:
        reader.until("State")
