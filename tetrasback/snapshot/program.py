"""tetras-back-snapshot: the command line; see tetras-back-snapshot(8)."""

import argparse
import hashlib
import hmac
import os
import secrets
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Final

from tetrasback import __version__
from tetrasback.snapshot import subvolumes
from tetrasback.snapshot.fingerprint import fingerprint
from tetrasback.snapshot.making import make
from tetrasback.snapshot.manifest import KEY_BYTES, BadManifest, Manifest, open_manifest
from tetrasback.snapshot.patterns import BadPattern, read_patterns
from tetrasback.snapshot.plan import plan
from tetrasback.snapshot.speaking import Speaker
from tetrasback.snapshot.trees import Tree
from tetrasback.snapshot.troubles import DiskTrouble, SourceTrouble, Vanished, words
from tetrasback.snapshot.worker import Job

EXIT_OK: Final = 0
EXIT_ERROR: Final = 1
EXIT_USAGE: Final = 2
EXIT_WARNING: Final = 3
EXIT_DISK: Final = 74
"""EX_IOERR of sysexits(3): the disk failed."""
EXIT_NO_ROOM: Final = 75
"""EX_TEMPFAIL: nothing but room was missing."""


class Refused(Exception):
    """What is asked for cannot be done; one line."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="tetras-back-snapshot",
        description="Copies the tree SOURCE to TARGET, which must not exist. Files that have not"
        " changed since the snapshot before are shared with it.",
        allow_abbrev=False,
    )
    made.add_argument("source", metavar="SOURCE")
    made.add_argument("target", metavar="TARGET", nargs="?")
    made.add_argument("--plan", action="store_true", help="only tell how much would be written")
    made.add_argument(
        "--fingerprint",
        action="append",
        default=[],
        metavar="PART",
        help="only tell a word that is the same while nothing in this part of SOURCE is touched",
    )
    made.add_argument(
        "--seal", action="store_true", help="only tell a word that proves the file SOURCE later"
    )
    made.add_argument("--manifest", type=Path, metavar="FILE", help="of the new snapshot")
    made.add_argument("--key", type=Path, required=True, metavar="FILE", help="seals manifests")
    made.add_argument("--previous", metavar="DIR", help="the snapshot before")
    made.add_argument("--previous-manifest", type=Path, metavar="FILE", help="and its manifest")
    made.add_argument(
        "--subvolume", action="store_true", help="on Btrfs: make the first one a subvolume"
    )
    made.add_argument(
        "--exclude", action="append", default=[], metavar="PATTERN", help="as in rsync(1)"
    )
    made.add_argument("--jobs", type=int, default=_processors(), metavar="N")
    made.add_argument("--version", action="version", version=__version__)
    return made


def _processors() -> int:
    return max(1, min(4, len(os.sched_getaffinity(0))))


def main(arguments: Sequence[str] | None = None) -> int:
    """Make a snapshot; the exit status."""
    options = parser().parse_args(arguments)
    only_look = options.plan or options.seal or bool(options.fingerprint)
    if only_look != (options.target is None) or only_look != (options.manifest is None):
        parser().error("give TARGET and --manifest, or one of --plan, --fingerprint and --seal")
    signal.signal(signal.SIGTERM, _end)
    speaker = Speaker(sys.stdout, options.source)
    try:
        _work(options, speaker)
    except (Refused, BadPattern) as error:
        speaker.complain(str(error))
        return EXIT_ERROR
    except (SourceTrouble, Vanished) as error:
        speaker.complain(f"cannot look at all of it: {error}")
        return EXIT_ERROR
    except DiskTrouble as error:
        speaker.complain(str(error))
        return EXIT_NO_ROOM if error.full else EXIT_DISK
    except KeyboardInterrupt:
        speaker.complain("stopped by a signal")
        return 128 + signal.SIGTERM
    return EXIT_WARNING if speaker.warnings else EXIT_OK


def _end(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _work(options: argparse.Namespace, speaker: Speaker) -> None:
    key = read_key(options.key)
    if options.seal:
        speaker.say(f"seal {_seal(options.source, key)}")
        return
    excluded = read_patterns(options.exclude) if options.exclude else None
    source = _tree(options.source)
    previous = _tree(options.previous) if options.previous else None
    manifest = None
    if previous is not None and options.previous_manifest is not None:
        manifest = _believed(options.previous_manifest, key, speaker)
    if options.fingerprint:
        speaker.say(f"fingerprint {fingerprint(source, options.fingerprint, excluded)}")
        return
    if options.plan:
        plan(source, manifest, excluded, options.jobs, speaker)
    else:
        in_place = _begin(Path(options.target), previous, options.subvolume)
        job = Job(source, Tree(options.target), previous, manifest, in_place, excluded)
        make(job, options.manifest, key, options.jobs, speaker)
    speaker.end()


def read_key(path: Path) -> bytes:
    """The key in the file at PATH, in hexadecimal, made where there is none. Raises Refused."""
    try:
        if not path.exists():
            with suppress(FileExistsError):  # somebody else was quicker
                _make_key(path)
        key = bytes.fromhex(path.read_text("ascii").strip())
    except OSError as error:
        raise Refused(f"cannot read {path}: {words(error)}") from error
    except ValueError as error:
        raise Refused(f"{path} is no key: {KEY_BYTES} bytes in hexadecimal") from error
    if len(key) != KEY_BYTES:
        raise Refused(f"{path} is no key: {KEY_BYTES} bytes in hexadecimal")
    return key


def _make_key(path: Path) -> None:
    """A key that nobody else can read, on the disk before anything is sealed with it."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(descriptor)
        os.link(fresh, path)
    finally:
        os.unlink(fresh)


def _seal(path: str, key: bytes) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, lambda: hmac.new(key, digestmod="sha256")).hexdigest()
    except OSError as error:
        raise Refused(f"cannot read {path}: {words(error)}") from error


def _tree(path: str) -> Tree:
    try:
        return Tree(os.path.realpath(path))
    except OSError as error:
        raise Refused(f"cannot open {path}: {words(error)}") from error


def _believed(path: Path, key: bytes, speaker: Speaker) -> Manifest | None:
    try:
        return open_manifest(path, key)
    except (BadManifest, OSError) as error:
        why = words(error) if isinstance(error, OSError) else str(error)
        speaker.note(f"everything is read again, {path.name} is of no use: {why}")
        return None


def _begin(target: Path, previous: Tree | None, subvolume: bool) -> bool:
    """Make the target: whether it began as a snapshot of PREVIOUS."""
    try:
        parent = Tree(str(target.parent))
        try:
            if previous is not None and subvolumes.is_subvolume(previous.root):
                subvolumes.snapshot(previous.root, parent.root, target.name)
                return True
            if subvolume:
                subvolumes.create(parent.root, target.name)
            else:
                os.mkdir(target.name, 0o700, dir_fd=parent.root)
        finally:
            parent.close()
    except FileExistsError as error:
        raise Refused(f"{target} is there already") from error
    except OSError as error:
        raise DiskTrouble(f"cannot make {target}: {words(error)}") from error
    return False


if __name__ == "__main__":
    sys.exit(main())
