"""The commands of the way back, each from its options to what it says."""

import argparse
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tetrasback.snapshot.key import existing_key
from tetrasback.snapshot.memory import limit_memory
from tetrasback.snapshot.recovery.backups import Backup, Shelf, host_name, machine_id
from tetrasback.snapshot.recovery.databases import restore_databases
from tetrasback.snapshot.recovery.differing import differences
from tetrasback.snapshot.recovery.engines import ENGINES
from tetrasback.snapshot.recovery.restoring import Order, require_proof, restore
from tetrasback.snapshot.recovery.source import Source
from tetrasback.snapshot.recovery.tally import Tally
from tetrasback.snapshot.recovery.wanted import read_path
from tetrasback.snapshot.speaking import Speaker
from tetrasback.snapshot.troubles import Refused

KEY: Final = Path(os.environ.get("TETRAS_BACK_KEY") or "/var/lib/tetras-back/manifest.key")

Add = Callable[[str, str], argparse.ArgumentParser]


def add_parsers(add: Add) -> None:
    """The command lines of COMMANDS; ADD makes a command of a name and a description."""
    listing = add("list", "tell the complete backups on a mounted disk, a line of JSON each")
    _add_key(listing)
    listing.add_argument("mount", type=Path, metavar="MOUNT")
    back = add("restore", "put back what a backup holds")
    _add_source(back)
    back.add_argument("--to", metavar="DIR", help="below this directory, made where missing")
    back.add_argument("--in-place", action="store_true", help="below /, and replace what is there")
    _add_unproved(back)
    back.add_argument("--source", dest="root", metavar="ROOT", help="with --in-place: not /")
    back.add_argument(
        "paths", nargs="*", metavar="PATH", help="as on the server, /etc/fstab; none = everything"
    )
    bases = add("restore-database", "put dumps in a backup back into the database servers")
    bases.add_argument("--engine", choices=ENGINES, default="", help="only of these servers")
    _add_unproved(bases)
    bases.add_argument("folder", type=Path, metavar="FOLDER", help="of the backup, on the disk")
    bases.add_argument(
        "paths", nargs="*", metavar="NAME", help="of a database, or of a PostgreSQL server's dump"
    )
    diff = add("diff", "tell what is different in two backups: + new, - gone, M content, m owner …")
    diff.add_argument("--key", type=Path, default=KEY, metavar="FILE", help="to check seals")
    diff.add_argument("--json", action="store_true", help="a line of JSON for each")
    diff.add_argument("older", type=Path, metavar="FOLDER", help="of a backup, on the disk")
    diff.add_argument("newer", type=Path, metavar="FOLDER", help="of another")
    diff.add_argument("paths", nargs="*", metavar="PATH", help="as on the server")
    for name, text in (
        ("pin", "keep a backup whatever the rules say"),
        ("unpin", "keep it no longer than the rules say"),
    ):
        pin = add(name, text)
        pin.add_argument("mount", type=Path, metavar="MOUNT")
        pin.add_argument("folder", metavar="FOLDER")


def _add_key(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--key", type=Path, default=KEY, metavar="FILE", help="to check seals, if it is there"
    )


def _add_unproved(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--unproved",
        action="store_true",
        help="replace what is there also by what is not proved to be this server's",
    )


def _add_source(command: argparse.ArgumentParser) -> None:
    _add_key(command)
    command.add_argument("folder", type=Path, metavar="FOLDER", help="of the backup, on the disk")


def tell_backups(options: argparse.Namespace, speaker: Speaker) -> None:
    """List what is on the disk."""
    shelf = Shelf(options.mount, _key_if_readable(options.key, speaker))
    machine, host = machine_id() or f"host-{host_name()}", host_name()
    try:
        for backup in shelf.backups():
            speaker.answer(json.dumps(_described(backup, machine, host)))
    finally:
        shelf.close()


def _key_if_readable(path: Path, speaker: Speaker) -> bytes | None:
    """For somebody who is not root, a disk still has its list."""
    try:
        return existing_key(path)
    except Refused as error:
        speaker.note(f"seals are not checked: {error}")
        return None


def _described(backup: Backup, machine: str, host: str) -> Mapping[str, object]:
    return {
        "snapshot": backup.folder,
        "started": backup.started,
        "host": backup.host,
        "ours": backup.is_ours(machine, host),
        "original": backup.mark is None,
        "pinned": backup.pinned,
        "files": backup.total("files"),
        "bytes": backup.total("bytes"),
        "manifest": backup.manifest,
        "proof": backup.judged.proof,
    }


def restore_backup(options: argparse.Namespace, speaker: Speaker) -> None:
    """Put PATHs, or everything, below --to or back in their place."""
    order = _order(options)
    if os.geteuid() != 0:
        raise Refused("must be run as root: files come back with their owners")
    limit_memory()  # names and headers are read into it, whatever the disk says
    source = Source(options.folder, options.key)
    try:
        restore(source, order, Tally(speaker))
    finally:
        source.close()
    speaker.end()


def _order(options: argparse.Namespace) -> Order:
    if bool(options.to) == options.in_place:
        raise Refused("say where to: --to DIR, or --in-place")
    if options.root and not options.in_place:
        raise Refused("--source goes with --in-place")
    to = options.to or options.root or "/"
    paths = [read_path(path) for path in options.paths]
    return Order(paths, os.path.abspath(to), options.in_place, options.unproved)


def restore_dumps(options: argparse.Namespace, speaker: Speaker) -> None:
    """Put the dumps called NAMEs, or all, back into the servers that run."""
    if os.geteuid() != 0:
        raise Refused("must be run as root, which the database servers know")
    limit_memory()
    source = Source(options.folder, KEY)
    try:
        if not source.archive_name:
            raise Refused("this backup has no archive, and so no dump of a database")
        if not options.unproved:
            require_proof(source, archive=True)
        restore_databases(
            source.open_archive,
            source.is_sealed,
            options.engine,
            options.paths,
            Tally(speaker),
        )
    finally:
        source.close()
    speaker.end()


def tell_differences(options: argparse.Namespace, speaker: Speaker) -> None:
    """List what changed from the older to the newer."""
    paths = [read_path(path) for path in options.paths]
    limit_memory()
    one, other = Source(options.older, options.key), Source(options.newer, options.key)
    try:
        for sign, path in differences(one, other, paths, Tally(speaker)):
            if options.json:
                speaker.answer(json.dumps({"change": sign, "path": path}))
            else:
                speaker.answer(f"{sign} {path}")
    finally:
        one.close()
        other.close()


def pin_backup(options: argparse.Namespace, speaker: Speaker) -> None:
    """Have FOLDER kept, or not."""
    shelf = Shelf(options.mount)
    try:
        shelf.pin(options.folder, options.command == "pin")
    finally:
        shelf.close()


ANSWERING: Final = frozenset({"list", "diff"})
"""Their answer has standard output for itself."""

COMMANDS: Final[Mapping[str, Callable[[argparse.Namespace, Speaker], None]]] = {
    "list": tell_backups,
    "restore": restore_backup,
    "restore-database": restore_dumps,
    "diff": tell_differences,
    "pin": pin_backup,
    "unpin": pin_backup,
}
