"""What a program offers on the bus, as data; the mechanism beside this file serves any of it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Arguments = tuple[tuple[str, str], ...]
"""(signature, name) of each."""


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the root object.

    ``action`` is the polkit action that a caller needs; None only where anybody may call.
    ``run`` carries it out, on the program's control, and comes back with the value of ``result``,
    ready for the library; ``for_user``: the caller's user is its last argument. ``as_shown``: only
    if whoever authorises it would still be shown the same afterwards.
    """

    name: str
    arguments: Arguments
    result: tuple[str, str] | None
    action: str | None
    run: Callable[[Any, Sequence[Any]], Awaitable[Any]]
    as_shown: bool = False
    for_user: bool = False

    @property
    def signature(self) -> str:
        """Signature of the arguments."""
        return joined(self.arguments)


@dataclass(frozen=True, slots=True)
class Collection:
    """Objects that come and go, each a view with a key of its own.

    ``path`` makes the object's path of the key. Where ``turning_points`` are given, a change of
    other properties is soon followed by the next, and may be dropped before everything else.
    """

    interface: str
    path: Callable[[Any], str]
    turning_points: frozenset[str] = frozenset()


def _no_signal(signal: Any) -> list[Any]:
    raise NotImplementedError("this contract has no signals")


@dataclass(frozen=True, slots=True)
class Contract:
    """All that there is at a name on the bus.

    ``program`` owns ``name``, as ``policy`` (a file of the project) lets it; ``interface`` is that
    of the root object at ``root``. ``methods`` and ``signals`` are the root object's, by name;
    ``properties`` are by interface, then name → signature, ``constant`` those (interface, name)
    that never change. Where there are ``collections``, the root object is an object manager.
    ``passing`` are the signals that may be dropped first. ``signal_body`` gives the arguments of a
    signal, an object whose class is called as the signal is.
    """

    program: str
    name: str
    policy: str
    root: str
    interface: str
    methods: Mapping[str, Method]
    properties: Mapping[str, Mapping[str, str]]
    constant: frozenset[tuple[str, str]] = frozenset()
    collections: tuple[Collection, ...] = ()
    signals: Mapping[str, Arguments] = field(default_factory=dict)
    passing: frozenset[str] = frozenset()
    signal_body: Callable[[Any], list[Any]] = _no_signal


def joined(arguments: Arguments) -> str:
    """The signature of all ARGUMENTS together."""
    return "".join(signature for signature, _ in arguments)
