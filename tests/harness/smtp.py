"""The far end of a mail's way: an SMTP server on loopback, and a real sendmail that leads there."""

import shlex
import socket
import threading
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from types import TracebackType
from typing import cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.harness.process import wait_until


class SmtpSink:
    """Takes every mail on a port of 127.0.0.1 and keeps it; `stop` and `start` as often as wanted.

    ``envelopes`` are what came, ``messages`` the same as parsed mails, in the order of arrival.
    """

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self._lock = threading.Lock()
        self._controller: Controller | None = None
        with socket.socket() as probe:  # the port stays ours in practice, and the same when stopped
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.start()

    def __enter__(self) -> "SmtpSink":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen."""
        if self._controller is None:
            self._controller = Controller(
                self, hostname="127.0.0.1", port=self.port, server_hostname="sink.example"
            )
            self._controller.start()

    def stop(self) -> None:
        """Be unreachable. What came is kept."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """As aiosmtpd calls it, in its own thread: a mail has come."""
        del server, session
        with self._lock:
            self.envelopes.append(envelope)
        return "250 kept"

    @property
    def messages(self) -> list[EmailMessage]:
        """What came, parsed, with line ends as in a mailbox."""
        with self._lock:
            found = [envelope.content for envelope in self.envelopes]
        return [
            cast(EmailMessage, message_from_bytes(content.replace(b"\r\n", b"\n"), policy=default))
            for content in found
            if isinstance(content, bytes)
        ]

    def wait(self, count: int = 1, seconds: float = 60.0) -> list[EmailMessage]:
        """The mails, once there are COUNT of them."""
        wait_until(lambda: len(self.envelopes) >= count, f"{count} mails to arrive", seconds)
        return self.messages

    def sendmail(self, directory: Path) -> Path:
        """A sendmail of root's in DIRECTORY, msmtp, that delivers to this sink."""
        settings = directory / "msmtprc"
        settings.write_text(
            f"account default\nhost 127.0.0.1\nport {self.port}\nfrom root@server.example\n"
            "timeout 10\n"
        )
        program = directory / "sendmail"
        program.write_text(f'#!/bin/sh\nexec msmtp -C {shlex.quote(str(settings))} "$@"\n')
        program.chmod(0o755)
        return program
