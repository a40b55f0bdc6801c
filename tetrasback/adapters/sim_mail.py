"""Letters and calls that go nowhere (see `sim`)."""

import logging
from collections.abc import Callable

from tetrasback.config.model import MailConfig
from tetrasback.core.news import Call, Letter

log = logging.getLogger(__name__)


class SimMail:
    """`ports.Mail`: ``letters`` are those that were posted, ``told`` takes a trouble."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.languages: list[str] = []
        self.settings = MailConfig()
        self.told: Callable[[str], None] = lambda trouble: None

    def start(self, told: Callable[[str], None]) -> None:
        """As `ports.Mail.start`."""
        self.told = told

    def configure(self, settings: MailConfig) -> None:
        """As `ports.Mail.configure`."""
        self.settings = settings

    async def post(self, letter: Letter, language: str) -> None:
        """As `ports.Mail.post`."""
        log.info("mail to %s: %s", ", ".join(self.settings.to), type(letter).__name__)
        self.letters.append(letter)
        self.languages.append(language)

    async def close(self) -> None:
        """Nothing waits."""


class SimConsole:
    """`ports.Console`: ``calls`` are those that were called out."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    async def call_out(self, call: Call, language: str) -> None:
        """As `ports.Console.call_out`."""
        del language
        self.calls.append(call)
