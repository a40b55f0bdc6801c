"""polkit: may this caller do that?

Interface: https://www.freedesktop.org/software/polkit/docs/latest/eggdbus-interface-org.freedesktop.PolicyKit1.Authority.html
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from itertools import count
from typing import Any, Final

from dbus_next.constants import MessageFlag, MessageType
from dbus_next.message import Message
from dbus_next.signature import Variant

from tetrasback import names
from tetrasback.errors import AccessDenied, AuthorizationRequired

log = logging.getLogger(__name__)

_ALLOW_USER_INTERACTION: Final = 1
_OWNER_LIMIT: Final = 10.0
_ABSENT: Final = "polkit does not answer, so that only root may do this; is polkitd running?"


class Polkit:
    """The authority. Seconds it is given: LIMIT, and INTERACTIVE_LIMIT where a person is asked."""

    def __init__(self, limit: float = 25.0, interactive_limit: float = 150.0) -> None:
        self._limit = limit
        self._interactive_limit = interactive_limit
        self._ids = count(1)

    async def check(
        self,
        call: Callable[[Message, float], Awaitable[Any]],
        sender: str,
        uid: int,
        action: str,
        interactive: bool,
        details: Mapping[str, str],
    ) -> None:
        """As in the service's `Authority`. Root passes without a question, also without polkit.

        CALL is `call(message, limit)`, which raises TimeoutError or ConnectionError.
        """
        if uid == 0:
            return
        # One of our own for every question, so that it can be taken back.
        cancellation = f"tetras-back-{next(self._ids)}"
        question = _to_polkit(
            "CheckAuthorization",
            "(sa{sv})sa{ss}us",
            [
                # A pid could belong to somebody else by now; a unique name is never used twice.
                ["system-bus-name", {"name": Variant("s", sender)}],
                action,
                {key: value for key, value in details.items() if value},
                _ALLOW_USER_INTERACTION if interactive else 0,
                cancellation,
            ],
        )
        answer = None
        try:
            answer = await call(question, self._interactive_limit if interactive else self._limit)
        except (TimeoutError, ConnectionError) as error:
            raise AccessDenied(_ABSENT) from error
        finally:
            if answer is None:
                await self._take_back(call, cancellation)
        await _check_answer(call, answer, action, interactive)

    async def _take_back(self, call: Callable[..., Awaitable[Any]], cancellation: str) -> None:
        message = _to_polkit("CancelCheckAuthorization", "s", [cancellation])
        message.flags |= MessageFlag.NO_REPLY_EXPECTED | MessageFlag.NO_AUTOSTART
        await call(message, 0.0)


async def _check_answer(
    call: Callable[..., Awaitable[Any]], answer: Message, action: str, interactive: bool
) -> None:
    """Raise unless ANSWER is polkit's own, and yes."""
    if answer.message_type is not MessageType.METHOD_RETURN or answer.signature != "(bba{ss})":
        log.warning("polkit does not answer for %s: %s", action, answer.error_name)
        raise AccessDenied(_ABSENT)
    if answer.sender != await _owner(call):
        raise AccessDenied("somebody else than polkit has answered; try again")
    allowed, challenge, details = answer.body[0]
    if allowed:
        return
    if details.get("polkit.dismissed"):
        raise AccessDenied("the password was not given; try again")
    if not challenge:
        raise AccessDenied("you may not do this; ask an administrator")
    if not interactive:
        raise AuthorizationRequired(
            "an administrator's password is needed for this; let it be asked for, or use root"
        )
    raise AccessDenied(
        "an administrator's password is needed and nothing is there to ask for it; start"
        " pkttyagent, or use root"
    )


async def _owner(call: Callable[..., Awaitable[Any]]) -> str:
    """The unique name of polkit, as the bus knows it; empty where there is none."""
    question = Message(
        destination=names.DBUS_SERVICE,
        path=names.DBUS_PATH,
        interface=names.DBUS_INTERFACE,
        member="GetNameOwner",
        signature="s",
        body=[names.POLKIT_SERVICE],
    )
    try:
        answer = await call(question, _OWNER_LIMIT)
    except (TimeoutError, ConnectionError):
        return ""
    is_name = answer.sender == names.DBUS_SERVICE and answer.signature == "s"
    return str(answer.body[0]) if is_name and not answer.error_name else ""


def _to_polkit(member: str, signature: str, body: list[Any]) -> Message:
    return Message(
        destination=names.POLKIT_SERVICE,
        path=names.POLKIT_PATH,
        interface=names.POLKIT_INTERFACE,
        member=member,
        signature=signature,
        body=body,
    )
