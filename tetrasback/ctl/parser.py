"""The command line's grammar."""

import argparse
from collections.abc import Sequence
from typing import Final

from tetrasback import __version__
from tetrasback.client.relay import EVENTS, FORMATS
from tetrasback.lang.i18n import N_, _

PROGRAM: Final = "tetras-backctl"
MAX_HISTORY: Final = 100_000
MAX_HOLD: Final = 7 * 24 * 60
"""Minutes."""

FILESYSTEMS: Final = ("ext4", "btrfs", "xfs")

_DISK: Final = N_("UUID or name of a disk, or an unambiguous beginning of either")
_DEVICE: Final = N_(
    "a device such as /dev/sdb1, or UUID or name of a disk, or an unambiguous beginning of either"
)


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
        ("--json", _("answer in JSON, in a shape that tetras-backctl(1) describes")),
        ("--no-ask-password", _("never ask for a password")),
    ):
        # SUPPRESS: given before the command, they must not be reset by the command's own parser.
        common.add_argument(name, action="store_true", default=argparse.SUPPRESS, help=text)
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description=_("Control the backups of this server onto external disks."),
        epilog=_("Without a command: status. All details: man tetras-backctl"),
        parents=[common],
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"{PROGRAM} {__version__}",
        help=_("show program's version number and exit"),
    )
    commands = parser.add_subparsers(dest="command", metavar=_("COMMAND"), title=_("commands"))

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:],
            parents=[common],
            allow_abbrev=False,
        )

    def add_disk(to: argparse.ArgumentParser) -> None:
        to.add_argument("disk", metavar=_("disk"), help=_(_DISK))

    def add_optional_disk(to: argparse.ArgumentParser) -> None:
        to.add_argument("disk", nargs="?", default="", metavar=_("disk"), help=_(_DISK))

    def add_device(to: argparse.ArgumentParser) -> None:
        to.add_argument("disk", metavar=_("DEVICE|DISK"), help=_(_DEVICE))

    add("status", _("what you should know now, worst first"))
    add("disks", _("list the disks that are saved or plugged in")).add_argument(
        "--full", action="store_true", help=_("show whole UUIDs on a terminal, too")
    )
    save = add("save", _("save a disk under a name, or give it another name"))
    save.add_argument("--device", metavar=_("DEVICE"), help=_("the disk that is this device"))
    save.add_argument("disk", metavar=_("UUID=NAME"), help=_("with --device: only the NAME"))
    add_disk(add("forget", _("forget a saved disk; what is on it stays")))
    add_device(add("plug", _("act as if a disk had just been plugged in")))
    add_device(add("unplug", _("make a disk ready to be pulled out")))
    prepare = add("prepare", _("erase a whole disk and make it a backup disk"))
    prepare.add_argument("--name", metavar=_("NAME"), default="", help=_("what it is to be called"))
    prepare.add_argument(
        "--fs",
        choices=FILESYSTEMS,
        default=FILESYSTEMS[0],
        help=_("its file system (default: ext4)"),
    )
    prepare.add_argument(
        "--erase",
        nargs="?",
        const="",
        metavar=_("MODEL|SIZE"),
        help=_("erase what is on it; asks for the model or size, unless it is given here"),
    )
    prepare.add_argument(
        "device",
        nargs="?",
        default="",
        metavar=_("DEVICE"),
        help=_("a whole disk such as /dev/sdb"),
    )
    backup = add("backup", _("back up onto a disk, and follow to the end"))
    backup.add_argument("--no-wait", action="store_true", help=_("only start it"))
    add_disk(backup)
    add_disk(add("cancel", _("cancel the backup on a disk")))
    hold = add("hold", _("let plugging in a disk, or any, start no backup for a time"))
    hold.add_argument(
        "--minutes",
        type=_minutes,
        default=0,
        metavar="N",
        help=_("how long (default: 60, at most 7 days)"),
    )
    add_optional_disk(hold)
    add_optional_disk(add("release", _("let plugging in start backups again")))
    add("scripts", _("list the backup scripts"))
    for name, text in (
        ("enable", _("let a script run in every backup")),
        ("disable", _("let a script run no longer")),
    ):
        add(name, text).add_argument("script", metavar=_("script"))
    history = add("history", _("list past backups, newest first"))
    history.add_argument(
        "-n", "--count", type=_count, default=20, metavar="N", help=_("how many (default: 20)")
    )
    history.add_argument(
        "--before",
        type=_number,
        default=0,
        metavar="ID",
        help=_("only those older than this one"),
    )
    add_optional_disk(history)
    add("log", _("show the log of a backup")).add_argument(
        "which", nargs="?", default="", metavar=_("ID|DISK"), help=_("default: the newest")
    )
    add("watch", _("show everything live"))
    add("reload", _("read the configuration again"))
    add("import-config", _("take over a configuration of the original")).add_argument(
        "file", metavar=_("FILE")
    )
    register = add("register", _("have what happens written into a FIFO of yours"))
    register.add_argument(
        "--format",
        choices=FORMATS,
        default=EVENTS,
        help=_("JSON lines (default), or the original's document for each reader"),
    )
    register.add_argument("fifo", metavar="FIFO")
    add("unregister", _("have it written into a FIFO no longer")).add_argument(
        "fifo", metavar="FIFO"
    )
    add("clients", _("list the registered FIFOs"))
    add("version", _("show the versions of this program and of the service"))
    return parser


def _number(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else -1
    if number < 0:
        raise argparse.ArgumentTypeError(_("not a number"))
    return number


def _minutes(text: str) -> int:
    number = _number(text)
    if not 1 <= number <= MAX_HOLD:
        raise argparse.ArgumentTypeError(_("must be 1 to {max}").format(max=MAX_HOLD))
    return number


def _count(text: str) -> int:
    number = _number(text)
    if not 1 <= number <= MAX_HISTORY:
        raise argparse.ArgumentTypeError(_("must be 1 to {max}").format(max=MAX_HISTORY))
    return number
