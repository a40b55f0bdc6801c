"""An object of a service on the bus, as a client calls it."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final

from tetrasback import names
from tetrasback.client.connection import CALL_LIMIT, Link
from tetrasback.errors import AuthorizationRequired

PASSWORD_LIMIT: Final = 10 * 60.0
"""Seconds that a person may take to find the password."""

Ask = Callable[[], AbstractAsyncContextManager[None]]
"""Makes a context in which a password can be asked for."""


@dataclass(frozen=True, slots=True)
class Remote:
    """The object PATH of the service NAME, and INTERFACE, the one of its own.

    ASK is entered when the service wants a password, and the call is made again inside; None: the
    user is never asked, and such calls raise AuthorizationRequired.
    """

    connection: Link
    ask: Ask | None
    name: str
    path: str
    interface: str

    async def call(
        self,
        member: str,
        signature: str = "",
        body: Sequence[Any] = (),
        *,
        expects: str = "",
        interactive: bool = False,
        limit: float = CALL_LIMIT,
    ) -> list[Any]:
        """Call a method; see `Link.call`."""
        return await self.connection.call(
            self.name,
            self.path,
            self.interface,
            member,
            signature,
            body,
            expects=expects,
            interactive=interactive,
            limit=limit,
        )

    async def authorised(
        self,
        member: str,
        signature: str,
        body: Sequence[Any],
        *,
        expects: str = "",
        limit: float = CALL_LIMIT,
    ) -> list[Any]:
        """Call a method that polkit must allow."""
        # First without a question: most callers may, and then no agent need be started.
        try:
            return await self.call(member, signature, body, expects=expects, limit=limit)
        except AuthorizationRequired:
            if self.ask is None:
                raise
        async with self.ask():
            return await self.call(
                member,
                signature,
                body,
                expects=expects,
                interactive=True,
                limit=max(limit, PASSWORD_LIMIT),
            )

    async def get_all(self, path: str = "", interface: str = "") -> dict[str, Any]:
        """Properties, by default of the object's own interface."""
        (values,) = await self.connection.call(
            self.name,
            path or self.path,
            names.PROPERTIES_INTERFACE,
            "GetAll",
            "s",
            [interface or self.interface],
            expects="a{sv}",
        )
        return dict(values)
