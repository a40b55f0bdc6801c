"""tetras-back, the original's command line: its flags, each the same call as in tetras-backctl.

Where the original took one command a call and ended with 0 whatever came of it, several are carried
out here in the order in which they are given, and the exit code tells. The rest is still tried when
one fails: the first failure's code is returned. A line with a fault in it, or with --start or
--stop, which are systemd's now, does nothing at all.
"""

import argparse
import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from tetrasback import __version__
from tetrasback.client.relay import ORIGINAL
from tetrasback.ctl import act, fifos
from tetrasback.ctl.output import Output
from tetrasback.ctl.running import Command, Step, carry_out, guarded
from tetrasback.errors import EXIT_ERROR, EXIT_USAGE
from tetrasback.lang.i18n import _

PROGRAM: Final = "tetras-back"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (default: the process's own); its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    return guarded(PROGRAM, lambda: carry_out(parse(words), Output.standard(PROGRAM)))


def parse(words: Sequence[str]) -> list[Step]:
    """The commands that WORDS name, in their order.

    A wrong one ends the process with exit code 2 and one line, as argparse does.
    """
    parser = _Parser(
        prog=PROGRAM,
        description=_("The original Tetras-back's commands; those of today: man tetras-backctl"),
        epilog=_("Several are carried out in the order in which they are given."),
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"{PROGRAM} {__version__}",
        help=_("show program's version number and exit"),
    )

    def add(flags: str, command: Command, text: str, **options: Any) -> None:
        parser.add_argument(*flags.split(), action=_InOrder, const=command, help=text, **options)

    add("-s --save", act.save, _("save a disk under a name"), metavar=_("UUID=NAME"), type=_pair)
    add("-f --forget", act.forget, _("forget a saved disk"), metavar="UUID")
    add("-p --plug", act.plug, _("act as if a disk had been plugged in"), metavar=_("DEVICE"))
    add("-u --unplug", act.unplug, _("make a disk ready to be pulled out"), metavar=_("DEVICE"))
    add("-r --register", fifos.register, _("have a FIFO told of the disks"), metavar="FIFO")
    add("-l --unregister", fifos.unregister, _("have it told no longer"), metavar="FIFO")
    for flags, hint in (
        (("-d", "--start"), _("systemd starts the service: systemctl start tetras-back")),
        (("--stop",), _("systemd stops the service: systemctl stop tetras-back")),
    ):
        parser.add_argument(*flags, action=_Hint, nargs=0, const=hint, help=hint)
    steps: list[Step] = parser.parse_args(words, Namespace(steps=[])).steps
    if not steps:
        parser.error(_("nothing to do"))
    return steps


class _Parser(argparse.ArgumentParser):
    """Tells what is wrong in one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        Output.standard(PROGRAM).note(_("{error}; see: tetras-back --help").format(error=message))
        sys.exit(EXIT_USAGE)


class _InOrder(argparse.Action):
    """Appends a step: the command that the option stands for, and its value."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        # All that one of the commands may ask for; each takes what it knows.
        options = Namespace(disk=values, device="", fifo=values, format=ORIGINAL)
        namespace.steps.append((self.const, options))


class _Hint(argparse.Action):
    """For what is no longer this program's to do: ends it with a line that says whose it is."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        Output.standard(PROGRAM).note(self.const)
        sys.exit(EXIT_ERROR)


def _pair(text: str) -> str:
    uuid, equals, name = text.partition("=")
    if not (uuid and equals and name):
        raise argparse.ArgumentTypeError(_("write UUID=NAME"))
    return text


if __name__ == "__main__":
    sys.exit(main())
