"""Calls with arrays and variants are judged before the library decodes them."""

from typing import Any

import pytest
from dbus_next.message import Message
from dbus_next.signature import Variant
from hypothesis import given
from hypothesis import strategies as st

from tetrasback.service import bodies
from tetrasback.service.gate import Malformed

RESTORE = "ssassa{sv}"


def frame(signature: str, *body: Any) -> bytes:
    message = Message(destination="a.b", path="/", member="X", signature=signature, body=list(body))
    message.serial = 1
    return bytes(message._marshall())


TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20)
OPTION = st.one_of(
    TEXT.map(lambda text: Variant("s", text)), st.booleans().map(lambda on: Variant("b", on))
)


@given(TEXT, TEXT, st.lists(TEXT, max_size=20), TEXT, st.dictionaries(TEXT, OPTION, max_size=5))
def test_what_the_contract_has_passes(
    uuid: str, snapshot: str, paths: list[str], to: str, options: dict[str, Variant]
) -> None:
    bodies.check(frame(RESTORE, uuid, snapshot, paths, to, options), RESTORE)


@pytest.mark.parametrize(
    "odd",
    [
        Variant("as", ["x"]),
        Variant("v", Variant("s", "x")),
        Variant("(ss)", ["a", "b"]),
        Variant("a{sv}", {}),
        Variant("i", 1),
    ],
)
def test_variant_of_anything_else_is_refused(odd: Variant) -> None:
    with pytest.raises(Malformed, match="a string or a boolean"):
        bodies.check(
            frame(RESTORE, "u", "s", [], "/x", {"a": Variant("b", True), "b": odd}), RESTORE
        )


def test_long_array_is_refused() -> None:
    with pytest.raises(Malformed, match="more than 2000"):
        bodies.check(frame(RESTORE, "u", "s", [""] * 2001, "/x", {}), RESTORE)


@given(st.integers(1, 200))
def test_cut_off_body_is_refused_without_an_accident(missing: int) -> None:
    whole = frame(RESTORE, "uuid", "snapshot", ["/a", "/b"], "/x", {"in-place": Variant("b", True)})
    body = len(bodies.body_of(whole))
    with pytest.raises(Malformed):
        bodies.check(whole[: len(whole) - min(missing, body)], RESTORE)
