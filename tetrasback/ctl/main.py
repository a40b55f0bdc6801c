"""tetras-backctl: its commands, and a command line carried out."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from tetrasback.ctl import (
    act,
    browse,
    fifos,
    follow,
    holds,
    jobs,
    look,
    migrate,
    prepare,
    restore,
    snapshots,
    watch,
)
from tetrasback.ctl.complete import complete
from tetrasback.ctl.output import Output
from tetrasback.ctl.parser import PROGRAM, parse
from tetrasback.ctl.running import Command, carry_out, guarded
from tetrasback.errors import EXIT_USAGE
from tetrasback.lang.i18n import use_english

COMMANDS: Final[Mapping[str, Command]] = {
    "status": look.status,
    "disks": look.disks,
    "save": act.save,
    "forget": act.forget,
    "plug": act.plug,
    "unplug": act.unplug,
    "prepare": prepare.prepare,
    "backup": follow.backup,
    "cancel": act.cancel,
    "hold": holds.hold,
    "release": holds.release,
    "snapshots": snapshots.snapshots,
    "pin": snapshots.pin,
    "unpin": snapshots.unpin,
    "browse": browse.browse,
    "diff": browse.diff,
    "verify": restore.verify,
    "restore": restore.restore,
    "jobs": jobs.jobs,
    "scripts": look.scripts,
    "enable": act.enable,
    "disable": act.disable,
    "history": look.history,
    "log": look.log,
    "watch": watch.watch,
    "reload": act.reload,
    "import-config": migrate.import_config,
    "register": fifos.register,
    "unregister": fifos.unregister,
    "clients": fifos.clients,
    "version": look.version,
}


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    return guarded(PROGRAM, lambda: _run(words))


def _run(words: Sequence[str]) -> int:
    if words[:1] == ["__complete"]:
        return asyncio.run(complete(*words[1:])) if len(words) in (2, 3) else EXIT_USAGE
    options = parse(words)
    if options.json:
        use_english()  # programs read it, whoever runs them
    out = Output.standard(PROGRAM, json=options.json)
    return carry_out([(COMMANDS[options.command], options)], out, ask=not options.no_ask_password)
