"""The typed client of `org.tetraslibre.Back.Relay`, which writes what happens into FIFOs."""

import contextlib
import os
from collections.abc import Iterator
from typing import Final

from tetrasback import names
from tetrasback.client import grants
from tetrasback.client.connection import LOST, NO_BUS
from tetrasback.client.proxy import Client
from tetrasback.client.remote import Remote
from tetrasback.errors import InvalidArgs, TetrasBackError, Unreachable
from tetrasback.lang.i18n import _
from tetrasback.wire import ClientView

EVENTS: Final = "events"
ORIGINAL: Final = "original"
FORMATS: Final = (EVENTS, ORIGINAL)
"""JSON lines (tetras-back-events(5)), or the document of the original Tetras-back."""


class Relay:
    """The relay, over the connection of CLIENT; it is started by the first call.

    Every method raises Unreachable where it does not answer, and otherwise the errors of its
    interface.
    """

    def __init__(self, client: Client) -> None:
        self._remote = Remote(
            client.connection,
            client.ask,
            names.RELAY_NAME,
            names.RELAY_PATH,
            names.RELAY_INTERFACE,
        )

    async def clients(self) -> list[ClientView]:
        """The registered FIFOs. Anyone may read them."""
        with _told_of_the_relay():
            values = await self._remote.get_all()
        return [ClientView(*item) for item in values.get("Clients", ())]

    async def register(self, path: str, form: str = EVENTS) -> list[str]:
        """Have the FIFO at PATH (absolute or not) written into from now on, in one of FORMATS.

        Before that, as the caller's own act, the relay is let to it by access control lists; comes
        back with the files whose lists were changed. Should the relay refuse, that is undone.
        """
        place = absolute(path)
        relay = await self._user()
        changed = grants.grant(place, relay)
        try:
            with _told_of_the_relay():
                await self._remote.authorised("Register", "ss", [place, form])
        except BaseException:
            if changed:
                grants.revoke(place, relay, await self._others(place))
            raise
        return changed

    async def unregister(self, path: str) -> list[str]:
        """Have it written into no longer, and take the relay's rights back; the files whose lists
        were changed."""
        place = absolute(path)
        with _told_of_the_relay():
            await self._remote.authorised("Unregister", "s", [place])
        return grants.revoke(place, await self._user(), await self._others(place))

    async def _user(self) -> int:
        """Who the relay is: the bus gives its name to the relay's user alone."""
        await self.clients()  # which starts it
        link = self._remote.connection
        (uid,) = await link.call_bus("GetConnectionUnixUser", names.RELAY_NAME, "u")
        return int(uid)

    async def _others(self, path: str) -> list[str]:
        """The FIFOs that are registered; where that cannot be known, as if PATH still were."""
        try:
            return [client.path for client in await self.clients()]
        except TetrasBackError:
            return [path]


@contextlib.contextmanager
def _told_of_the_relay() -> Iterator[None]:
    """The words of an error that would send the reader to the daemon are put right."""
    try:
        yield
    except Unreachable as error:
        if str(error) in (_(NO_BUS), _(LOST)):
            raise
        raise Unreachable(
            _("the FIFO relay does not answer; see: systemctl status tetras-back-relay")
        ) from error


def absolute(path: str) -> str:
    """PATH from the root. Raises InvalidArgs where it names no file."""
    if not path or path.endswith("/"):
        raise InvalidArgs(_("name a FIFO"))
    return os.path.abspath(path)
