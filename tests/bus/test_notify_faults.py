"""The notifier beside servers that can little, hang, go and come back, and beside liars; and the
daemon's and the buses' coming and going."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from tests.bus.mockserver import Asked, MockServer, activation, asked, forge
from tests.bus.standin import UUID, StandIn, standing_in
from tests.harness import Notifier, PrivateBus, SessionBus, wait_until
from tests.harness.process import PYTHON
from tetrasback.names import BUS_NAME, NOTIFICATIONS_SERVICE
from tetrasback.wire import Alert, BackupView, DiskView, ManagerView

T = TypeVar("T")

BLEU = DiskView(uuid=UUID, name="bleu", saved=True, device="/dev/sdz1", state="running")
NEW = DiskView(
    uuid=UUID, device="/dev/sdz1", filesystem_type="ext4", label="Elements", state="unknown"
)
RUNNING = BackupView(id=7, uuid=UUID, state="running", step="home", fraction=0.5)
STALE = Alert("stale", UUID, 5, "the last good backup on disk bleu is 20 days old")


@pytest.fixture
def session(workspace: Path) -> Iterator[SessionBus]:
    with SessionBus(workspace, services=activation(workspace)) as running:
        yield running


@pytest.fixture
async def daemon(bus: PrivateBus) -> AsyncIterator[StandIn]:
    async with standing_in(bus) as running:
        yield running


@pytest.fixture
def start(
    bus: PrivateBus, session: SessionBus, workspace: Path
) -> Iterator[Callable[..., Notifier]]:
    """`start(**environment)`: a notifier, ended at the end."""
    with ExitStack() as stack:
        yield lambda **environment: stack.enter_context(
            Notifier(bus, session, workspace, environment)
        )


async def beside(work: Callable[..., T], *arguments: object) -> T:
    """WORK, while the stand-in goes on answering."""
    return await asyncio.to_thread(work, *arguments)


# What a server can do


@pytest.mark.parametrize(
    ("capabilities", "body", "actions"),
    [
        (
            "actions body body-markup",
            "/dev/sdz1, ext4\nSave it as “Elements” to back up this server onto it.",
            ["save", "Save this disk"],
        ),
        (
            "body",
            f"/dev/sdz1, ext4\nTo back up onto it: tetras-backctl save {UUID}=Elements",
            [],
        ),
    ],
)
async def test_buttons_or_commands(
    daemon: StandIn,
    session: SessionBus,
    start: Callable[..., Notifier],
    capabilities: str,
    body: str,
    actions: list[str],
) -> None:
    daemon.add(NEW)
    with MockServer(session, capabilities) as server:
        await beside(start)
        offer = await beside(server.wait, "New disk: Elements")
    assert (offer.body, offer.actions) == (body, actions)


@pytest.mark.parametrize(
    ("capabilities", "shown"),
    [("body body-markup", "&lt;b&gt;&amp;amp;"), ("body", "<b>&amp;")],
)
async def test_markup(
    daemon: StandIn,
    session: SessionBus,
    start: Callable[..., Notifier],
    capabilities: str,
    shown: str,
) -> None:
    daemon.add(replace(NEW, model="<b>&amp;\x1b[31m\n"))
    with MockServer(session, capabilities) as server:
        await beside(start)
        offer = await beside(server.wait, "New disk: Elements")
    assert offer.body.splitlines()[0] == f"/dev/sdz1, ext4, {shown}\N{REPLACEMENT CHARACTER}[31m "


async def test_progress_is_one_notification_and_no_film(
    daemon: StandIn, session: SessionBus, start: Callable[..., Notifier]
) -> None:
    daemon.add(BLEU)
    daemon.backups[7] = replace(RUNNING, fraction=0.0)
    with MockServer(session) as server:
        await beside(start)
        first = await beside(server.wait, "Backing up onto bleu")
        began = time.monotonic()
        for number in range(1, 61):
            daemon.show_backup(replace(RUNNING, fraction=number / 100))
            await asyncio.sleep(0.05)  # as fast as a daemon may never be
        last = await beside(server.wait, "home, 60%")
        took = time.monotonic() - began
        notes = await beside(server.asked)
    assert (first.replaces, first.hints["value"], first.timeout) == (0, 0, 0)
    assert {note.replaces for note in notes[1:]} == {1}
    assert last.hints["value"] == 60
    assert 3 <= len(notes) <= took + 2


# Buttons


async def test_only_the_servers_own_word_counts(
    daemon: StandIn, session: SessionBus, start: Callable[..., Notifier]
) -> None:
    daemon.add(NEW)
    with MockServer(session) as server:
        await beside(start)
        await beside(server.wait, "New disk: Elements")
        await beside(forge, session, "ActionInvoked", "uint32:1", "string:save")
        await beside(server.press, 99, "save")
        await beside(server.press, 1, "format")
        await beside(server.press, 1, "save")
        await daemon.called("SaveDisk")
        daemon.show_disk(replace(BLEU, name="Elements", state="plugged"))
        await beside(server.wait, "Saved as Elements")
    saves = [call for call in daemon.calls if call[0] == "SaveDisk"]
    assert saves == [("SaveDisk", [UUID, "Elements"], False)]


async def test_a_forged_end_of_a_notification_is_not_believed(
    daemon: StandIn, session: SessionBus, start: Callable[..., Notifier]
) -> None:
    daemon.add(BLEU)
    daemon.backups[7] = RUNNING
    with MockServer(session) as server:
        await beside(start)
        await beside(server.wait, "home, 50%")
        await beside(forge, session, "NotificationClosed", "uint32:1", "uint32:2")
        daemon.show_backup(replace(RUNNING, fraction=0.6))
        assert (await beside(server.wait, "home, 60%")).replaces == 1
        await beside(server.close, 1)  # but its own is
        daemon.show_backup(replace(RUNNING, fraction=0.7))
        daemon.show_disk(replace(BLEU, state="held", reason="in-use"))
        daemon.show_backup(replace(RUNNING, state="done", verdict="success", fraction=1.0))
        held = await beside(server.wait, "Do not unplug bleu yet")
        assert held.replaces == 0
        assert "70%" not in "".join(note.body for note in await beside(server.asked))


async def test_the_password_is_asked_for_only_where_it_is_needed(
    daemon: StandIn, session: SessionBus, start: Callable[..., Notifier]
) -> None:
    daemon.add(NEW)
    error = "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
    daemon.errors["SaveDisk"] = (error, "a password is needed")
    with MockServer(session) as server:
        await beside(start)
        await beside(server.wait, "New disk: Elements")
        await beside(server.press, 1, "save")
        await beside(server.wait, "A password is needed, and nothing here can ask for it.")
    assert [call[2] for call in daemon.calls if call[0] == "SaveDisk"] == [False, True]


# Servers that come and go


async def test_without_anything_to_show_no_server_is_started(
    daemon: StandIn, session: SessionBus, start: Callable[..., Notifier]
) -> None:
    await beside(start)
    await daemon.called("GetManagedObjects")
    assert not await beside(session.has_owner, NOTIFICATIONS_SERVICE)
    daemon.show_disk(BLEU)
    daemon.show_backup(RUNNING)

    def shown() -> list[Asked]:
        return asked(session) if session.has_owner(NOTIFICATIONS_SERVICE) else []

    notes = await beside(wait_until, shown, "the bus to start a server", 20.0)
    assert notes[0].summary == "Backing up onto bleu"


async def test_a_server_that_starts_again_is_shown_what_stands(
    daemon: StandIn, bus: PrivateBus, workspace: Path
) -> None:
    daemon.add(NEW)
    with SessionBus(workspace) as session, Notifier(bus, session, workspace):
        await daemon.called("GetManagedObjects")  # and nobody is there to show anything
        with MockServer(session) as server:
            assert (await beside(server.wait, "New disk: Elements")).replaces == 0
        with MockServer(session) as server:
            assert (await beside(server.wait, "New disk: Elements")).replaces == 0
            await beside(server.close, 1)
            daemon.show_disk(BLEU)
            daemon.show_backup(RUNNING)
            await beside(server.wait, "Backing up onto bleu")
        with MockServer(session, "body") as server:
            note = await beside(server.wait, "To stop it: tetras-backctl cancel bleu")
            assert note.summary == "Backing up onto bleu"
            assert len(await beside(server.asked)) == 1


async def test_a_server_that_hangs_holds_nothing_up(
    daemon: StandIn, session: SessionBus, start: Callable[..., Notifier]
) -> None:
    daemon.add(BLEU)
    daemon.backups[7] = RUNNING
    with MockServer(session) as server:
        notifier = await beside(start)
        await beside(server.wait, "home, 50%")
        server.process.pause()
        daemon.show_backup(replace(RUNNING, fraction=0.6))
        await beside(
            wait_until, lambda: "cannot be shown" in notifier.process.tail(), "the hang", 20.0
        )
        daemon.show_backup(replace(RUNNING, fraction=0.8))
        server.process.resume()
        await beside(server.wait, "home, 80%", 30.0)
        server.process.pause()
        daemon.show_backup(replace(RUNNING, fraction=0.9))
        assert notifier.process.running
        before = time.monotonic()
        assert await beside(notifier.stop) == 0
        assert time.monotonic() - before < 8  # one call's patience
        server.process.resume()


# The daemon and the buses


async def test_the_daemon_goes_and_comes_back(
    bus: PrivateBus, session: SessionBus, start: Callable[..., Notifier]
) -> None:
    with MockServer(session) as server:
        notifier = await beside(start)
        async with standing_in(bus, "") as daemon:
            daemon.add(BLEU)
            daemon.backups[7] = RUNNING
            daemon.manager = ManagerView(alerts=(replace(STALE, uuid="", message="old news"),))
            await daemon.bus.request_name(BUS_NAME)
            await beside(server.wait, "Old news.")
            await beside(server.wait, "Backing up onto bleu")
        gone = await beside(server.wait, "No news of the backup on bleu")
        assert (gone.replaces, gone.actions) == (
            (await beside(server.wait, "Backing up")).number,
            [],
        )
        told = len(await beside(server.asked))
        async with standing_in(bus, "") as daemon:
            daemon.add(replace(BLEU, state="absent"))
            daemon.backups[7] = replace(RUNNING, state="done", verdict="interrupted")
            daemon.manager = ManagerView(alerts=(replace(STALE, uuid="", message="old news"),))
            await daemon.bus.request_name(BUS_NAME)
            await beside(server.wait, "Backup on bleu INTERRUPTED")
            assert len(await beside(server.asked)) == told + 1
        assert notifier.process.running


async def test_the_system_bus_starts_again(
    bus: PrivateBus, session: SessionBus, start: Callable[..., Notifier]
) -> None:
    with MockServer(session) as server:
        notifier = await beside(start)
        async with standing_in(bus) as daemon:
            daemon.add(BLEU)
            daemon.backups[7] = RUNNING
            await beside(server.wait, "Backing up onto bleu")
            await beside(bus.stop)
            await beside(server.wait, "No news of the backup on bleu")
        await beside(bus.restart)
        async with standing_in(bus) as daemon:
            daemon.add(BLEU)
            daemon.backups[7] = replace(RUNNING, fraction=0.7)
            await beside(server.wait, "home, 70%")
        assert notifier.process.running


async def test_it_ends_with_the_session(
    daemon: StandIn, session: SessionBus, start: Callable[..., Notifier]
) -> None:
    notifier = await beside(start)
    await daemon.called("GetManagedObjects")
    await beside(session.stop)
    assert await beside(notifier.process.popen.wait, 10) == 0
    assert "Traceback" not in notifier.process.tail()


async def test_it_ends_when_it_is_told_to_also_on_a_system_bus_that_hangs(
    bus: PrivateBus, daemon: StandIn, session: SessionBus, start: Callable[..., Notifier]
) -> None:
    notifier = await beside(start)
    await daemon.called("GetManagedObjects")
    bus.pause()
    before = time.monotonic()
    assert await beside(notifier.stop) == 0
    assert time.monotonic() - before < 5
    bus.resume()
    assert "Traceback" not in notifier.process.tail()


def test_only_one_runs_in_a_session(start: Callable[..., Notifier]) -> None:
    first = start()
    done = run_it(first.environment)
    assert (done.returncode, done.stderr) == (
        0,
        "INFO tetras-back-notify already runs in this session\n",
    )
    assert first.process.running


def test_without_a_session_bus_it_says_so(start: Callable[..., Notifier], tmp_path: Path) -> None:
    environment = start().environment
    for address in ("", f"unix:path={tmp_path}/none", "nonsense"):
        done = run_it({**environment, "DBUS_SESSION_BUS_ADDRESS": address})
        assert (done.returncode, done.stderr) == (
            8,
            "CRITICAL tetras-back-notify: cannot reach the session bus;"
            " run this in a desktop session\n",
        )


def test_the_bus_of_systemds_user_manager_is_found_without_an_address(
    session: SessionBus, bus: PrivateBus, workspace: Path
) -> None:
    (workspace / "runtime").mkdir()
    os.link(session.socket, workspace / "runtime/bus")
    environment = {"DBUS_SESSION_BUS_ADDRESS": "", "XDG_RUNTIME_DIR": f"{workspace}/runtime"}
    with Notifier(bus, session, workspace, environment) as notifier:
        assert notifier.process.running


def run_it(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PYTHON, "-m", "tetrasback.notifier"],
        env=environment,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


async def test_alerts_are_told_once_also_after_a_crash(
    daemon: StandIn, session: SessionBus, start: Callable[..., Notifier]
) -> None:
    daemon.add(replace(BLEU, state="absent", device=""))
    daemon.manager = ManagerView(alerts=(STALE,))
    with MockServer(session) as server:
        notifier = await beside(start)
        alert = await beside(server.wait, "The last good backup on disk bleu is 20 days old.")
        assert (alert.summary, alert.timeout) == ("Backups need attention", 0)
        remembered = session.directory / ".local/state/tetras-back/notified.json"
        await beside(wait_until, remembered.exists, "it to be remembered")
        notifier.process.send(signal.SIGKILL)
        await beside(notifier.process.popen.wait)
        daemon.calls.clear()
        await beside(notifier.start)
        await daemon.called("GetManagedObjects")
        daemon.show_disk(replace(NEW, uuid=UUID))
        await beside(server.wait, "New disk: Elements")
        attention = [n for n in await beside(server.asked) if n.summary == "Backups need attention"]
        assert len(attention) == 1
