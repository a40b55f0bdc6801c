"""Those who hear of a backup without asking, and what they have heard."""

import json
import os
import subprocess
from contextlib import ExitStack
from pathlib import Path

from tests.demo.show import Ctl, command, say
from tests.harness import Relay, SmtpSink, wait_until


class Hearing:
    """Somebody who reads a FIFO, and root's mailbox."""

    def __init__(self, stack: ExitStack, ctl: Ctl, workspace: Path, sink: SmtpSink) -> None:
        self._workspace = workspace
        self._sink = sink
        stack.enter_context(Relay(ctl.daemon.bus, workspace))
        self._fifo(stack, ctl)

    def _fifo(self, stack: ExitStack, ctl: Ctl) -> None:
        fifo, read = self._workspace / "events", self._workspace / "events.read"
        command(["mkfifo", fifo])
        os.mkfifo(fifo)
        ctl("register", str(fifo))
        with read.open("wb") as output:
            reader = subprocess.Popen(["cat", fifo], stdout=output)
        stack.callback(reader.wait, 10)
        stack.callback(reader.terminate)

    def show(self) -> None:
        """What the last backup was to all of them."""
        self._show_events()
        self._show_mail()

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

    def _last_backup(self) -> list[str]:
        """The lines from its start on, once one says that the disk may be unplugged."""
        lines = (self._workspace / "events.read").read_text().splitlines()
        events = [_event(line) for line in lines]
        start = max((n for n, event in enumerate(events) if event == "BackupStarted"), default=0)
        return lines[start:] if "SafeToUnplug" in events[start:] else []


def _event(line: str) -> str:
    return str(json.loads(line)["event"])
