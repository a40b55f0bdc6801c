"""What happens, as lines of JSON; tetras-back-events(5) describes them. Pure.

A line has at most 4096 bytes, so that a pipe takes it as a whole: its longest texts are cut where
it would be longer, and it says so. The number of a line is each reader's own and stays open here.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from tetrasback.client.events import Signal
from tetrasback.client.shapes import disk_shape
from tetrasback.lang.units import iso
from tetrasback.relay.ring import ATOMIC, Line
from tetrasback.wire import Alert, DiskView

_DIGITS: Final = 20
"""Room for the number."""


def signal(event: Signal, at: int) -> Line:
    """One of the daemon's signals, its arguments by their names. AT is in µs since the epoch."""
    return encode(event.name, event.arguments, at)


def state(disk: DiskView, at: int) -> Line:
    """How one disk stands."""
    return encode("State", disk_shape(disk), at)


def alert(told: Alert, active: bool, at: int) -> Line:
    """Something that a person should know has begun, or is over."""
    members = {
        "code": told.code,
        "uuid": told.uuid,
        "since": iso(told.since),
        "message": told.message,
        "active": active,
    }
    return encode("Alert", members, at)


def lost(count: int, at: int) -> Line:
    """So many lines could not be kept until they were read."""
    return encode("Lost", {"count": count}, at)


def daemon_gone(at: int) -> Line:
    """The daemon is not there: nothing more is known until it is back."""
    return encode("DaemonGone", {}, at)


def daemon_back(at: int) -> Line:
    """The daemon is there again; how everything stands follows."""
    return encode("DaemonBack", {}, at)


def encode(event: str, members: Mapping[str, Any], at: int) -> Line:
    """The line for EVENT with its MEMBERS, which are what JSON can hold."""
    head = f'{{"event": {_json(event)}, "time": {_json(iso(at))}, "seq": '.encode()
    kept = dict(members)
    room = ATOMIC - len(head) - _DIGITS
    while len(tail := _tail(kept)) > room:
        longest = max(
            (name for name, value in kept.items() if isinstance(value, str)),
            key=lambda name: len(_json(kept[name]).encode()),
        )
        kept[longest] = _cut(kept[longest], len(tail) - room)
        kept["truncated"] = True
    return Line(head, tail)


def _tail(members: Mapping[str, Any]) -> bytes:
    return (
        "".join(f", {_json(name)}: {_json(value)}" for name, value in members.items()).encode(
            "utf-8", "replace"
        )
        + b"}\n"
    )


def _cut(text: str, excess: int) -> str:
    """TEXT made shorter by about EXCESS bytes, at least by something."""
    data = text.removesuffix("…").encode("utf-8", "replace")
    shorter = data[: max(0, len(data) - max(excess, 16))].decode("utf-8", "ignore")
    return shorter + "…" if shorter else ""


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
