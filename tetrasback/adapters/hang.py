"""Steps that a dying disk can hang, kept away from the event loop.

Each runs in a daemon thread of its own, which ends with it: not in an executor, whose stuck
threads would be waited for when the daemon ends. A slow disk is not a dead one: a step may take as
long as the disk moves, and is given up only after some time in which it does not.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from tetrasback.ports import Fault

T = TypeVar("T")

PATIENCE: Final = 120.0
"""Seconds without movement after which a step is given up."""

_LOOK_EVERY: Final = 5.0


async def run(
    step: Callable[[], T],
    movement: Callable[[], str],
    what: str,
    *,
    patience: float = PATIENCE,
    undo: Callable[[T], None] | None = None,
) -> T:
    """Run STEP in a thread; what it returns or raises.

    MOVEMENT is asked now and then for a text that changes as the disk works (`sysfs.movement`).
    After PATIENCE seconds without a change Fault ``disk-error`` is raised, saying that WHAT hangs.
    The thread then stays until the kernel lets it go; should STEP succeed after all (or after our
    own task was cancelled), UNDO gets its result, in that thread.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()
    lock = threading.Lock()
    abandoned = False

    def take_back(result: T) -> None:
        if undo is not None:
            undo(result)

    def deliver(result: T) -> None:
        if done.cancelled():  # we were cancelled while this was on its way
            threading.Thread(target=take_back, args=(result,), name=what, daemon=True).start()
        else:
            done.set_result(result)

    def fail(error: Exception) -> None:
        if not done.cancelled():
            done.set_exception(error)

    def work() -> None:
        tell: Callable[[], object]
        try:
            result = step()
        except Exception as error:  # whatever it is belongs to the caller in the other thread
            tell = partial(loop.call_soon_threadsafe, fail, error)
        else:
            tell = partial(loop.call_soon_threadsafe, deliver, result)
            with lock:
                late = abandoned
            if late:
                take_back(result)
                return
        with contextlib.suppress(RuntimeError):  # the loop has been closed: nobody waits
            tell()

    threading.Thread(target=work, name=what, daemon=True).start()
    try:
        await watch(done, movement, what, patience)
    finally:
        if not done.done():
            with lock:
                abandoned = True
            done.cancel()
    return done.result()


async def watch(
    done: "asyncio.Future[T]", movement: Callable[[], str], what: str, patience: float
) -> None:
    """Wait until DONE is, while the disk moves; Fault as in `run`. DONE is left as it is."""
    last, since = movement(), time.monotonic()
    while not done.done():
        await asyncio.wait([done], timeout=min(_LOOK_EVERY, patience / 4))
        now = movement()
        if now != last:
            last, since = now, time.monotonic()
        elif not done.done() and time.monotonic() - since > patience:
            raise Fault(
                "disk-error",
                f"{what} hangs: the disk has not moved for {patience:.0f} s;"
                " pull it out and have it checked",
            )
