"""A restore: what is asked for, out of the homes and the archive of one backup."""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from tetrasback.snapshot.recovery.archive import BadArchive
from tetrasback.snapshot.recovery.destination import STAGING, Destination, NotRestored
from tetrasback.snapshot.recovery.homes import Homes
from tetrasback.snapshot.recovery.server import Server
from tetrasback.snapshot.recovery.source import ARCHIVES, Source
from tetrasback.snapshot.recovery.tally import Tally
from tetrasback.snapshot.recovery.wanted import HOME, Wanted, outermost, split
from tetrasback.snapshot.recovery.way import open_way
from tetrasback.snapshot.troubles import Refused

DUMPS = "bases"
"""Where the archive has the dumps of databases."""
_ALWAYS_THERE = frozenset({"lost+found"})


@dataclass(frozen=True, slots=True)
class Order:
    """What a person wants: PATHS (as `wanted.read_path` gives them) put below the directory TO."""

    paths: Sequence[str]
    to: str
    in_place: bool
    """What is there already is replaced."""
    unproved: bool = False
    """Also by what is not proved to be what was made on this server."""

    @property
    def strict(self) -> bool:
        """Nothing is replaced by what is not proved."""
        return self.in_place and not self.unproved


class _Parts:
    """Of an order: what comes out of the homes ('' = all of them), and what out of the archive."""

    def __init__(self, order: Order, source: Source) -> None:
        self.homes, self.archive = split(order.paths, source.homes is not None)
        self.left_out = {DUMPS} if order.in_place else set()
        if source.homes is not None:
            self.left_out.add(HOME)


def restore(source: Source, order: Order, tally: Tally) -> None:
    """Carry ORDER out. Raises Refused (then nothing was changed), DiskTrouble."""
    with ExitStack() as stack:
        parts = _Parts(order, source)
        if f"{os.path.realpath(order.to)}/".startswith(f"{source.path}/"):
            raise Refused(f"{order.to} lies in the backup itself; give another directory")
        if order.strict:
            require_proof(source, archive=bool(parts.archive))
        root = open_way(order.to, make=not order.in_place)
        stack.callback(os.close, root)
        destination = Destination(root, replace=order.in_place)
        stack.callback(destination.close)
        if not order.in_place:
            _refuse_to_replace(destination, root, order)
        elif parts.archive and not source.is_archive_whole():
            # Afterwards would be too late: it may hold any user's rights, root's too.
            raise Refused(
                f"{source.archive_name} is not what was written, and nothing was put in place;"
                " restore to another directory, and look at it"
            )
        source.tell_proof(tally)
        if "" in parts.archive:
            _tell_lacking(source, tally)
        manifest = source.manifest(tally) if parts.homes else None
        if manifest is not None:
            stack.callback(manifest.close)
        elif order.strict and parts.homes:
            raise Refused(f"the manifest of this backup proves nothing; {_NOTHING_DONE}")
        missing = []
        homes = None
        if parts.homes and source.homes is not None:
            homes = Homes(source.homes, manifest, destination, tally, strict=order.strict)
            stack.callback(homes.close)
            missing = [f"{HOME}/{path}" for path in homes.look_at(parts.homes)]
            parts.homes = [path for path in parts.homes if f"{HOME}/{path}" not in missing]
        weigh = _Weights(homes.bytes if homes else 0, source.archive_bytes if parts.archive else 0)
        if homes is not None:
            weigh.homes(tally)
            for path in parts.homes:
                homes.restore(path)
            homes.finish()
        if parts.archive and source.archive_name:
            missing += _restore_archive(source, destination, parts, tally, weigh)
        else:
            missing += [path for path in parts.archive if path]
        _tell_missing(missing, tally)
        if order.in_place and "" in parts.archive:
            tally.note("dumps of databases are not restored in place; see restore-database")
        destination.sync()


_NOTHING_DONE = (
    "nothing was replaced; restore to another directory and look at it, or give --unproved"
)


def require_proof(source: Source, *, archive: bool) -> None:
    """Raise Refused unless SOURCE, and its ARCHIVE if that is wanted, is what was made here."""
    if not source.is_sealed_as_one:
        raise Refused(f"{source.unproved}; {_NOTHING_DONE}")
    if archive and source.archive_name and not source.has_seal:
        raise Refused(f"{source.archive_name} has no seal; {_NOTHING_DONE}")


def _tell_missing(missing: Sequence[str], tally: Tally) -> None:
    if missing and not tally.files:
        raise Refused(f"not in this backup: {', '.join(f'/{path}' for path in missing)[:1000]}")
    for path in missing:
        tally.warn(f"not in this backup: /{path}")


def _tell_lacking(source: Source, tally: Tally) -> None:
    """Everything is wanted: what of it a complete backup lacks."""
    for part, name, there in (
        ("data", "Donnees", source.homes is not None),
        ("config", ARCHIVES[0], source.archive_name != ""),
    ):
        if there:
            continue
        if source.has_noted(part):
            tally.warn(f"damaged: {name} is not there, or is something else")
        else:
            tally.note(f"this backup has no {name}")


def _restore_archive(
    source: Source, destination: Destination, parts: _Parts, tally: Tally, weigh: "_Weights"
) -> list[str]:
    """What is wanted of it and not in it."""
    if not source.has_seal:
        tally.note(f"{source.archive_name} has no seal, or not this server's: it may be another")
    archive = source.open_archive()
    wanted = Wanted(parts.archive, parts.left_out)
    server = Server(source.open_archive, destination, tally, wanted)
    weigh.archive(tally, lambda: archive.position)
    try:
        server.restore(archive)
        if not source.is_sealed(archive):
            tally.warn(f"damaged: {source.archive_name} is not what was written")
        server.restore_links()
    except BadArchive as error:
        where = f"beyond /{server.last}" if server.last else "at all"
        tally.warn(f"damaged: {source.archive_name} cannot be read {where}: {error}")
    finally:
        archive.close()
    server.finish()
    return wanted.missing()


def _refuse_to_replace(destination: Destination, root: int, order: Order) -> None:
    paths = outermost(order.paths)
    if not paths or "" in paths:
        there = sorted(
            name
            for name in os.listdir(root)
            if name not in _ALWAYS_THERE and not name.startswith(STAGING)
        )
        if there:
            raise Refused(f"{order.to} is not empty; give a directory that is, or a new one")
    for path in paths:
        try:
            there_already = path and destination.kind(path) is not None
        except NotRestored as error:
            raise Refused(f"{order.to} cannot take /{path}: {error}") from error
        if there_already:
            raise Refused(
                f"{order.to.rstrip('/')}/{path} is there already; give another directory,"
                " or move it away"
            )


class _Weights:
    """How far it is of all, which is HOMES bytes to copy, and ARCHIVE bytes to read."""

    def __init__(self, homes: int, archive: int) -> None:
        self._homes = homes
        self._all = max(1, homes + archive)

    def homes(self, tally: Tally) -> None:
        tally.label = "home"
        tally.fraction = lambda: min(tally.bytes, self._homes) / self._all

    def archive(self, tally: Tally, position: Callable[[], int]) -> None:
        tally.label = "archive"
        tally.fraction = lambda: min(1.0, (self._homes + position()) / self._all)
