"""The command line's grammar."""

import argparse
from collections.abc import Callable, Sequence
from typing import Final

from tetrasback import __version__
from tetrasback.client.relay import EVENTS, FORMATS
from tetrasback.lang.i18n import N_, _

PROGRAM: Final = "tetras-backctl"
MAX_HISTORY: Final = 100_000
MAX_HOLD: Final = 7 * 24 * 60
"""Minutes."""

DATABASES: Final = ("mysql", "postgresql")
FILESYSTEMS: Final = ("ext4", "btrfs", "xfs")

_DISK: Final = N_("UUID or name of a disk, or an unambiguous beginning of either")
_SNAPSHOT: Final = N_("a backup's folder on the disk, an unambiguous beginning of it, or: latest")
_VERIFIED: Final = N_(
    "as tetras-backctl snapshots names it, or a beginning of it; default: the newest"
)
_DEVICE: Final = N_(
    "a device such as /dev/sdb1, or UUID or name of a disk, or an unambiguous beginning of either"
)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options of a command line; `command` names the command, default `status`.

    A wrong one ends the process with exit code 2, as argparse does.
    """
    options = argparse.Namespace(json=False, no_ask_password=False)
    parser = _parser()
    options, left = parser.parse_known_args(arguments, options)
    if options.command == "restore" and not any(word.startswith("-") for word in left):
        options.paths += left  # argparse gives up on them where an option stands before
    elif left:
        parser.error(_("unrecognized arguments: %s") % " ".join(left))
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

    def add_optional_snapshot(to: argparse.ArgumentParser) -> None:
        to.add_argument("snapshot", nargs="?", default="", metavar=_("snapshot"), help=_(_VERIFIED))

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
    _add_no_wait(backup)
    add_disk(backup)
    cancel = add("cancel", _("cancel the backup on a disk, or a restore or verification"))
    cancel.add_argument(
        "--job",
        nargs="?",
        type=_number,
        const=0,
        metavar="ID",
        help=_("this restore or verification; by default the one that runs"),
    )
    add_optional_disk(cancel)
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
    add_optional_disk(add("snapshots", _("list the complete backups on a disk, newest first")))
    for name, text in (
        ("pin", _("keep a backup for ever")),
        ("unpin", _("keep a backup no longer than others")),
    ):
        pin = add(name, text)
        add_disk(pin)
        pin.add_argument("snapshot", metavar=_("snapshot"), help=_(_SNAPSHOT))
    browse = add("browse", _("show a backup on this server for an hour, only for reading"))
    browse.add_argument("--close", action="store_true", help=_("show it no longer"))
    add_optional_disk(browse)
    add_optional_snapshot(browse)
    diff = add("diff", _("tell what changed from one backup on a disk to another"))
    add_disk(diff)
    diff.add_argument("older", metavar=_("snapshot"), help=_(_SNAPSHOT))
    diff.add_argument("newer", metavar=_("snapshot"), help=_("the one to compare it with"))
    diff.add_argument(
        "paths",
        nargs="*",
        metavar=_("PATH"),
        help=_("files and directories, as on the server; default: all"),
    )
    verify = add("verify", _("read a backup on a disk again, and compare it with its manifest"))
    verify.add_argument(
        "--sample",
        type=_percent,
        default=100,
        metavar="N%",
        help=_("only so much of it, chosen at random"),
    )
    _add_no_wait(verify)
    add_disk(verify)
    add_optional_snapshot(verify)
    _add_restore(add("restore", _("put a backup on a disk, or parts of it, back")), add_disk)
    jobs = add("jobs", _("list past restores and verifications, newest first"))
    _add_range(jobs)
    add_optional_disk(jobs)
    add("scripts", _("list the backup scripts"))
    for name, text in (
        ("enable", _("let a script run in every backup")),
        ("disable", _("let a script run no longer")),
    ):
        add(name, text).add_argument("script", metavar=_("script"))
    history = add("history", _("list past backups, newest first"))
    _add_range(history)
    add_optional_disk(history)
    log = add("log", _("show the log of a backup, or of a restore or verification"))
    log.add_argument("--job", action="store_true", help=_("of a restore or verification"))
    log.add_argument(
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


def _add_no_wait(to: argparse.ArgumentParser) -> None:
    to.add_argument("--no-wait", action="store_true", help=_("only start it"))


def _add_range(to: argparse.ArgumentParser) -> None:
    to.add_argument(
        "-n", "--count", type=_count, default=20, metavar="N", help=_("how many (default: 20)")
    )
    to.add_argument(
        "--before",
        type=_number,
        default=0,
        metavar="ID",
        help=_("only those older than this one"),
    )


def _add_restore(
    to: argparse.ArgumentParser, add_disk: Callable[[argparse.ArgumentParser], None]
) -> None:
    where = to.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--to", metavar=_("DIRECTORY"), help=_("below this one, under their whole paths")
    )
    where.add_argument(
        "--in-place", action="store_true", help=_("where they were, replacing what is there")
    )
    where.add_argument(
        "--database",
        choices=DATABASES,
        default="",
        help=_("the dumps of databases, into the server that runs"),
    )
    to.add_argument("--yes", action="store_true", help=_("do not ask before anything is replaced"))
    to.add_argument(
        "--unproved",
        action="store_true",
        help=_("replace it also by what is not proved to be this server's"),
    )
    _add_no_wait(to)
    add_disk(to)
    to.add_argument("snapshot", metavar=_("snapshot"), help=_(_SNAPSHOT))
    to.add_argument(
        "paths",
        nargs="*",
        metavar=_("PATH"),
        help=_("files and directories, or databases, as on the server; default: all"),
    )


def _percent(text: str) -> int:
    number = _number(text.removesuffix("%"))
    if not 1 <= number <= 100:
        raise argparse.ArgumentTypeError(_("must be 1 to {max}").format(max=100))
    return number


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
