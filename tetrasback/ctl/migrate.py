"""`import-config`: the daemon takes over what the original knew, the relay its FIFOs."""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tetrasback.client.explain import explain
from tetrasback.client.relay import ORIGINAL, Relay
from tetrasback.ctl.context import Context
from tetrasback.errors import (
    EXIT_OK,
    AccessDenied,
    ConfigurationError,
    InvalidArgs,
    LimitsExceeded,
    TetrasBackError,
    Unreachable,
)
from tetrasback.lang.i18n import _
from tetrasback.lang.told import told
from tetrasback.perl import MAX_BYTES, NOTHING_NEW, client_remark, fifo_clients, read_perl

_HOPELESS: Final = (AccessDenied, LimitsExceeded, Unreachable)
"""Errors that the next FIFO would meet, too."""


async def import_config(context: Context) -> int:
    """Take over a configuration of the original program.

    What cannot be taken over is told and is no failure; but that the relay refuses, or is out of
    reach, is one: its exit code, and importing again makes up for it.
    """
    out = context.out
    text = _read(Path(context.options.file))
    clients = fifo_clients(read_perl(text))
    remarks = await context.client.import_configuration(text)
    changed = NOTHING_NEW not in remarks
    done_here = {NOTHING_NEW, *map(client_remark, clients)}
    remarks = [remark for remark in remarks if remark not in done_here]
    fifos = await _register(Relay(context.client), clients) if clients else _Fifos()
    if out.json:
        out.data(
            {
                "changed": changed or bool(fifos.registered),
                "remarks": remarks,
                "registered": fifos.registered,
                "not_registered": [{"path": path, "why": why} for path, why in fifos.left],
            }
        )
    for remark in remarks:
        out.line(told(remark))
    for path in fifos.registered:
        out.line(_("{path} is registered again").format(path=path))
    for path, why in fifos.left:
        out.line(_("{path} is not registered again: {why}").format(path=path, why=why))
    if not changed and not fifos.registered:
        out.line(_("nothing has changed: all that can be taken over is here already"))
    elif remarks or fifos.left:
        out.line(_("imported, with the remarks above"))
    else:
        out.line(_("imported"))
    return fifos.exit_code


@dataclass(slots=True)
class _Fifos:
    """What became of the FIFO clients: those that were registered now, those that were not and why,
    and the exit code."""

    registered: list[str] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)
    exit_code: int = EXIT_OK


async def _register(relay: Relay, clients: Sequence[str]) -> _Fifos:
    """Register those of CLIENTS that are not registered, whatever their format, in the original's.

    The original's daemon stood in the root directory: what is relative, is so to that.
    """
    done = _Fifos()
    wanted = [posixpath.normpath(posixpath.join("/", path)) for path in clients]
    try:
        known = {client.path for client in await relay.clients()}
        wanted = [path for path in wanted if path not in known]
        while wanted:
            try:
                await relay.register(wanted[0], ORIGINAL)
                done.registered.append(wanted[0])
            except _HOPELESS:
                raise
            except TetrasBackError as error:
                done.left.append((wanted[0], explain(error)))
            del wanted[0]
    except TetrasBackError as error:
        done.left += [(path, explain(error)) for path in wanted]
        done.exit_code = error.exit_code
    return done


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(
            _("cannot read {file}: {why}").format(file=path, why=told(error.strerror or str(error)))
        ) from None
    if len(data) > MAX_BYTES:
        raise InvalidArgs(
            _("{file} is larger than 256 KiB: not a configuration of the original").format(
                file=path
            )
        )
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")  # what Perl reads where no `use utf8` stands
