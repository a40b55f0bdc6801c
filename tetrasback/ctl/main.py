"""From the command line to the exit code; the one place where errors become a line for a person."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Final

from tetrasback.client.explain import explain
from tetrasback.client.proxy import Client
from tetrasback.client.shapes import error_shape
from tetrasback.ctl import act, agent, fifos, follow, look, watch
from tetrasback.ctl.complete import complete
from tetrasback.ctl.context import Context
from tetrasback.ctl.output import Output
from tetrasback.ctl.parser import parse
from tetrasback.errors import EXIT_ERROR, EXIT_USAGE, TetrasBackError
from tetrasback.lang.text import clean

COMMANDS: Final[Mapping[str, Callable[[Context], Awaitable[int]]]] = {
    "status": look.status,
    "disks": look.disks,
    "save": act.save,
    "forget": act.forget,
    "plug": act.plug,
    "unplug": act.unplug,
    "backup": follow.backup,
    "cancel": act.cancel,
    "scripts": look.scripts,
    "enable": act.enable,
    "disable": act.disable,
    "history": look.history,
    "log": look.log,
    "watch": watch.watch,
    "reload": act.reload,
    "import-config": act.import_config,
    "register": fifos.register,
    "unregister": fifos.unregister,
    "clients": fifos.clients,
    "version": look.version,
}


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; its exit code. Never a traceback, unless TETRAS_BACK_DEBUG is set."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not os.environ.get("TETRAS_BACK_DEBUG"):
        sys.excepthook = _one_line
        logging.disable(logging.CRITICAL)  # asyncio and the library log tracebacks
    try:
        if words[:1] == ["__complete"]:
            return asyncio.run(complete(words[1])) if len(words) == 2 else EXIT_USAGE
        code = _run(words)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has seen enough. What Python still holds must not fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_ERROR
    return code


def _run(words: Sequence[str]) -> int:
    options = parse(words)
    out = Output.standard(json=options.json)
    ask = None
    if not options.no_ask_password and agent.may_ask():
        ask = agent.password_agent
    interrupted = "interrupted"
    interrupt_code = EXIT_ERROR

    async def execute() -> int:
        nonlocal interrupted, interrupt_code
        _end_on_signals()
        context = Context(await Client.open(ask), out, options)
        try:
            return await COMMANDS[options.command](context)
        finally:
            interrupted, interrupt_code = context.on_interrupt, context.interrupt_code
            await context.client.connection.close()

    try:
        return asyncio.run(execute())
    except TetrasBackError as error:
        message = explain(error)
        out.note(message)
        if out.json:
            out.data(error_shape(_wire_word(error), message, error.exit_code))
        return error.exit_code
    except (KeyboardInterrupt, asyncio.CancelledError):
        if interrupted:
            out.note(interrupted)
        return interrupt_code


def _end_on_signals() -> None:
    """Let TERM and HUP end us as Ctrl-C does: the terminal and polkit's agent are put in order."""
    task = asyncio.current_task()
    if task is not None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, task.cancel)


def _wire_word(error: TetrasBackError) -> str:
    return type(error).dbus_name.rpartition(".")[2]


def _one_line(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """In place of a traceback: what went wrong and how to learn more."""
    with contextlib.suppress(OSError):
        sys.stderr.write(
            f"tetras-backctl: unexpected error: {clean(f'{kind.__name__}: {error}')};"
            " TETRAS_BACK_DEBUG=1 shows where\n"
        )
