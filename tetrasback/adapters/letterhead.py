"""Who writes a mail, and in which language where the configuration names none."""

import os
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tetrasback.lang.i18n import locale_languages
from tetrasback.letters.sender import Sender

MAILNAME: Final = Path("/etc/mailname")
"""The domain of this server's mail (Debian policy, 11.6)."""

LOCALES: Final = (Path("/etc/locale.conf"), Path("/etc/default/locale"))
"""The system's locale (locale.conf(5)), for a daemon that was not started by systemd."""

_READ_MAX: Final = 4096


def sender(mailname: Path = MAILNAME) -> Sender:
    """This server: its host name as the kernel has it, and the domain of its mail.

    Nothing is looked up in the DNS: no mail is to wait for it.
    """
    host = socket.gethostname()
    lines = _read(mailname).split()
    return Sender(host, lines[0] if lines else host)


def language(environment: Mapping[str, str] = os.environ, files: Sequence[Path] = LOCALES) -> str:
    """The system's language: of the daemon's environment, else of FILES; '' = English."""
    found = locale_languages(environment)
    for path in files:
        if not found:
            found = locale_languages(_assignments(_read(path)))
    return found[0] if found else ""


def _assignments(text: str) -> Mapping[str, str]:
    pairs = (line.split("=", 1) for line in text.splitlines() if "=" in line)
    return {key.strip(): value.strip().strip("\"'") for key, value in pairs}


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_READ_MAX).decode("utf-8", "replace")
    except OSError:
        return ""
