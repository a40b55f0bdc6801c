"""Answers that a real polkit does not give: nothing but its own clear yes lets anybody in."""

from collections.abc import Sequence
from typing import Any

import pytest
from dbus_next.constants import MessageFlag, MessageType
from dbus_next.message import Message

from tetrasback.errors import AccessDenied, AuthorizationRequired
from tetrasback.service.polkit import Polkit

POLKIT, BUS = ":1.2", "org.freedesktop.DBus"


def answer(sender: str, signature: str, body: Sequence[Any], error: str | None = None) -> Message:
    return Message(
        message_type=MessageType.ERROR if error else MessageType.METHOD_RETURN,
        error_name=error,
        reply_serial=1,
        sender=sender,
        signature=signature,
        body=list(body),
    )


def decision(allowed: bool, challenge: bool, sender: str = POLKIT, **details: str) -> Message:
    return answer(sender, "(bba{ss})", [[allowed, challenge, details]])


class Bus:
    """Answers CheckAuthorization with what it was given; knows polkit by its unique name."""

    def __init__(self, given: Message | Exception) -> None:
        self.given = given
        self.members: list[str] = []
        self.asked: list[Any] = []

    async def call(self, message: Message, limit: float) -> Message | None:
        self.members.append(message.member)
        if message.member == "GetNameOwner":
            return answer(BUS, "s", [POLKIT])
        if message.flags & MessageFlag.NO_REPLY_EXPECTED:
            return None
        self.asked = message.body
        if isinstance(self.given, Exception):
            raise self.given
        return self.given


async def ask(bus: Bus, uid: int = 1000, interactive: bool = False) -> None:
    details = {"disk": "bleu", "device": ""}
    await Polkit().check(bus.call, ":1.7", uid, "org.x.do", interactive, details)


async def test_yes_of_polkit_lets_in_and_the_subject_is_the_bus_name() -> None:
    bus = Bus(decision(True, False))
    await ask(bus, interactive=True)
    subject, action, details, flags, cancellation = bus.asked
    assert (subject[0], subject[1]["name"].value) == ("system-bus-name", ":1.7")
    assert (action, details, flags) == ("org.x.do", {"disk": "bleu"}, 1)
    assert cancellation


async def test_root_is_not_asked_about() -> None:
    bus = Bus(decision(False, False))
    await ask(bus, uid=0)
    assert bus.members == []


@pytest.mark.parametrize(
    ("given", "interactive", "error"),
    [
        (decision(True, False, sender=":1.666"), False, "somebody else"),
        (decision(False, False), False, "you may not"),
        (decision(False, True), True, "nothing is there to ask"),
        (decision(False, False, **{"polkit.dismissed": "1"}), True, "was not given"),
        (answer(POLKIT, "", []), False, "only root"),
        (answer(POLKIT, "s", ["yes"]), False, "only root"),
        (answer(BUS, "s", ["no such name"], "org.freedesktop.DBus.Error.ServiceUnknown"), False,
         "only root"),
    ],
)  # fmt: skip
async def test_all_else_refuses(given: Message, interactive: bool, error: str) -> None:
    with pytest.raises(AccessDenied, match=error) as caught:
        await ask(Bus(given), interactive=interactive)
    assert not isinstance(caught.value, AuthorizationRequired)


async def test_challenge_asks_to_be_let_asked() -> None:
    with pytest.raises(AuthorizationRequired):
        await ask(Bus(decision(False, True)))


@pytest.mark.parametrize("failure", [TimeoutError(), ConnectionError()])
async def test_no_answer_refuses_and_takes_the_question_back(failure: Exception) -> None:
    bus = Bus(failure)
    with pytest.raises(AccessDenied, match="only root"):
        await ask(bus)
    assert bus.members == ["CheckAuthorization", "CancelCheckAuthorization"]
