"""tetras-back-relay: the composition root."""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from tetrasback import __version__
from tetrasback.errors import EXIT_ERROR, EXIT_OK, TetrasBackError
from tetrasback.host import journal, sdnotify
from tetrasback.relay.doors import Doors
from tetrasback.relay.feed import Feed
from tetrasback.relay.fifo import Fifo, Registration
from tetrasback.relay.forms import ORIGINAL
from tetrasback.relay.interface import CONTRACT
from tetrasback.relay.link import GuardedLink
from tetrasback.relay.page import Page
from tetrasback.relay.registry import Registry
from tetrasback.relay.store import Store
from tetrasback.relay.stream import Stream
from tetrasback.relay.watcher import Watcher
from tetrasback.service import Service
from tetrasback.service.link import system_address
from tetrasback.service.polkit import Polkit
from tetrasback.wire import RelayView

log = logging.getLogger("tetrasback")

STATE_DIR = Path("/var/lib/tetras-back-relay")
SETTLE_LIMIT: Final = 5.0
"""Seconds that the daemon may take to say how everything stands, before FIFOs are opened."""


async def serve(state_dir: Path) -> None:
    """Run until SIGTERM or SIGINT. Raises TetrasBackError where it cannot begin."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    address = system_address()
    doors, watcher = Doors(), Watcher()

    def make(registration: Registration) -> Fifo:
        if registration.format == ORIGINAL:
            return Page(registration, doors, watcher, feed.document)
        return Stream(registration, doors, watcher, feed.begin)

    feed = Feed(partial(GuardedLink.open, address), lambda: registry.wake())
    registry = Registry(Store(state_dir), make, lambda view: service.publish(view))
    service = Service(CONTRACT, registry, Polkit(), RelayView(), address)
    tasks = [asyncio.create_task(feed.run(), name="feed")]
    try:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(feed.settled.wait(), SETTLE_LIMIT)
        await registry.begin()
        await service.start()
        tasks.append(asyncio.create_task(service.run(), name="service"))
        for task in tasks:
            task.add_done_callback(lambda _: stopping.set())  # they never end by themselves
        sdnotify.ready()
        tasks.append(asyncio.create_task(sdnotify.beat(), name="watchdog"))
        await stopping.wait()
        sdnotify.stopping()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await service.stop()
        registry.close()
        watcher.close()


def parser() -> argparse.ArgumentParser:
    """The command line of tetras-back-relay."""
    made = argparse.ArgumentParser(
        prog="tetras-back-relay",
        description="Writes what happens to backups into FIFOs; see tetras-back-relay(8).",
        allow_abbrev=False,
    )
    made.add_argument("--state-dir", type=Path, default=STATE_DIR, metavar="DIR")
    made.add_argument("--log-level", choices=journal.LEVELS, default="info")
    made.add_argument("--version", action="version", version=__version__)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the relay; its exit status."""
    options = parser().parse_args(arguments)
    journal.log_to_stderr(options.log_level)
    try:
        asyncio.run(serve(options.state_dir))
    except TetrasBackError as error:
        log.critical("tetras-back-relay: %s", error)
        return EXIT_ERROR
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        log.critical("tetras-back-relay: %s%s", place, error.strerror or error)
        return EXIT_ERROR
    return EXIT_OK


def run() -> None:
    """The program: as `main`, but a thread that a file system holds does not keep it alive."""
    status = main()
    logging.shutdown()
    sys.stdout.flush()
    os._exit(status)
