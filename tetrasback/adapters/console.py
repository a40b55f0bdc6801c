"""A line and a beep where somebody stands at a server without a screen session.

The first virtual console: it is what a screen shows that is plugged into a running server, and the
kernel lets its bell sound on the speaker whether or not it is the one that is shown.
``/dev/console`` may be a serial line that nobody hears.
"""

import logging
import os
import stat
import threading
from pathlib import Path
from typing import Final

from tetrasback.adapters import letterhead
from tetrasback.core.news import Call
from tetrasback.lang import i18n

log = logging.getLogger(__name__)

CONSOLE: Final = Path("/dev/tty1")
BELL: Final = "\a"


class Console:
    """`ports.Console` on the terminal at PATH, where there is one."""

    def __init__(self, path: Path = CONSOLE) -> None:
        self._path = path

    async def call_out(self, call: Call, language: str) -> None:
        """A line and a beep; nothing waits for a terminal that takes neither."""
        from tetrasback.letters.console import called_out  # seldom wanted

        with i18n.using(language or letterhead.language()):
            text = f"\r\n{called_out(call)}{BELL}\r\n"
        # A thread that dies with us: closing a terminal may wait for a modem.
        threading.Thread(
            target=self._write, args=(text.encode(),), name="console", daemon=True
        ).start()

    def _write(self, data: bytes) -> None:
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        try:
            terminal = os.open(self._path, flags)
            try:
                if stat.S_ISCHR(os.fstat(terminal).st_mode):
                    os.write(terminal, data)  # what does not fit is lost, as on any console
            finally:
                os.close(terminal)
        except OSError as error:
            log.info("nothing could be said on %s: %s", self._path, error.strerror)
