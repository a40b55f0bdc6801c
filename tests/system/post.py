"""A daemon whose mail goes through a real sendmail to an SMTP server on loopback."""

import json
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from pathlib import Path

from tests.harness import LoopDisk, SmtpSink, wait_until
from tests.system.scene import COPY, Scene

ADDRESS = "admin@example.org"


class Post:
    """The mail of SCENE's daemon: how it is configured, and what arrives in SINK."""

    def __init__(self, scene: Scene, sink: SmtpSink) -> None:
        self.scene = scene
        self.sink = sink
        directory = scene.workspace / "mta"
        directory.mkdir(mode=0o755)
        self.sendmail = sink.sendmail(directory)
        scene.script(COPY)

    def configure(
        self,
        saved: Mapping[str, LoopDisk | str],
        scripts: Sequence[str] = ("copy.sh",),
        *,
        mail: str = "",
        extra: str = "",
        backup: str = "",
        to: Sequence[str] = (ADDRESS,),
    ) -> str:
        """As `Scene.configure`, with mail; MAIL, BACKUP: more lines of those tables."""
        lines = [
            backup,
            "[mail]",
            f"to = {json.dumps(list(to))}",
            *([f'sendmail = "{self.sendmail}"'] if "sendmail" not in mail else []),
            mail,
            extra,
        ]
        return self.scene.configure(saved, scripts, "\n".join(lines))

    def behave(self, text: str) -> None:
        """Put a shell script in sendmail's place; `mend` brings it back."""
        self._replace(f"#!/bin/sh\n{text}\n")

    def mend(self) -> None:
        """The real one again."""
        self.sink.sendmail(self.sendmail.parent)

    def _replace(self, text: str) -> None:
        new = self.sendmail.with_name("new")
        new.write_text(text)
        new.chmod(0o755)
        new.replace(self.sendmail)

    @property
    def outbox(self) -> list[Path]:
        """Mails that the daemon keeps."""
        return sorted((self.scene.workspace / "state/outbox").glob("*.mail"))

    def subjects(self) -> list[str]:
        """What came, in order, without the part that all have in common."""
        return [str(mail["Subject"]).split(" ", 2)[2] for mail in self.sink.messages]

    def wait(self, *subjects: str, seconds: float = 60.0) -> list[EmailMessage]:
        """The mails, once these have come; no others may have."""
        wait_until(
            lambda: len(self.sink.envelopes) >= len(subjects),
            f"mails {subjects}, there are {self.subjects()}",
            seconds,
        )
        assert self.subjects() == list(subjects)
        wait_until(lambda: not self.outbox, "the outbox to be empty")
        return self.sink.messages

    def never(self, *subjects: str) -> None:
        """The daemon has ended, so nothing more can come: these came, and no others."""
        assert self.scene.daemon.stop() == 0
        assert self.subjects() == list(subjects)
