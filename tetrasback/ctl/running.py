"""From commands to the exit code; the one place where errors become a line for a person."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from types import TracebackType

from tetrasback.client.explain import explain
from tetrasback.client.proxy import Client
from tetrasback.client.shapes import error_shape
from tetrasback.ctl import agent
from tetrasback.ctl.context import Context
from tetrasback.ctl.output import Output
from tetrasback.errors import EXIT_ERROR, EXIT_OK, TetrasBackError
from tetrasback.lang.i18n import _, pgettext, use_locale
from tetrasback.lang.text import clean, forgive_encoding

Command = Callable[[Context], Awaitable[int]]
"""Does what its context's options say; the exit code. Raises TetrasBackError."""

Step = tuple[Command, Namespace]


def guarded(program: str, body: Callable[[], int]) -> int:
    """The exit code that BODY of PROGRAM gives, in the language of its user.

    Never a traceback, unless TETRAS_BACK_DEBUG is set.
    """
    if not os.environ.get("TETRAS_BACK_DEBUG"):
        sys.excepthook = partial(_one_line, program)
        logging.disable(logging.CRITICAL)  # asyncio and the library log tracebacks
    try:
        use_locale()
        forgive_encoding()
        code = body()
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has seen enough. What Python still holds must not fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_ERROR
    return code


def carry_out(steps: Sequence[Step], out: Output, *, ask: bool = True) -> int:
    """Carry all STEPS out, one after the other; the exit code of the first that failed, else 0.

    With ASK polkit may ask for a password, where somebody sits at a terminal.
    """
    interrupted: str | None = None
    interrupt_code = EXIT_ERROR

    async def execute() -> int:
        nonlocal interrupted, interrupt_code
        _end_on_signals()
        client = await Client.open(agent.password_agent if ask and agent.may_ask() else None)
        codes = []
        try:
            for command, options in steps:
                context = Context(client, out, options)
                try:
                    codes.append(await command(context))
                except TetrasBackError as error:
                    codes.append(_tell(out, error))
                finally:
                    client = context.client  # another one where the bus went away and came back
                    interrupted, interrupt_code = context.on_interrupt, context.interrupt_code
        finally:
            await client.connection.close()
        return next((code for code in codes if code != EXIT_OK), EXIT_OK)

    try:
        return asyncio.run(execute())
    except TetrasBackError as error:
        return _tell(out, error)
    except (KeyboardInterrupt, asyncio.CancelledError):
        if interrupted != "":
            out.note(interrupted or pgettext("command", "interrupted"))
        return interrupt_code


def _tell(out: Output, error: TetrasBackError) -> int:
    message = explain(error)
    out.note(message)
    if out.json:
        word = type(error).dbus_name.rpartition(".")[2]
        out.data(error_shape(word, message, error.exit_code))
    return error.exit_code


def _end_on_signals() -> None:
    """Let TERM and HUP end us as Ctrl-C does: the terminal and polkit's agent are put in order."""
    task = asyncio.current_task()
    if task is not None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, task.cancel)


def _one_line(
    program: str, kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """In place of a traceback: what went wrong and how to learn more."""
    with contextlib.suppress(OSError):
        sys.stderr.write(
            _("{program}: unexpected error: {error}; TETRAS_BACK_DEBUG=1 shows where").format(
                program=program, error=clean(f"{kind.__name__}: {error}")
            )
            + "\n"
        )
