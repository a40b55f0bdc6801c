"""The way of one `PrepareDisk`: look, ask the core, have it done, save.

It goes on to its end whether or not the caller waits, and whatever comes of it is told to the core
as it happens, so that everybody can see how far it is.
"""

import asyncio
import uuid as uuids
from dataclasses import replace

from tetrasback.core import events, prepare
from tetrasback.core.wholes import Order
from tetrasback.engine import Engine
from tetrasback.errors import Failed, NotPlugged, Rejected, TetrasBackError
from tetrasback.ports import Fault

_REJECTED = frozenset({"in-use", "identity", "read-only", "unsupported-filesystem"})
"""Faults that leave the disk as it was."""


class Preparations:
    """Prepares disks for an engine, one at a time (the core sees to that)."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._under_way: set[asyncio.Task[str]] = set()

    async def prepare(self, device: str, name: str, fstype: str, erase: bool) -> str:
        """Make DEVICE a saved disk of this NAME; the UUID of its new file system.

        Raises what the core refuses with, NotPlugged if the disk leaves meanwhile, Failed where it
        fails; the disk then is nobody's, and nothing is saved.
        """
        ports = self._engine.ports
        whole = await ports.wholes.look(device)
        order = Order(whole, name, fstype, str(uuids.uuid4()))
        prepare.check_time(self._engine.state, self._engine.config, order)
        try:
            order = replace(order, survey=await ports.preparer.survey(whole))
        except Fault as fault:
            raise _error(fault) from None
        task = asyncio.create_task(self._carry_out(order, erase))
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    async def _carry_out(self, order: Order, erase: bool) -> str:
        engine, ports = self._engine, self._engine.ports
        await engine.request(events.PrepareRequested(order, erase))
        try:
            node = await ports.preparer.prepare(order, lambda step: self._moved(order.uuid, step))
            device = await ports.devices.lookup(node)
            if device.uuid != order.uuid:
                raise Failed(f"{node} does not hold the file system that was made")
            await engine.happened(events.PreparationMade(device))
            try:
                await engine.request(events.SaveRequested(order.uuid, order.name))
            except TetrasBackError as error:
                raise Failed(
                    f"{node} has its file system, but is not saved: {error}; save it with:"
                    f" tetras-backctl save {order.uuid}=NAME"
                ) from error
        except Fault as fault:
            raise _error(fault) from None
        finally:
            await ports.preparer.finish()
            engine.submit(events.PreparationEnded(order.uuid))
        await engine.shown()
        return order.uuid

    def _moved(self, uuid: str, step: str) -> None:
        self._engine.submit(events.PreparationMoved(uuid, step))

    def _ended(self, task: "asyncio.Task[str]") -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # the caller, if there still is one, has it


def _error(fault: Fault) -> TetrasBackError:
    """What the caller is told. Whatever it is, nothing was saved."""
    if fault.code in _REJECTED:
        return Rejected(f"{fault.message}; nothing was changed")
    if fault.code == "disk-gone":
        return NotPlugged(f"{fault.message}; nothing is saved: plug it in and begin again")
    return Failed(f"{fault.message}; it is no backup disk, nothing is saved")
