"""tetras-back-notify: the composition root."""

import argparse
import asyncio
import logging
import os
import signal
from collections.abc import Sequence
from typing import Final

from tetrasback import __version__
from tetrasback.client.connection import Connection
from tetrasback.client.explain import explain
from tetrasback.errors import EXIT_OK, TetrasBackError
from tetrasback.host import journal
from tetrasback.lang.i18n import _, use_locale
from tetrasback.names import DBUS_INTERFACE, DBUS_PATH, DBUS_SERVICE, NOTIFIER_NAME
from tetrasback.notifier.memory import Memory, state_file
from tetrasback.notifier.notifier import Notifier

log = logging.getLogger("tetrasback")

_DO_NOT_QUEUE: Final = 4
_PRIMARY_OWNER: Final = 1


async def serve() -> None:
    """Run until the session ends, or SIGTERM or SIGINT. Raises TetrasBackError where it cannot
    begin; that another one runs in this session already is no error."""
    session = await Connection.open(session=True)
    try:
        if not await _is_the_only_one(session):
            log.info("tetras-back-notify already runs in this session")
            return
        notifier = Notifier(session, Memory(state_file(os.environ)))
        running = asyncio.create_task(notifier.run(), name="notifier")
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, running.cancel)
        await asyncio.wait({running, session.closed}, return_when=asyncio.FIRST_COMPLETED)
        running.cancel()
        try:
            await running
        except asyncio.CancelledError:
            pass
        except TetrasBackError:
            if not session.closed.done():
                raise
        await notifier.close()
    finally:
        await session.close()


async def _is_the_only_one(session: Connection) -> bool:
    """Own the name that one program of each session has, whoever started it."""
    (answer,) = await session.call(
        *(DBUS_SERVICE, DBUS_PATH, DBUS_INTERFACE, "RequestName"),
        *("su", [NOTIFIER_NAME, _DO_NOT_QUEUE]),
        expects="u",
    )
    return bool(answer == _PRIMARY_OWNER)


def parser() -> argparse.ArgumentParser:
    """The command line of tetras-back-notify."""
    made = argparse.ArgumentParser(
        prog="tetras-back-notify",
        description=_("Shows desktop notifications of backups; see tetras-back-notify(1)."),
        allow_abbrev=False,
    )
    made.add_argument("--log-level", choices=journal.LEVELS, default="info")
    made.add_argument("--version", action="version", version=__version__)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the notifier; its exit status."""
    use_locale()
    options = parser().parse_args(arguments)
    journal.log_to_stderr(options.log_level)
    try:
        asyncio.run(serve())
    except TetrasBackError as error:
        log.critical("tetras-back-notify: %s", explain(error))
        return error.exit_code
    return EXIT_OK
