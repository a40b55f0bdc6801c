"""Mail to people: written, kept on the server's disk, handed to sendmail, tried until it is taken.

A letter is in safe hands once it lies in the outbox (or was handed over, where nothing can be
written). It is removed there after sendmail has taken it, so that a crash between the two sends it
a second time, with the same Message-ID, rather than never. One worker sends, one mail at a time; a
mail that fails goes behind those that have failed less often, so that it holds up no other.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tetrasback.adapters import letterhead
from tetrasback.adapters.outbox import MOST, Outbox, key_of
from tetrasback.adapters.sendmail import NotSent, hand_over
from tetrasback.config.model import MailConfig
from tetrasback.core.news import BackupEnded, JobEnded, Letter
from tetrasback.core.state import Verdict
from tetrasback.lang import i18n
from tetrasback.letters.sender import Sender
from tetrasback.ports import Logs

log = logging.getLogger(__name__)

FIRST_RETRY: Final = 60.0
LAST_RETRY: Final = 3600.0
"""Seconds until a failed mail is tried again: twice as long each time, up to this."""

CLOSING: Final = 3.0
"""Seconds that the end of the daemon waits for a mail to be taken."""


@dataclass(slots=True)
class _Waiting:
    """A mail that waits; ``mail`` holds it only where it could not be written into the outbox."""

    key: str
    name: str
    mail: bytes = b""
    attempts: int = 0
    safe: asyncio.Event | None = None


class Mail:
    """`ports.Mail`. OUTBOX is the directory for mails that wait, LOGS where backups' logs are."""

    def __init__(
        self,
        outbox: Path,
        logs: Logs,
        *,
        sender: Callable[[], Sender] = letterhead.sender,
        first_retry: float = FIRST_RETRY,
        owner: int = 0,
    ) -> None:
        self._outbox = Outbox(outbox)
        self._logs = logs
        self._sender = sender
        self._first_retry = first_retry
        self._owner = owner
        self._settings: MailConfig | None = None
        self._waiting: list[_Waiting] = []
        self._dropped = 0
        self._failures = 0
        self._reason = ""
        self._told: Callable[[str], None] = lambda trouble: None
        self._trouble = ""
        self._wake = asyncio.Event()
        self._posting = asyncio.Lock()
        self._closing = False
        self._worker: asyncio.Task[None] | None = None

    def start(self, told: Callable[[str], None]) -> None:
        """Begin with the letters that an earlier life of the daemon has left."""
        self._told = told
        self._waiting = [_Waiting(key_of(name), name) for name in self._outbox.names()]
        self._wake.set()
        self._worker = asyncio.create_task(self._work(), name="mail")

    def configure(self, settings: MailConfig) -> None:
        """From now on send in this way, and try at once."""
        self._settings = settings
        self._failures = 0
        self._wake.set()

    async def post(self, letter: Letter, language: str) -> None:
        """Write it: back when it is in safe hands."""
        if self._settings is not None and not self._settings.to:
            return
        text = await self._log_of(letter)
        key, mail = await asyncio.to_thread(self._compose, letter, language, text)
        async with self._posting:  # or the same letter, posted twice at once, is kept twice
            if any(item.key == key for item in self._waiting):
                return
            item = _Waiting(key, "", mail)
            if not await self._keep(item):
                item.safe = asyncio.Event()
            self._waiting.append(item)
        self._bound()
        self._wake.set()
        if item.safe is not None:
            await item.safe.wait()

    async def close(self) -> None:
        """Send what is new, for some seconds; the rest is kept for the next life."""
        self._closing = True
        self._wake.set()
        if self._worker is not None:
            await asyncio.wait([self._worker], timeout=CLOSING)
            self._worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._worker

    # --- writing --------------------------------------------------------------------------------

    async def _log_of(self, letter: Letter) -> str:
        match letter:
            case BackupEnded(ended) | JobEnded(ended):
                if ended.verdict in (Verdict.FAILED, Verdict.INTERRUPTED):
                    return await self._logs.read(ended.id)
        return ""

    def _compose(self, letter: Letter, language: str, text: str) -> tuple[str, bytes]:
        from tetrasback.letters.message import compose  # brings Python's email along

        with i18n.using(language or letterhead.language()):
            made = compose(letter, self._sender(), text)
        return made.key, made.data

    async def _keep(self, item: _Waiting) -> bool:
        """Put it into the outbox, if anything can be written there."""
        now = time.time_ns() // 1000
        try:
            item.name, gone = await asyncio.to_thread(self._outbox.add, item.key, item.mail, now)
        except OSError as error:
            log.error("a mail cannot be kept: %s", error)
            return False
        item.mail = b""
        if gone:
            there = set(self._outbox.names())
            self._drop([old for old in self._waiting if old.name and old.name not in there])
        if item.safe is not None:
            item.safe.set()
        return True

    def _bound(self) -> None:
        """What cannot be written into the outbox is bounded here."""
        unwritten = [item for item in self._waiting if not item.name]
        self._drop(unwritten[:-MOST])

    def _drop(self, items: Sequence[_Waiting]) -> None:
        """There is no more room for them."""
        for item in items:
            self._dropped += 1
            log.error("a mail that waited for too long had to be dropped: %s", item.key)
            self._waiting.remove(item)
            if item.safe is not None:
                item.safe.set()

    # --- sending --------------------------------------------------------------------------------

    async def _work(self) -> None:
        while not self._closing:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._pause())
            self._wake.clear()
            try:
                await self._round()
            except Exception:  # the mails are still there, and the next round may do better
                log.exception("mail")
                self._failures += 1
            self._tell()

    def _pause(self) -> float | None:
        """Seconds until the next round; None: until there is something new."""
        if not self._waiting or not self._failures:
            return None
        return min(self._first_retry * 2.0 ** min(self._failures - 1, 20), LAST_RETRY)

    async def _round(self) -> None:
        """Send what waits, up to the first that fails."""
        settings = self._settings
        while settings is not None and self._waiting:
            item = min(self._waiting, key=lambda waiting: waiting.attempts)
            if self._closing and item.attempts:
                return  # tried before: it can wait for the next life
            if not settings.to:
                await self._done(item)
                continue
            if item.mail:
                await self._keep(item)
            try:
                await self._send(item, settings)
            except NotSent as error:
                item.attempts += 1
                self._failed(error)
                return
            self._failures = 0
            log.info("mail sent to %s: %s", ", ".join(settings.to), item.key)
            await self._done(item)

    async def _send(self, item: _Waiting, settings: MailConfig) -> None:
        from tetrasback.letters.message import addressed

        mail = item.mail
        if not mail:
            try:
                mail = await asyncio.to_thread(self._outbox.read, item.name)
            except FileNotFoundError:
                return  # somebody has removed it
            except OSError as error:
                raise NotSent(f"a mail cannot be read: {error.strerror}") from error
        complete = addressed(mail, settings.to)
        await hand_over(settings.sendmail, settings.to, complete, owner=self._owner)

    async def _done(self, item: _Waiting) -> None:
        """It is sent, or not wanted."""
        if item in self._waiting:
            self._waiting.remove(item)
        if item.name:
            await asyncio.to_thread(self._outbox.remove, item.name)
        if item.safe is not None:
            item.safe.set()

    def _failed(self, error: NotSent) -> None:
        self._failures += 1
        if error.reason != self._reason:
            log.warning("mail is not sent: %s%s", error.reason, error.said and f": {error.said}")
        self._reason = error.reason

    def _tell(self) -> None:
        trouble = ""
        if self._waiting and self._failures:
            count = len(self._waiting)
            waits = f"{count} mails wait" if count != 1 else "1 mail waits"
            dropped = f"; {self._dropped} older ones had to be dropped" if self._dropped else ""
            trouble = f"{waits} to be sent: {self._reason}{dropped}"
        if not self._waiting:
            self._dropped, self._reason = 0, ""
        if trouble != self._trouble:
            self._trouble = trouble
            self._told(trouble)
