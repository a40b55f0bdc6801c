"""Letters from the daemon to sendmail: kept, tried again, in no one's way."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import cast

import pytest

from tests.harness import wait_until
from tests.unit.letters.samples import ended
from tetrasback.adapters.mail import Mail
from tetrasback.adapters.outbox import MOST
from tetrasback.adapters.sim_records import SimLogs
from tetrasback.config.model import MailConfig
from tetrasback.core.news import BackupEnded
from tetrasback.letters.sender import Sender

TAKE = """name=$(date +%s%N)
cat >"$here/taken/.$name" && mv "$here/taken/.$name" "$here/taken/$name"
"""
"""A sendmail that takes mails into a directory."""


class Office:
    """A directory with a sendmail, an outbox and a place where sent mails arrive."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.outbox = directory / "outbox"
        self.taken = directory / "taken"
        self.taken.mkdir()
        self.program = directory / "sendmail"
        self.logs = SimLogs()
        self.told: list[str] = []
        self.behave(TAKE)

    def behave(self, text: str) -> None:
        """From now on sendmail does this."""
        new = self.directory / "new"
        new.write_text(f"#!/bin/bash\nhere={self.directory}\n{text}\n")
        new.chmod(0o755)
        new.replace(self.program)

    @property
    def settings(self) -> MailConfig:
        return MailConfig(to=("root",), sendmail=str(self.program))

    @asynccontextmanager
    async def mail(self, first_retry: float = 3600.0) -> AsyncIterator[Mail]:
        """The adapter, running and configured; closed at the end."""
        made = Mail(
            self.outbox,
            self.logs,
            sender=lambda: Sender("serveur", "example.org"),
            first_retry=first_retry,
            owner=os.getuid(),
        )
        made.start(self.told.append)
        made.configure(self.settings)
        try:
            yield made
        finally:
            await made.close()

    def arrived(self) -> list[EmailMessage]:
        """What sendmail took, in order."""
        paths = sorted(path for path in self.taken.iterdir() if path.name[0] != ".")
        parsed = (message_from_bytes(path.read_bytes(), policy=default) for path in paths)
        return [cast(EmailMessage, message) for message in parsed]

    def subjects(self) -> list[str]:
        return [
            message["Subject"].removeprefix("[Tetras-back] serveur ") for message in self.arrived()
        ]

    def waiting(self) -> int:
        return len(list(self.outbox.glob("*.mail"))) if self.outbox.exists() else 0


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def news(number: int = 1, verdict: str = "success") -> BackupEnded:
    letter = ended(verdict)
    return replace(letter, backup=replace(letter.backup, id=number, name=f"disk-{number}"))


async def becomes(condition: Callable[[], object], what: str) -> None:
    await asyncio.to_thread(wait_until, condition, what)


async def test_letter_arrives_with_its_address_and_nothing_is_kept(office: Office) -> None:
    async with office.mail() as mail:
        await mail.post(news(), "en")
        await becomes(office.arrived, "the mail")
        await becomes(lambda: not office.waiting(), "the outbox to be empty")
    (message,) = office.arrived()
    assert message["To"] == "root"
    assert message["Subject"] == "[Tetras-back] serveur success: disk-1"
    assert office.told == []


async def test_failure_brings_the_end_of_its_log(office: Office) -> None:
    office.logs.lines[1] = [f"line {number}\n" for number in range(100)]
    async with office.mail() as mail:
        await mail.post(news(verdict="failed"), "en")
        await becomes(office.arrived, "the mail")
    text = office.arrived()[0].get_content()
    assert "line 99" in text
    assert "line 50" not in text


async def test_letter_is_kept_before_it_is_sent(office: Office) -> None:
    office.behave("sleep 1000")
    async with office.mail() as mail:
        await mail.post(news(), "en")
        assert office.waiting() == 1


async def test_what_is_not_taken_is_told_and_tried_again(office: Office) -> None:
    office.behave('echo "no way" >&2; exit 75')
    async with office.mail(first_retry=0.05) as mail:
        await mail.post(news(), "en")
        await becomes(lambda: office.told, "the trouble to be told")
        wanted = f"1 mail waits to be sent: {office.program} ended with status 75"
        assert office.told == [wanted]
        office.behave(TAKE)
        await becomes(lambda: office.told[-1] == "", "the trouble to be over")
    assert office.subjects() == ["success: disk-1"]
    assert office.waiting() == 0


async def test_what_is_not_taken_is_sent_by_the_next_life(office: Office) -> None:
    office.behave("exit 75")
    async with office.mail() as mail:
        for number in (1, 2):
            await mail.post(news(number), "en")
        await becomes(lambda: office.told, "the trouble to be told")
    office.behave(TAKE)
    async with office.mail():
        await becomes(lambda: len(office.arrived()) == 2, "the mails")
    assert office.subjects() == ["success: disk-1", "success: disk-2"]
    assert office.waiting() == 0


async def test_letter_that_is_kept_already_is_not_sent_twice(office: Office) -> None:
    office.behave("exit 75")
    async with office.mail() as mail:
        await mail.post(news(), "en")
    async with office.mail() as mail:
        await mail.post(news(), "en")
        office.behave(TAKE)
        mail.configure(office.settings)
        await becomes(lambda: not office.waiting(), "the outbox to be empty")
    assert office.subjects() == ["success: disk-1"]


async def test_a_mail_that_nobody_takes_holds_up_no_other(office: Office) -> None:
    office.behave(
        'cat >"$here/this"; grep -q disk-1 "$here/this" && exit 65; exec <"$here/this"\n' + TAKE
    )
    async with office.mail(first_retry=0.05) as mail:
        for number in (1, 2, 3):
            await mail.post(news(number), "en")
        await becomes(lambda: len(office.arrived()) == 2, "the others")
        await becomes(lambda: office.told and "1 mail waits" in office.told[-1], "what is left")
    assert sorted(office.subjects()) == ["success: disk-2", "success: disk-3"]


async def test_a_hanging_sendmail_keeps_neither_posting_nor_the_end_waiting(office: Office) -> None:
    office.behave("trap '' TERM; sleep 1000 & wait; wait")
    began = time.monotonic()
    async with office.mail() as mail:
        for number in range(5):
            await mail.post(news(number), "en")
    assert time.monotonic() - began < 10
    assert office.waiting() == 5


async def test_the_end_of_the_daemon_still_sends_what_is_new(office: Office) -> None:
    async with office.mail() as mail:
        await mail.post(news(), "en")
    assert office.subjects() == ["success: disk-1"]


async def test_where_nothing_can_be_kept_a_letter_is_safe_when_it_is_sent(office: Office) -> None:
    office.outbox.write_text("no directory")
    office.behave("exit 75")
    async with office.mail(first_retry=0.05) as mail:
        posting = asyncio.ensure_future(mail.post(news(), "en"))
        await becomes(lambda: office.told, "the trouble to be told")
        assert not posting.done()
        office.behave(TAKE)
        async with asyncio.timeout(10):
            await posting
    assert office.subjects() == ["success: disk-1"]


async def test_letters_that_can_be_neither_kept_nor_sent_are_bounded(office: Office) -> None:
    office.outbox.write_text("no directory")
    office.behave("exit 75")
    async with office.mail() as mail:
        posts = [asyncio.ensure_future(mail.post(news(n), "en")) for n in range(MOST + 5)]
        await becomes(lambda: sum(post.done() for post in posts) == 5, "the oldest to be dropped")
        mail.configure(office.settings)
        await becomes(
            lambda: office.told and "5 older ones" in office.told[-1], "the loss to be told"
        )
        for post in posts:
            post.cancel()


async def test_what_makes_room_is_counted(office: Office) -> None:
    office.behave("exit 75")
    async with office.mail() as mail:
        for number in range(MOST + 3):
            await mail.post(news(number), "en")
        mail.configure(office.settings)
        await becomes(lambda: office.told and "3 older ones" in office.told[-1], "the count")
        assert f"{MOST} mails wait" in office.told[-1]
    assert office.waiting() == MOST


async def test_no_address_nothing_is_sent_and_what_waits_is_forgotten(office: Office) -> None:
    office.behave("exit 75")
    async with office.mail() as mail:
        await mail.post(news(1), "en")
        await becomes(lambda: office.told, "the trouble to be told")
        mail.configure(replace(office.settings, to=()))
        await becomes(lambda: office.told[-1] == "", "the trouble to be over")
        await mail.post(news(2), "en")
    assert office.waiting() == 0


async def test_mail_goes_to_the_addresses_of_now(office: Office) -> None:
    office.behave("exit 75")
    async with office.mail() as mail:
        await mail.post(news(), "en")
        await becomes(lambda: office.told, "the trouble to be told")
        office.behave(TAKE)
        mail.configure(replace(office.settings, to=("new@example.org",)))
        await becomes(office.arrived, "the mail")
    assert office.arrived()[0]["To"] == "new@example.org"


async def test_no_sendmail_at_all_is_told_with_what_to_do(office: Office) -> None:
    office.program.unlink()
    async with office.mail() as mail:
        await mail.post(news(), "en")
        await becomes(lambda: office.told, "the trouble to be told")
    assert "install a mail server" in office.told[0]
