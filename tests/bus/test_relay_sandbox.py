"""The relay as its unit shuts it in; there is no systemd here, so each wall is put up by hand."""

import re
from pathlib import Path

import pytest

from tests.bus.relaying import Person, reading
from tests.harness import Polkitd, PrivateBus, User, run
from tests.harness import relay as harness
from tests.harness.process import OWN_MOUNTS, PYTHON, Process
from tests.harness.relay import Relay

# MemoryDenyWriteExecute=: PR_SET_MDWE, which lasts over exec (kernel 6.3 and newer).
NO_NEW_CODE = """
import ctypes, os, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0):
    sys.exit("this kernel has no PR_SET_MDWE")
os.execv(sys.argv[1], sys.argv[1:])
"""
# ProtectSystem=strict and ProtectHome=read-only: nothing can be written but the state ($1).
READ_ONLY = (
    'mount --bind "$1" "$1" && mount -o remount,bind,ro / && mount -o remount,bind,ro "$2" &&'
    ' shift 2 && exec "$@"'
)


def walled(
    monkeypatch: pytest.MonkeyPatch, outer: list[str | Path], inner: list[str | Path]
) -> None:
    """From now on the relay is run by OUTER, as root, and its program by INNER, as its user."""

    def start(argv: list[str], **options: object) -> Process:
        split = argv.index("--") + 1
        words = [*outer, *argv[:split], *inner, *argv[split:]]
        return Process(words, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(harness, "Process", start)


def work(person: Person, relay: Relay) -> None:
    """All that a relay does."""
    events, page = person.fifo("events"), person.fifo("page")
    for _ in range(2):
        person.register(events)
        person.register(page, "original")
    with reading(events) as reader:
        reader.until("DaemonGone")
    relay.stop()
    relay.start()
    with reading(events) as reader:
        reader.until("DaemonGone")
    assert person.ctl("unregister", events).returncode == 0
    page.unlink()


def test_it_needs_no_system_call_that_is_forbidden(
    monkeypatch: pytest.MonkeyPatch,
    bus: PrivateBus,
    allowed: Polkitd,
    user: User,
    workspace: Path,
) -> None:
    trace = workspace / "trace"
    trace.touch()
    trace.chmod(0o666)
    walled(monkeypatch, [], ["strace", "-f", "-qq", "-A", "-o", trace])
    with Relay(bus, workspace) as relay:
        work(Person(user, workspace, bus, relay.library), relay)
    used = set(re.findall(r"^\d+\s+(\w+)\(", trace.read_text(), re.M))
    assert {"openat", "inotify_add_watch", "write"} <= used
    forbidden = _calls("@privileged") | _calls("@resources")
    assert not used - (_calls("@system-service") - forbidden)


def test_it_needs_no_memory_that_is_written_and_run(
    monkeypatch: pytest.MonkeyPatch,
    bus: PrivateBus,
    allowed: Polkitd,
    user: User,
    workspace: Path,
) -> None:
    walled(monkeypatch, [], [PYTHON, "-c", NO_NEW_CODE])
    with Relay(bus, workspace) as relay:
        work(Person(user, workspace, bus, relay.library), relay)


def test_it_writes_into_fifos_where_all_is_read_only(
    monkeypatch: pytest.MonkeyPatch,
    bus: PrivateBus,
    allowed: Polkitd,
    user: User,
    workspace: Path,
) -> None:
    state = workspace / "relay-state"
    enter: list[str | Path] = [*OWN_MOUNTS, "--net"]
    enter += ["sh", "-c", READ_ONLY, "sh", state, workspace]
    walled(monkeypatch, enter, [])
    with Relay(bus, workspace) as relay:
        assert "ro" in _options(relay, workspace)
        assert "ro" not in _options(relay, state)
        work(Person(user, workspace, bus, relay.library), relay)


def _options(relay: Relay, place: Path) -> list[str]:
    """Options of the mount at PLACE, as the relay sees it."""
    lines = Path(f"/proc/{relay.process.pid}/mountinfo").read_text().splitlines()
    return [line.split()[5] for line in lines if line.split()[4] == str(place)][-1].split(",")


def _calls(group: str) -> set[str]:
    """The system calls of one of systemd's groups."""
    found: set[str] = set()
    for line in run(["systemd-analyze", "syscall-filter", group]).stdout.splitlines():
        word = line.strip()
        if word.startswith("@") and word != group:
            found |= _calls(word)
        elif word and not word.startswith(("@", "#")):
            found.add(word)
    return found
