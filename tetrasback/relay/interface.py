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


class _Caller:
    """The control, as one user may use it."""

    def __init__(self, control: Control, uid: int) -> None:
        self._control = control
        self._uid = uid

    async def register(self, path: str, form: str) -> None:
        await self._control.register(self._uid, path, form)

    async def unregister(self, path: str) -> None:
        await self._control.unregister(self._uid, path)


_METHODS: Final = (
    Method(
        "Register",
        (("s", "path"), ("s", "format")),
        None,
        ACTION,
        lambda caller, args: caller.register(args[0], args[1]),
    ),
    Method(
        "Unregister",
        (("s", "path"),),
        None,
        ACTION,
        lambda caller, args: caller.unregister(args[0]),
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
    for_caller=_Caller,
)
