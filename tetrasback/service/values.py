"""Plain values to what the D-Bus library can send, made safe on the way."""

from collections.abc import Mapping
from typing import Any, Final

from dbus_next.signature import Variant

from tetrasback import wire
from tetrasback.service.text import safe_text

_LARGEST: Final = {"u": (1 << 32) - 1, "t": (1 << 64) - 1}


def variant(signature: str, value: Any) -> Variant:
    """VALUE as a variant of SIGNATURE, one of those in `wire`."""
    return Variant(signature, plain(signature, value))


def plain(signature: str, value: Any) -> Any:
    """VALUE as the library takes it: strings cleaned and cut, numbers within their range.

    A number out of range would be refused by the library in the middle of a message and take the
    whole of it along; the nearest one that fits is the lesser evil.
    """
    if signature in ("s", "o"):
        return safe_text(value)
    if signature in _LARGEST:
        return max(0, min(value, _LARGEST[signature]))
    if signature == "d":
        return float(value)
    if signature == "b":
        return bool(value)
    if signature.startswith("("):  # of simple types, one character each
        return [plain(one, item) for one, item in zip(signature[1:-1], value, strict=True)]
    if signature == "a{sv}":
        return members(value)
    if signature.startswith("a"):
        return [plain(signature[1:], item) for item in value]
    return value


def members(values: Mapping[str, tuple[str, Any]]) -> dict[str, Variant]:
    """What `wire.to_wire` gives, as the ``a{sv}`` of the bus."""
    return {name: variant(signature, value) for name, (signature, value) in values.items()}


def received(value: Any) -> Any:
    """What has come from a caller, without the library's variants."""
    if isinstance(value, Variant):
        return received(value.value)
    if isinstance(value, dict):
        return {key: received(item) for key, item in value.items()}
    if isinstance(value, list):
        return [received(item) for item in value]
    return value


def properties(view: Any) -> dict[str, Variant]:
    """Every property of a view."""
    return members(wire.to_wire(view))


def changed(old: Any, new: Any) -> dict[str, Variant]:
    """The properties in which NEW differs from OLD, a view of the same class."""
    before = wire.to_wire(old)
    return members({name: item for name, item in wire.to_wire(new).items() if item != before[name]})
