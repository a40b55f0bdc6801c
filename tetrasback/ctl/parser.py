"""The command line's grammar."""

import argparse
from collections.abc import Sequence
from typing import Final

from tetrasback import __version__
from tetrasback.client.relay import EVENTS, FORMATS

PROGRAM: Final = "tetras-backctl"
MAX_HISTORY: Final = 100_000

_DISK: Final = "UUID or name of a disk, or an unambiguous beginning of either"
_DEVICE: Final = "a device such as /dev/sdb1, or " + _DISK


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of a command line; `command` names the command, default `status`.

    A wrong one ends the process with exit code 2, as argparse does.
    """
    options = argparse.Namespace(json=False, no_ask_password=False)
    _parser().parse_args(arguments, options)
    if options.command is None:
        options.command = "status"
    return options


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    for name, text in (
        ("--json", "answer in JSON, in a shape that tetras-backctl(1) describes"),
        ("--no-ask-password", "never ask for a password"),
    ):
        # SUPPRESS: given before the command, they must not be reset by the command's own parser.
        common.add_argument(name, action="store_true", default=argparse.SUPPRESS, help=text)
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Control the backups of this server onto external disks.",
        epilog="Without a command: status. All details: man tetras-backctl",
        parents=[common],
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:],
            parents=[common],
            allow_abbrev=False,
        )

    add("status", "what you should know now, worst first")
    add("disks", "list the disks that are saved or plugged in").add_argument(
        "--full", action="store_true", help="show whole UUIDs on a terminal, too"
    )
    save = add("save", "save a disk under a name, or give it another name")
    save.add_argument("--device", metavar="DEVICE", help="the disk that is this device")
    save.add_argument("disk", metavar="UUID=NAME", help="with --device: only the NAME")
    add("forget", "forget a saved disk; what is on it stays").add_argument("disk", help=_DISK)
    add("plug", "act as if a disk had just been plugged in").add_argument(
        "disk", metavar="DEVICE|DISK", help=_DEVICE
    )
    add("unplug", "make a disk ready to be pulled out").add_argument(
        "disk", metavar="DEVICE|DISK", help=_DEVICE
    )
    backup = add("backup", "back up onto a disk, and follow to the end")
    backup.add_argument("--no-wait", action="store_true", help="only start it")
    backup.add_argument("disk", help=_DISK)
    add("cancel", "cancel the backup on a disk").add_argument("disk", help=_DISK)
    add("scripts", "list the backup scripts")
    for name, text in (
        ("enable", "let a script run in every backup"),
        ("disable", "let a script run no longer"),
    ):
        add(name, text).add_argument("script")
    history = add("history", "list past backups, newest first")
    history.add_argument(
        "-n", "--count", type=_count, default=20, metavar="N", help="how many (default: 20)"
    )
    history.add_argument(
        "--before", type=_number, default=0, metavar="ID", help="only those older than this one"
    )
    history.add_argument("disk", nargs="?", default="", help=_DISK)
    add("log", "show the log of a backup").add_argument(
        "which", nargs="?", default="", metavar="ID|DISK", help="default: the newest"
    )
    add("watch", "show everything live")
    add("reload", "read the configuration again")
    add("import-config", "take over a configuration of the original").add_argument(
        "file", metavar="FILE"
    )
    register = add("register", "have what happens written into a FIFO of yours")
    register.add_argument(
        "--format",
        choices=FORMATS,
        default=EVENTS,
        help="JSON lines (default), or the original's document for each reader",
    )
    register.add_argument("fifo", metavar="FIFO")
    add("unregister", "have it written into a FIFO no longer").add_argument("fifo", metavar="FIFO")
    add("clients", "list the registered FIFOs")
    add("version", "show the versions of this program and of the service")
    return parser


def _number(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else -1
    if number < 0:
        raise argparse.ArgumentTypeError("not a number")
    return number


def _count(text: str) -> int:
    number = _number(text)
    if not 1 <= number <= MAX_HISTORY:
        raise argparse.ArgumentTypeError(f"must be 1 to {MAX_HISTORY}")
    return number
