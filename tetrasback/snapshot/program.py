"""tetras-back-snapshot: from the command line to the exit status; see tetras-back-snapshot(8)."""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

from tetrasback import __version__
from tetrasback.snapshot import commands
from tetrasback.snapshot.patterns import BadPattern
from tetrasback.snapshot.retention import BadRule
from tetrasback.snapshot.speaking import Speaker, progress_stream
from tetrasback.snapshot.troubles import (
    DiskTrouble,
    Failed,
    Refused,
    SourceTrouble,
    Vanished,
    words,
)

EXIT_OK: Final = 0
EXIT_ERROR: Final = 1
EXIT_WARNING: Final = 3
EXIT_DISK: Final = 74
"""EX_IOERR of sysexits(3): the disk failed."""
EXIT_NO_ROOM: Final = 75
"""EX_TEMPFAIL: nothing but room was missing."""

Command = Callable[[argparse.Namespace, Speaker], None]

COMMANDS: Final[Mapping[str, Command]] = {
    "make": commands.make_snapshot,
    "plan": commands.plan_snapshot,
    "fingerprint": commands.tell_fingerprint,
    "seal": commands.tell_seal,
    "mark": commands.tell_mark,
    "proofs": commands.tell_proofs,
    "verify": commands.verify_snapshot,
    "compare": commands.compare_snapshot,
    "expire": commands.tell_expired,
    "remove": commands.remove_trees,
    "settle": commands.tell_settled,
    "weigh": commands.tell_weight,
}
"""But those of the way back: what they need takes longer to load than a short backup."""


def parser(*, recovery: bool = True) -> argparse.ArgumentParser:
    """The command line, with the commands of the way back if it is one of them."""
    made = argparse.ArgumentParser(
        prog="tetras-back-snapshot",
        description="Copies trees, sharing what has not changed with the copy before; restores.",
        epilog="All details: man tetras-back-snapshot",
        allow_abbrev=False,
    )
    made.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    choice = made.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(name: str, text: str) -> argparse.ArgumentParser:
        return choice.add_parser(
            name, help=text, description=text[0].upper() + text[1:], allow_abbrev=False
        )

    def add_key(command: argparse.ArgumentParser) -> None:
        command.add_argument(
            "--key",
            type=Path,
            required=True,
            metavar="FILE",
            help="seals; made where there is none",
        )

    def add_exclude(command: argparse.ArgumentParser) -> None:
        command.add_argument(
            "--exclude", action="append", default=[], metavar="PATTERN", help="as in rsync(1)"
        )

    def add_comparison(command: argparse.ArgumentParser) -> None:
        add_key(command)
        add_exclude(command)
        command.add_argument("--previous", metavar="DIR", help="the snapshot before")
        command.add_argument(
            "--previous-manifest", type=Path, metavar="FILE", help="and its manifest"
        )
        command.add_argument("--jobs", type=_jobs, default=_processors(), metavar="N")
        command.add_argument("source", metavar="SOURCE")

    make = add("make", "make a snapshot")
    add_comparison(make)
    make.add_argument("--manifest", type=Path, required=True, metavar="FILE", help="to be written")
    make.add_argument(
        "--subvolume", action="store_true", help="on Btrfs: make the first one a subvolume"
    )
    make.add_argument(
        "--damaged", type=Path, metavar="FILE", help="entries of DIR that are not to be shared"
    )
    make.add_argument("target", metavar="TARGET", help="must not exist")
    add_comparison(add("plan", "only tell how much a snapshot would write"))
    mark = add("fingerprint", "tell a word that is the same while nothing in PARTs is touched")
    add_exclude(mark)
    mark.add_argument("source", metavar="SOURCE")
    mark.add_argument("parts", nargs="+", metavar="PART", help="a directory, relative to SOURCE")
    check = add("verify", "compare a snapshot with its manifest")
    add_key(check)
    check.add_argument("--manifest", type=Path, required=True, metavar="FILE")
    check.add_argument(
        "--newer", metavar="DIR", help="a newer snapshot; what it shares is not read again"
    )
    check.add_argument("--newer-manifest", type=Path, metavar="FILE", help="and its manifest")
    check.add_argument(
        "--damaged", type=Path, metavar="FILE", help="what is found is added there, for make"
    )
    check.add_argument("--sample", type=_percent, default=100.0, metavar="PERCENT")
    check.add_argument("--seconds", type=_seconds, metavar="N", help="for about so long only")
    check.add_argument("--start", type=int, default=0, metavar="N", help="as `next` told")
    check.add_argument("target", metavar="TARGET")
    judge = add("compare", "have rsync compare a snapshot with its source")
    add_exclude(judge)
    judge.add_argument(
        "--since",
        type=_seconds,
        default=float("inf"),
        metavar="TIME",
        help="what was touched in SOURCE since (seconds since the epoch) does not count",
    )
    judge.add_argument("source", metavar="SOURCE")
    judge.add_argument("target", metavar="TARGET")
    seal = add("seal", "tell a word that later proves that a file is as it was")
    add_key(seal)
    seal.add_argument("file", metavar="FILE")
    whole = add("mark", "seal the lines on standard input as the mark of a complete backup")
    add_key(whole)
    whole.add_argument("--manifest", type=Path, metavar="FILE", help="of its homes")
    whole.add_argument("folder", metavar="FOLDER", help="the name of the backup")
    proofs = add("proofs", "tell what each backup on a disk proves about itself, a line each")
    proofs.add_argument("--key", type=Path, required=True, metavar="FILE", help="to check seals")
    proofs.add_argument("mount", type=Path, metavar="MOUNT")
    expire = add("expire", "of the dates on standard input, tell those that RULES do not keep")
    expire.add_argument("rules", metavar="RULES", help='such as "last=3 daily=7 within=1m"')
    weight = add("weigh", "tell how many bytes only the snapshots of these manifests hold")
    weight.add_argument("--stay", action="append", default=[], metavar="FILE", help="not these")
    weight.add_argument("manifests", nargs="+", metavar="FILE")
    gone = add("remove", "remove directories with all that is below, also subvolumes of Btrfs")
    gone.add_argument("trees", nargs="+", metavar="DIR")
    settle = add("settle", "on Btrfs: wait until the room of what was removed is free")
    settle.add_argument("--seconds", type=_seconds, metavar="N", help="at most so long")
    settle.add_argument("target", metavar="DIR", help="on that file system")
    if recovery:
        from tetrasback.snapshot.recovery.commands import add_parsers

        add_parsers(add)
    return made


def _processors() -> int:
    return max(1, min(4, len(os.sched_getaffinity(0))))


def _jobs(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError("must be 1 to 64")
    return int(text)


def _percent(text: str) -> float:
    try:
        value = float(text.removesuffix("%"))
    except ValueError:
        value = 0.0
    if not 0 < value <= 100:
        raise argparse.ArgumentTypeError("must be a percentage above 0, such as 10%")
    return value


def _seconds(text: str) -> float:
    if not text.isdecimal() or len(text) > 10:
        raise argparse.ArgumentTypeError("must be a number of seconds")
    return float(text)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """As argparse does, but paths may also come after options that follow the first argument."""
    given = sys.argv[1:] if arguments is None else arguments
    made = parser(recovery=not given or given[0] not in COMMANDS)
    options, rest = made.parse_known_args(given)
    rest = [word for word in rest if word != "--"]
    if rest and (not hasattr(options, "paths") or any(word.startswith("-") for word in rest)):
        made.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        options.paths += rest
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; the exit status."""
    options = _parse(arguments)
    signal.signal(signal.SIGTERM, _end)
    root = getattr(options, "source", getattr(options, "target", ""))
    command, answers = _command(options.command)
    speaker = Speaker(progress_stream(os.environ, sys.stderr if answers else sys.stdout), root)
    try:
        command(options, speaker)
    except (Refused, Failed, BadPattern, BadRule) as error:
        speaker.complain(str(error))
        return EXIT_ERROR
    except (SourceTrouble, Vanished) as error:
        speaker.complain(f"cannot look at all of it: {error}")
        return EXIT_ERROR
    except DiskTrouble as error:
        speaker.complain(str(error))
        return EXIT_NO_ROOM if error.full else EXIT_DISK
    except MemoryError:
        speaker.complain("more memory would be needed than is allowed: the disk makes no sense")
        return EXIT_DISK
    except OSError as error:  # the disk was torn out in the middle, say
        speaker.complain(words(error))
        return EXIT_DISK
    except KeyboardInterrupt:
        speaker.complain("stopped by a signal")
        return 128 + signal.SIGTERM
    return EXIT_WARNING if speaker.warnings else EXIT_OK


def _command(name: str) -> tuple[Command, bool]:
    """The command NAME, and whether its answers are what standard output is for."""
    if name in COMMANDS:
        return COMMANDS[name], False
    from tetrasback.snapshot.recovery import commands as recovery

    return recovery.COMMANDS[name], name in recovery.ANSWERING


def _end(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
