"""Which FIFOs are registered, by whom, and how many may be."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from tetrasback.errors import Busy, LimitsExceeded, NotYours, UnknownClient
from tetrasback.relay import forms
from tetrasback.relay.doors import owner_for
from tetrasback.relay.fifo import Fifo, Registration
from tetrasback.relay.store import Store
from tetrasback.service.text import safe_text
from tetrasback.wire import ClientView, RelayView

log = logging.getLogger(__name__)

FROM_ONE_USER: Final = 256
IN_ALL: Final = 1024


class Make(Protocol):
    """Makes what writes into a FIFO."""

    def __call__(self, registration: Registration, /) -> Fifo:
        """One that has not been looked for yet."""
        ...


class Registry:
    """The FIFOs by their path. MAKE makes one, SHOW gets what everybody may know of them."""

    def __init__(self, store: Store, make: Make, show: Callable[[RelayView], None]) -> None:
        self._store = store
        self._make = make
        self._show = show
        self._fifos: dict[str, Fifo] = {}
        self._coming: set[str] = set()
        self._saving = asyncio.Lock()

    async def begin(self) -> None:
        """Look for those that were registered before."""
        for registration in self._store.load():
            self._fifos[registration.path] = self._make(registration)
        self._shown()
        looks = (fifo.look() for fifo in self._fifos.values())
        found = await asyncio.gather(*looks, return_exceptions=True)
        away = sum(isinstance(one, BaseException) for one in found)
        if found:
            log.info("%d FIFOs are registered, %d of them are away", len(found), away)

    def wake(self) -> None:
        """There may be something to say to each."""
        for fifo in self._fifos.values():
            fifo.wake()

    def close(self) -> None:
        """Let go of all; they stay registered."""
        for fifo in self._fifos.values():
            fifo.close()

    def check(self, method: str, args: Sequence[object]) -> dict[str, str]:
        """As in `service.api.Checks`."""
        return forms.check(method, args)

    async def register(self, uid: int, path: str, form: str) -> None:
        """Write into the FIFO at PATH on behalf of user UID, from now on and from the beginning.

        Raises NotAFifo, NotYours, CannotWrite, LimitsExceeded, Busy, Failed; then all is as it was.
        """
        registration = Registration(path, form, uid, owner_for(uid))
        before = self._fifos.get(path)
        self._check_room(uid, before)
        if path in self._coming:
            raise Busy(f"{safe_text(path, 300)} is just being registered; wait for that")
        self._coming.add(path)
        fifo = self._make(registration)
        try:
            await fifo.look()
            self._check_single(fifo, before)
            await self._change(path, fifo)
        except BaseException:
            fifo.close()
            if before is not None:
                before.look_in(0)  # both were told of the same file by the same watch
            raise
        finally:
            self._coming.discard(path)
        log.info("%s is registered (%s) for user %d", path, form, uid)

    async def unregister(self, uid: int, path: str) -> None:
        """Write into the FIFO registered as PATH no longer. Raises UnknownClient, NotYours,
        Failed."""
        fifo = self._fifos.get(path)
        if fifo is None:
            raise UnknownClient(
                f"{safe_text(path, 300)} is not registered; tetras-backctl clients shows what is"
            )
        if uid not in (0, fifo.registration.uid, fifo.registration.owner):
            raise NotYours(f"{safe_text(path, 300)} was registered by somebody else")
        await self._change(path, None)
        log.info("%s is registered no longer", path)

    async def _change(self, path: str, fifo: Fifo | None) -> None:
        """From now on FIFO is what is registered as PATH. Raises Failed where that cannot be kept;
        then nothing has changed."""
        async with self._saving:
            fifos = {key: one for key, one in self._fifos.items() if key != path}
            if fifo is not None:
                fifos[path] = fifo
            await asyncio.to_thread(self._store.save, [one.registration for one in fifos.values()])
            before = self._fifos.get(path)
            self._fifos = fifos
            if before is not None:
                before.close()
            self._shown()

    def _shown(self) -> None:
        views = (
            ClientView(one.registration.path, one.registration.format)
            for one in self._fifos.values()
        )
        self._show(RelayView(tuple(views)))

    def _check_room(self, uid: int, before: Fifo | None) -> None:
        if before is not None and before.registration.uid == uid:
            return
        taken = sum(fifo.registration.uid == uid for fifo in self._fifos.values())
        if len(self._fifos) + len(self._coming) >= IN_ALL or (
            uid != 0 and taken + len(self._coming) >= FROM_ONE_USER
        ):
            raise LimitsExceeded("too many FIFOs are registered; unregister one first")

    def _check_single(self, fifo: Fifo, before: Fifo | None) -> None:
        """One file, one writer: two would take each other's readers away."""
        for other in self._fifos.values():
            if other is not before and other.identity == fifo.identity:
                raise Busy(
                    f"it is registered already, as {safe_text(other.registration.path, 300)}"
                )
