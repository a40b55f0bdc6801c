"""`org.tetraslibre.Back.Relay`, as tables."""

from collections.abc import Sequence
from typing import Final, Protocol

from tetrasback import names, wire
from tetrasback.service.contract import Contract, Method

ACTION: Final = names.ACTION_PREFIX + "register-client"


class Control(Protocol):
    """What obeys the callers."""

    def check(self, method: str, args: Sequence[object]) -> dict[str, str]:
        """As in `service.api.Checks`."""
        ...

    async def register(self, uid: int, path: str, form: str) -> None:
        """Write into a FIFO of user UID from now on."""
        ...

    async def unregister(self, uid: int, path: str) -> None:
        """Write into it no longer."""
        ...


_METHODS: Final = (
    Method(
        "Register",
        (("s", "path"), ("s", "format")),
        None,
        ACTION,
        lambda control, args: control.register(args[2], args[0], args[1]),
        for_user=True,
    ),
    Method(
        "Unregister",
        (("s", "path"),),
        None,
        ACTION,
        lambda control, args: control.unregister(args[1], args[0]),
        for_user=True,
    ),
)

CONTRACT: Final = Contract(
    program="tetras-back-relay",
    name=names.RELAY_NAME,
    policy="dbus/org.tetraslibre.Back.Relay.conf",
    root=names.RELAY_PATH,
    interface=names.RELAY_INTERFACE,
    methods={method.name: method for method in _METHODS},
    properties={names.RELAY_INTERFACE: wire.signature_of(wire.RelayView)},
)
