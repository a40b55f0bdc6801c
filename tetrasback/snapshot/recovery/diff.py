"""What is different in two backups: new, gone, another content, another owner, mode or time."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final

from tetrasback.snapshot.listing import join
from tetrasback.snapshot.recovery.archive import Archive, BadMember, Member
from tetrasback.snapshot.recovery.views import Item, View
from tetrasback.snapshot.recovery.wanted import is_within

NEW: Final = "+"
GONE: Final = "-"
CONTENT: Final = "M"
REST: Final = "m"

Change = tuple[str, str]
"""One of the signs above, and the path."""


def compare_homes(one: View, other: View, top: str) -> Iterator[Change]:
    """What changed from ONE to OTHER at TOP ('' = everywhere) and below it."""
    parent, _, name = top.rpartition("/")
    waiting: list[tuple[str, str]] = []
    if top:
        yield from _here(one, other, parent, name, waiting)
    else:
        waiting.append(("", ""))
    while waiting:
        sign, path = waiting.pop()
        if sign:
            view = other if sign == NEW else one
            for name, item in sorted(view.directory(path).items()):
                yield sign, join(path, name)
                if item.directory:
                    waiting.append((sign, join(path, name)))
        else:
            yield from _here(one, other, path, "", waiting)


def _here(
    one: View, other: View, path: str, only: str, waiting: list[tuple[str, str]]
) -> Iterator[Change]:
    """What changed in the directory at PATH (ONLY: that entry); directories are left WAITING."""
    before, after = one.directory(path), other.directory(path)
    for name in sorted({*before, *after}):
        if only and name != only:
            continue
        inner = join(path, name)
        old, new = before.get(name), after.get(name)
        if new is None or old is None or old.directory != new.directory:
            for sign, item in ((GONE, old), (NEW, new)):
                if item is not None:
                    yield sign, inner
                    if item.directory:
                        waiting.append((sign, inner))
            continue
        sign = _changed(old, new)
        if sign:
            yield sign, inner
        if new.directory:
            waiting.append(("", inner))


def _changed(old: Item, new: Item) -> str:
    if old.file is not None and old.file == new.file:
        return ""
    if old.content != new.content:
        return CONTENT
    if old.read is not None and new.read is not None and old.read() != new.read():
        return CONTENT
    if old.rest != new.rest:
        return REST
    if old.touched and old.touched == new.touched:
        return ""
    if old.attributes is not None and new.attributes is not None:
        return REST if old.attributes() != new.attributes() else ""
    return ""


Told = tuple[bytes, bytes]
"""What is remembered of an entry of an archive: digests of its content, and of the rest."""


def compare_archives(
    one: Archive | None, other: Archive | None, tops: Sequence[str], left_out: frozenset[str]
) -> Iterator[Change]:
    """What changed at TOPS and below them. Raises BadArchive."""
    before = dict(_all(one, tops, left_out)) if one is not None else {}
    for path, told in _all(other, tops, left_out) if other is not None else ():
        old = before.pop(path, None)
        if old is None:
            yield NEW, path
        elif old[0] != told[0]:
            yield CONTENT, path
        elif old[1] != told[1]:
            yield REST, path
    for path in sorted(before):
        yield GONE, path


def _all(
    archive: Archive, tops: Sequence[str], left_out: frozenset[str]
) -> Iterator[tuple[str, Told]]:
    for item in archive.members():
        if not isinstance(item, Member) or not item.path:
            continue
        if item.path.partition("/")[0] in left_out:
            continue
        if any(is_within(item.path, top) for top in tops):
            try:
                yield item.path, _told(item)
            except BadMember:
                continue


def _told(member: Member) -> Told:
    facts = member.facts()
    kind = facts.st_mode & 0o170000
    content = hashlib.sha256(f"{kind} {facts.st_rdev} {member.size}".encode())
    if member.is_hard_link:
        content.update(b"link " + member.target.encode("utf-8", "surrogateescape"))
    elif member.text:
        content.update(member.text.encode("utf-8", "surrogateescape"))
    else:
        for position, data in member.stretches():
            content.update(f"{position} ".encode() + data)
    rest = (facts.st_mode, facts.st_uid, facts.st_gid, facts.st_mtime_ns, member.attributes())
    return content.digest()[:16], hashlib.sha256(repr(rest).encode()).digest()[:16]
