"""logind's inhibitor lock: no sleep, no shutdown, no closed lid while a backup runs.

The lock is a descriptor that logind sends. It is fetched over a connection of its own, without a
name and closed at once, in a thread with a time limit, by `dbuscall`: the D-Bus library leaks
every descriptor that a stranger sends to a connection that takes descriptors, and the connection.
"""

import asyncio
import logging
import os
from collections.abc import Mapping
from typing import Final

from tetrasback.adapters.dbuscall import Connection, Refused
from tetrasback.names import (
    DBUS_INTERFACE,
    DBUS_PATH,
    DBUS_SERVICE,
    LOGIND_INTERFACE,
    LOGIND_PATH,
    LOGIND_SERVICE,
)

log = logging.getLogger(__name__)

WHAT: Final = "sleep:shutdown:handle-lid-switch"
WHO: Final = "Tetras-back"
LIMIT: Final = 10.0
"""Seconds for the whole exchange."""


class Inhibitor:
    """`ports.Inhibitor`, on the system bus (``DBUS_SYSTEM_BUS_ADDRESS`` moves it)."""

    def __init__(self, *, limit: float = LIMIT, environment: Mapping[str, str] = os.environ):
        self._limit = limit
        self._environment = environment
        self._lock = -1

    async def hold(self, why: str) -> None:
        """Take the lock where logind is on the bus; otherwise do nothing. Never raises for it."""
        if self._lock >= 0:
            return
        try:
            self._lock = await asyncio.to_thread(self._inhibit, why)
        except TimeoutError:
            log.warning("logind did not answer: the computer may go to sleep during the backup")
        except (OSError, EOFError, ValueError, Refused) as error:
            log.warning("no inhibitor lock from logind: %s", error)

    async def release(self) -> None:
        """Give it back."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _inhibit(self, why: str) -> int:
        """The lock as a descriptor, -1 where there is no logind."""
        with Connection(self._environment, self._limit) as bus:
            # Asked first, so that logind is not started where it does not run.
            there = bus.call(
                DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE, "NameHasOwner", LOGIND_SERVICE
            )
            if there.flag() is not True:
                return -1
            return bus.call(
                *(LOGIND_SERVICE, LOGIND_PATH, LOGIND_INTERFACE, "Inhibit"),
                *(WHAT, WHO, why, "block"),
            ).descriptor()
