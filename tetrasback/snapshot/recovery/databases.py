"""The dumps of databases in an archive, back into the servers that run.

A dump is a program: it is run with the rights of its database server, which it may do anything to,
and with no others. A dump that breaks off is not begun: the archive is read to its end before.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from tetrasback.snapshot.recovery.archive import Archive, BadArchive, BadMember, Member
from tetrasback.snapshot.recovery.engines import ENGINES, MYSQL, Engine, Running
from tetrasback.snapshot.recovery.tally import Tally
from tetrasback.snapshot.troubles import Failed, Refused

_MYSQL: Final = re.compile(r"bases/mysql/([^/]+)\.sql")
_POSTGRESQL: Final = re.compile(r"bases/(postgresql-[^/]+)\.sql")
_RIGHTS: Final = "mysql"
"""The database with the users and their rights, which come when all else is there."""
_TAIL: Final = 4096
"""Bytes at a dump's end in which it says that it is whole."""


@dataclass(frozen=True, slots=True)
class Dump:
    """One in an archive."""

    engine: str
    name: str
    path: str
    size: int


def restore_databases(
    open_archive: Callable[[], Archive],
    is_sealed: Callable[[Archive], bool],
    engine: str,
    names: Sequence[str],
    tally: Tally,
) -> None:
    """Restore the dumps of ENGINE ('' = all) that are called NAMES (none = all).

    IS_SEALED tells of an archive that was read whether it is as it was written. Raises Refused
    (then nothing was changed), Failed.
    """
    dumps = _chosen(_whole_dumps(open_archive, is_sealed), engine, names)
    servers = {name: ENGINES[name]() for name in sorted({dump.engine for dump in dumps})}
    for server in servers.values():
        server.check([dump.name for dump in dumps if dump.engine == server.name])
    total = sum(dump.size for dump in dumps) or 1
    tally.label = "databases"
    tally.fraction = lambda: min(1.0, tally.bytes / total)
    rights = [dump for dump in dumps if _is_rights(dump)]
    failed = []
    for part in ([dump for dump in dumps if not _is_rights(dump)], rights):
        if part:
            failed += _feed(open_archive, part, servers, tally)
    if rights:
        servers[MYSQL].reload_rights()
    if failed:
        raise Failed(f"not restored, or in part: {'; '.join(failed)}")


def _is_rights(dump: Dump) -> bool:
    return (dump.engine, dump.name) == (MYSQL, _RIGHTS)


def _chosen(dumps: Sequence[Dump], engine: str, names: Sequence[str]) -> list[Dump]:
    found = [dump for dump in dumps if not engine or dump.engine == engine]
    if not found:
        of = f" of {engine}" if engine else ""
        raise Refused(f"this backup holds no dump{of} of a database")
    unknown = [name for name in names if name not in {dump.name for dump in found}]
    if unknown:
        there = ", ".join(sorted(dump.name for dump in found))
        raise Refused(f"no dump of {', '.join(unknown)[:200]}; there are: {there[:1000]}")
    return [dump for dump in found if not names or dump.name in names]


def _members(archive: Archive) -> Iterator[tuple[Member, Dump]]:
    for item in archive.members():
        if not isinstance(item, Member) or item.is_hard_link:
            continue
        for engine, pattern in (("mysql", _MYSQL), ("postgresql", _POSTGRESQL)):
            match = pattern.fullmatch(item.path)
            if match and item.is_file:
                name = os.fsdecode(unquote_to_bytes(os.fsencode(match[1])))
                yield item, Dump(engine, name, item.path, item.size)


def _whole_dumps(
    open_archive: Callable[[], Archive], is_sealed: Callable[[Archive], bool]
) -> list[Dump]:
    """All in the archive, once that has been read to its end. Raises Refused."""
    archive = open_archive()
    found = []
    try:
        for member, dump in _members(archive):
            end = b""
            for _, data in member.stretches():
                end = (end + data[-_TAIL:])[-_TAIL:]
            if ENGINES[dump.engine].last_words not in end:
                raise Refused(f"the dump {dump.path} in the archive breaks off; nothing was done")
            found.append(dump)
        if not is_sealed(archive):
            raise Refused("the archive is not what was written; nothing was done")
    except (BadArchive, BadMember) as error:
        raise Refused(f"the archive cannot be read: {error}; nothing was done") from error
    finally:
        archive.close()
    return found


def _feed(
    open_archive: Callable[[], Archive],
    dumps: Sequence[Dump],
    servers: Mapping[str, Engine],
    tally: Tally,
) -> list[str]:
    """Give each of DUMPS to its server; what went wrong."""
    wanted = {dump.path for dump in dumps}
    failed = []
    archive = open_archive()
    try:
        for member, dump in _members(archive):
            if dump.path not in wanted:
                continue
            wanted.discard(dump.path)
            with servers[dump.engine].begin() as running:
                why = _give(member, running, tally)
            if why:
                failed.append(f"{dump.name}: {why}")
            for warning in running.warnings:
                tally.warn(f"{dump.name}: {warning}")
            tally.entry()
    except (BadArchive, BadMember) as error:
        raise Failed(f"the archive cannot be read any more: {error}") from error
    finally:
        archive.close()
    return failed


def _give(member: Member, running: Running, tally: Tally) -> str:
    for _, data in member.stretches():
        if not running.write(data):
            break
        tally.count(len(data))
    return running.end()
