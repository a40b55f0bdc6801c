"""Tells systemd how the service does, by sd_notify(3)'s protocol. Without systemd: nothing.

Nothing here raises: a service manager that does not listen is no reason to stop backing up.
"""

import asyncio
import os
import socket
from collections.abc import Mapping
from typing import Final

STATUS_MAX: Final = 200
"""Characters of a status line."""


def ready() -> None:
    """Start-up is over."""
    _send("READY=1")


def status(text: str) -> None:
    """One line for ``systemctl status``."""
    line = "".join(char if char.isprintable() else " " for char in text)
    _send(f"STATUS={line[:STATUS_MAX]}")


def stopping() -> None:
    """The service is ending."""
    _send("STOPPING=1")


def watchdog() -> None:
    """Still alive."""
    _send("WATCHDOG=1")


def extend_timeout(microseconds: int) -> None:
    """Starting or stopping takes that much longer from now."""
    _send(f"EXTEND_TIMEOUT_USEC={microseconds}")


def watchdog_interval(environment: Mapping[str, str] = os.environ) -> float | None:
    """Seconds between two `watchdog` calls, half of what systemd allows; None = not wanted.

    From WATCHDOG_USEC and WATCHDOG_PID, as sd_watchdog_enabled(3).
    """
    allowed = environment.get("WATCHDOG_USEC", "")
    meant = environment.get("WATCHDOG_PID", "")
    if not (allowed.isascii() and allowed.isdigit() and int(allowed) > 0):
        return None
    if meant and meant != str(os.getpid()):
        return None
    return int(allowed) / 2_000_000


async def beat() -> None:
    """As long as the loop turns, systemd's watchdog is told so. Returns where there is none."""
    interval = watchdog_interval()
    while interval:
        watchdog()
        await asyncio.sleep(interval)


def _send(message: str) -> None:
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address[0] == "@":  # stands for the NUL of an abstract address
        address = "\0" + address[1:]
    flags = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
    try:
        with socket.socket(socket.AF_UNIX, flags) as sender:
            sender.sendto(message.encode("utf-8", "replace"), address)
    except OSError:
        return
