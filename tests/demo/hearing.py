"""Those who hear of a backup without asking, and what they have heard."""

import html
import json
import os
import re
import subprocess
from contextlib import ExitStack
from pathlib import Path

from tests.demo.show import Ctl, command, say
from tests.harness import Desktop, Relay, SmtpSink, User, wait_until
from tests.harness.desktop import Shown
from tests.harness.process import PYTHON, Process
from tetrasback.names import NOTIFIER_NAME


class Hearing:
    """A program that reads a FIFO, root's mailbox at SINK, and the desktop of USER."""

    def __init__(
        self, stack: ExitStack, ctl: Ctl, workspace: Path, sink: SmtpSink, user: User
    ) -> None:
        self._workspace = workspace
        self._sink = sink
        self._user = user
        stack.enter_context(Relay(ctl.daemon.bus, workspace))
        self._fifo(stack, ctl)
        self._desktop = stack.enter_context(Desktop(workspace, user))
        self._notifier(stack, ctl)

    def _fifo(self, stack: ExitStack, ctl: Ctl) -> None:
        fifo, read = self._workspace / "events", self._workspace / "events.read"
        command(["mkfifo", fifo])
        os.mkfifo(fifo)
        ctl("register", str(fifo))
        with read.open("wb") as output:
            reader = subprocess.Popen(["cat", fifo], stdout=output)
        stack.callback(reader.wait, 10)
        stack.callback(reader.terminate)

    def _notifier(self, stack: ExitStack, ctl: Ctl) -> None:
        place = self._desktop.directory
        session = {**self._desktop.environment, "XDG_STATE_HOME": str(place)}
        command(["tetras-back-notify", "&"], self._user)
        notifier = Process(
            self._desktop.bus.as_owner([PYTHON, "-m", "tetrasback.notifier"]),
            log=self._workspace / "notifier.log",
            env={**ctl.daemon.client_environment, **session},
        )
        stack.callback(notifier.stop)
        wait_until(
            lambda: self._desktop.bus.has_owner(NOTIFIER_NAME) or not notifier.running,
            "tetras-back-notify to own its name",
        )

    def show(self) -> None:
        """What the last backup was to all of them."""
        self._show_events()
        self._show_mail()
        self._show_notification()

    def _show_events(self) -> None:
        lines = wait_until(self._last_backup, "the FIFO to tell the end of the backup")
        command(["cat", self._workspace / "events", "|", "grep", "-v", "BackupProgress"])
        shown = [line for line in lines if _event(line) != "BackupProgress"]
        print("\n".join(shown))
        say(f"and {len(lines) - len(shown)} lines between them that told how far it was")

    def _show_mail(self) -> None:
        mails = self._sink.wait(2)  # one for each backup
        say("and by way of sendmail, a mail:")
        for name in ("From", "To", "Subject", "X-Tetras-Back-Verdict"):
            print(f"{name}: {mails[-1][name]}")
        print(f"\n{mails[-1].get_content()}", end="")

    def _show_notification(self) -> None:
        shown = wait_until(self._last_notification, "the desktop to show the end of the backup")
        say(f"and on {self._user.name}'s desktop (dunst on a screen in memory), a notification:")
        print(f"[{shown[0].summary}] {_plain(shown[0].body)}")
        say(f"which became, after {len(shown) - 2} updates in between,")
        print(f"[{shown[-1].summary}] {_plain(shown[-1].body)}")

    def _last_notification(self) -> list[Shown]:
        """How it looked over time, once it says that the disk may be unplugged; none before."""
        shown = self._desktop.shown()
        start = next((n for n, one in enumerate(shown) if "Backing up" in one.summary), len(shown))
        ended = shown[start:] and "safe to unplug" in shown[-1].summary
        return shown[start:] if ended else []

    def _last_backup(self) -> list[str]:
        """The lines from its start on, once one says that the disk may be unplugged."""
        lines = (self._workspace / "events.read").read_text().splitlines()
        events = [_event(line) for line in lines]
        start = max((n for n, event in enumerate(events) if event == "BackupStarted"), default=0)
        return lines[start:] if "SafeToUnplug" in events[start:] else []


def _event(line: str) -> str:
    return str(json.loads(line)["event"])


def _plain(body: str) -> str:
    """The text of a notification's BODY, which has markup, in one line."""
    return html.unescape(re.sub("<[^>]*>", "", body)).replace("\n", " / ")
