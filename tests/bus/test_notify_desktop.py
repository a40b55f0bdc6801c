"""Notifications as a person sees them: a real dunst, a real polkit, the daemon with simulated
disks, and the buttons pressed by an unprivileged user."""

import os
import pty
import select
import subprocess
import termios
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.harness import Daemon, Desktop, Notifier, Polkitd, PrivateBus, User, run, wait_until
from tests.harness.desktop import Shown
from tests.harness.polkit import at_the_usual_place
from tests.harness.users import command_as

UUID = "00000000-0000-4000-8000-000000000000"
PASSWORD = "Sesame-ouvre-toi-7"
ALLOW = """
polkit.addRule(function (action, subject) {
    if (action.id.indexOf("org.tetraslibre.back.") === 0 && subject.user === "%s") {
        return polkit.Result.YES;
    }
});
"""
REFUSE = """
polkit.addRule(function (action, subject) {
    if (action.id.indexOf("org.tetraslibre.back.") === 0) { return polkit.Result.NO; }
});
"""


class Seat:
    """A user before a screen, and an administrator elsewhere."""

    def __init__(self, desktop: Desktop, notifier: Notifier, daemon: Daemon) -> None:
        self.desktop = desktop
        self.notifier = notifier
        self.daemon = daemon

    def sees(self, text: str, seconds: float = 60.0) -> Shown:
        """What is shown with TEXT in it, once it is."""

        def found() -> list[Shown]:
            return [
                shown for shown in self.desktop.shown() if text in f"{shown.summary}\n{shown.body}"
            ]

        return wait_until(found, f"a notification with {text!r}", seconds)[-1]

    def about(self, name: str) -> list[Shown]:
        """All that was shown about the disk NAME."""
        return [shown for shown in self.desktop.shown() if name in shown.summary]

    def ctl(self, *words: str) -> str:
        """The administrator's command line."""
        return run(self.daemon.ctl(*words), env=self.daemon.client_environment).stdout


@pytest.fixture
def seat(
    bus: PrivateBus, workspace: Path, desktop: Desktop, daemon_factory: Callable[..., Daemon]
) -> Iterator[Callable[..., Seat]]:
    """`seat(rules)`: polkit with these extra rules, the daemon and the notifier."""
    with ExitStack() as stack:

        def make(rules: str, **environment: str) -> Seat:
            stack.enter_context(Polkitd(bus, rules))
            daemon = daemon_factory(sim=True)
            notifier = stack.enter_context(
                Notifier(bus, desktop.bus, workspace, {**desktop.environment, **environment})
            )
            return Seat(desktop, notifier, daemon)

        yield make


def test_from_a_new_disk_to_a_backup_without_the_command_line(
    seat: Callable[..., Seat], user: User
) -> None:
    me = seat(ALLOW % user.name)
    offer = me.sees("New disk: backup")
    assert "Save it as “backup” to back up this server onto it." in offer.body
    me.desktop.press("Save this disk")
    saved = me.sees("Saved as backup")
    assert f"tetras-backctl save {UUID}=…" in saved.body
    assert "backup" in me.ctl("disks")
    me.desktop.press("Back up now")
    safe = me.sees("backup is safe to unplug")
    assert (safe.urgency, safe.timeout, safe.progress) == ("normal", 0, -1)
    assert safe.body.startswith("Backup complete: 3.2 GB in 20000 files, ")
    progress = me.about("Backing up onto backup")
    assert {shown.id for shown in progress} == {safe.id}  # one that was updated
    assert len(progress) <= 6  # in some 3 s
    assert progress[0].urgency == "normal"
    assert {shown.urgency for shown in progress[1:]} == {"low"}
    bars = [shown.progress for shown in progress if shown.progress >= 0]
    assert bars == sorted(bars)
    assert bars
    assert "Leave the disk plugged in." in progress[0].body


def test_a_backup_is_cancelled_from_its_notification(seat: Callable[..., Seat], user: User) -> None:
    me = seat(ALLOW % user.name)
    me.ctl("save", f"{UUID}=bleu")
    me.ctl("backup", "bleu", "--no-wait")
    me.sees("Backing up onto bleu")
    me.desktop.press("Cancel")
    ended = me.sees("Backup on bleu cancelled")
    assert "The disk is safe to unplug." in ended.body
    assert '"verdict": "cancelled"' in me.ctl("history", "--json")


def test_whom_polkit_refuses_is_told_so(seat: Callable[..., Seat]) -> None:
    me = seat(REFUSE)
    me.sees("New disk: backup")
    me.desktop.press("Save this disk")
    again = me.sees("You may not do this")
    assert again.summary == "New disk: backup"
    assert "“bleu”" not in me.ctl("disks")
    me.desktop.press("Save this disk")  # the button has come back with it


def test_where_nobody_can_ask_for_the_password_that_is_said(seat: Callable[..., Seat]) -> None:
    me = seat("")
    me.sees("New disk: backup")
    me.desktop.press("Save this disk")
    again = me.sees("password is needed and nothing is there to ask for it")
    assert again.summary == "New disk: backup"


def test_the_agent_of_the_session_asks_for_the_password(
    seat: Callable[..., Seat], user: User
) -> None:
    run(["chpasswd"], text_input=f"{user.name}:{PASSWORD}\n")
    me = seat(f'polkit.addAdminRule(function() {{ return ["unix-user:{user.name}"]; }});')
    me.sees("New disk: backup")
    with Agent(me.daemon.bus, me.notifier, user) as agent:
        me.desktop.press("Save this disk")
        assert "to save the disk backup for backups" in agent.answer(PASSWORD)
        me.sees("Saved as backup")


class Agent:
    """A polkit agent on a terminal, in place of the desktop's, for what USER does in NOTIFIER."""

    def __init__(self, bus: PrivateBus, notifier: Notifier, user: User) -> None:
        self._terminal, theirs = pty.openpty()
        pid = str(notifier.process.pid)
        command = command_as(user, ["pkttyagent", "--process", pid, "--notify-fd", "1"])
        command.remove("--no-new-privs")  # its helper is set-uid
        self._process = subprocess.Popen(
            ["setsid", "-c", "-w", *at_the_usual_place(bus, command)],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
            env=notifier.environment,
        )
        os.close(theirs)
        assert self._process.stdout is not None
        self._process.stdout.read()  # it closes that once it is registered

    def __enter__(self) -> "Agent":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
        os.close(self._terminal)

    def answer(self, password: str) -> str:
        """Type PASSWORD when it is asked for; what was said until then."""
        said = ""
        while not said.endswith("Password: "):
            assert select.select([self._terminal], [], [], 20)[0], said
            said += os.read(self._terminal, 4096).decode()
        # What is typed before the terminal stops echoing is thrown away.
        wait_until(self._hides_what_is_typed, "the terminal to hide the password")
        os.write(self._terminal, f"{password}\n".encode())
        return said

    def _hides_what_is_typed(self) -> bool:
        return not termios.tcgetattr(self._terminal)[3] & termios.ECHO


def test_names_of_strangers_are_text(seat: Callable[..., Seat], user: User) -> None:
    me = seat(ALLOW % user.name)
    me.ctl("save", f"{UUID}=<b>&amp;<img src='/etc/passwd'>")
    me.ctl("backup", UUID, "--no-wait")
    running = me.sees("Backing up onto <b>&amp;<img src='/etc/passwd'>")
    assert "<" not in running.body


def test_it_speaks_the_language_of_its_user(seat: Callable[..., Seat]) -> None:
    me = seat("", LC_ALL="fr_FR.UTF-8")
    me.sees("537\N{NO-BREAK SPACE}Go")


def test_a_person_who_logs_in_again_is_not_told_again(seat: Callable[..., Seat]) -> None:
    me = seat("")
    me.sees("New disk: backup")
    me.sees("USB STICK cannot hold backups")
    me.sees("Simulated disk cannot hold backups")
    me.sees("has no file system for backups")
    told = len(me.desktop.shown())
    assert me.desktop.on_screen() == 4
    assert me.notifier.stop() == 0
    assert me.desktop.on_screen() == 3  # what had a button has gone with it
    me.notifier.start()
    me.ctl("save", f"{UUID}=bleu")
    me.ctl("backup", UUID, "--no-wait")
    me.sees("bleu is safe to unplug")
    assert not [shown for shown in me.desktop.shown()[told:] if "bleu" not in shown.summary]
