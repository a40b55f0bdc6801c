"""The commands of the program, each from its options to what it says."""

import argparse
import hashlib
import hmac
import os
import stat
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Final

from tetrasback.snapshot import subvolumes
from tetrasback.snapshot.fingerprint import fingerprint
from tetrasback.snapshot.job import Job
from tetrasback.snapshot.key import existing_key, read_key
from tetrasback.snapshot.listing import written
from tetrasback.snapshot.making import make
from tetrasback.snapshot.manifest import (
    NOT_COVERED,
    REGULAR,
    BadManifest,
    Manifest,
    open_manifest,
    read_manifest,
    written_seal,
)
from tetrasback.snapshot.mark import MARK_MAX, BadMark, sealed_mark
from tetrasback.snapshot.memory import limit_memory
from tetrasback.snapshot.patterns import Patterns, read_patterns
from tetrasback.snapshot.plan import plan
from tetrasback.snapshot.recovery.backups import Shelf
from tetrasback.snapshot.removing import remove
from tetrasback.snapshot.retention import read_policy
from tetrasback.snapshot.settling import settle
from tetrasback.snapshot.speaking import Speaker
from tetrasback.snapshot.syncing import Disk
from tetrasback.snapshot.trees import DIRECTORY, Tree
from tetrasback.snapshot.troubles import DiskTrouble, Refused, disk_trouble, words
from tetrasback.snapshot.verifying import Extent, Newer, verify
from tetrasback.snapshot.weighing import weigh

DATE_FORM: Final = "%Y-%m-%d_%H-%M-%S"
"""As the names of backups begin; local time."""
DATES_MAX: Final = 100_000
FOUND_MAX: Final = 100_000
DISTRUSTED_MAX: Final = 1 << 24
"""Bytes of a list of damaged entries that are read."""


def make_snapshot(options: argparse.Namespace, speaker: Speaker) -> None:
    """Copy SOURCE to TARGET, and write the manifest."""
    key = read_key(options.key)
    excluded = _excluded(options)
    source, previous, manifest = _to_compare(options, key, speaker)
    disk = _disk(options.manifest.parent, Path(options.target).parent)
    in_place = _begin(Path(options.target), previous, options.subvolume)
    distrusted = _distrusted(options.damaged) if options.damaged else frozenset()
    target = Tree(options.target, quiet=True)
    apart = (
        not in_place
        and previous is not None
        and os.fstat(previous.root).st_dev != os.fstat(target.root).st_dev
    )
    # Asked only now: when the snapshot was made of it, all that had been done in it was written.
    untouched = (
        in_place
        and (previous is not None and manifest is not None and manifest.subvolume != "")
        and manifest.subvolume == subvolumes.state(previous.root)
    )
    job = Job(source, target, previous, manifest, in_place, untouched, apart, excluded, distrusted)
    make(job, options.manifest, key, options.jobs, speaker, disk)
    speaker.end()


def _disk(*directories: Path) -> Disk:
    try:
        return Disk(directories)
    except OSError as error:
        raise DiskTrouble(f"cannot open {error.filename}: {words(error)}") from error


def _distrusted(path: Path) -> frozenset[str]:
    try:
        with path.open("rb") as file:
            lines = file.read(DISTRUSTED_MAX).decode("ascii", "replace").splitlines()
    except OSError as error:
        raise Refused(f"cannot read {path}: {words(error)}") from error
    return frozenset(lines)


def plan_snapshot(options: argparse.Namespace, speaker: Speaker) -> None:
    """Tell how many bytes and entries would be new."""
    key = read_key(options.key)
    excluded = _excluded(options)
    source, _, manifest = _to_compare(options, key, speaker)
    plan(source, manifest, excluded, options.jobs, speaker)
    speaker.end()


def tell_fingerprint(options: argparse.Namespace, speaker: Speaker) -> None:
    """Tell the word for the state of some directories."""
    patterns = _excluded(options)

    def excluded(path: str, directory: bool) -> bool:
        out = patterns is not None and patterns(path, directory)
        if out and path.isprintable():  # for tar, to which a list of names is lines of text
            speaker.answer(f"excluded {path}")
        return out

    word = fingerprint(_tree(options.source), options.parts, excluded)
    speaker.answer(f"fingerprint {word}")


def tell_seal(options: argparse.Namespace, speaker: Speaker) -> None:
    """Tell the word for the content of a file, which only the key's owner can make."""
    key = read_key(options.key)
    try:
        with open(options.file, "rb") as file:
            digest = hashlib.file_digest(file, lambda: hmac.new(key, digestmod="sha256"))
    except OSError as error:
        raise Refused(f"cannot read {options.file}: {words(error)}") from error
    speaker.answer(f"seal {digest.hexdigest()}")


def tell_mark(options: argparse.Namespace, speaker: Speaker) -> None:
    """Read lines, and tell them with what seals them as the mark of a backup."""
    key = read_key(options.key)
    manifest = ""
    if options.manifest is not None:
        try:
            with options.manifest.open("rb") as file:
                manifest = written_seal(file.fileno())
        except OSError as error:
            raise Refused(f"cannot read {options.manifest}: {words(error)}") from error
        if not manifest:
            raise Refused(f"{options.manifest} has no seal")
    try:
        mark = sealed_mark(sys.stdin.read(MARK_MAX).splitlines(), options.folder, manifest, key)
    except (BadMark, UnicodeError) as error:
        raise Refused(str(error)) from error
    for line in mark.splitlines():
        speaker.answer(line)


def tell_proofs(options: argparse.Namespace, speaker: Speaker) -> None:
    """Tell what each backup on a disk proves about itself, and of what is broken why."""
    shelf = Shelf(options.mount, existing_key(options.key))
    try:
        for backup in shelf.backups():
            judged = backup.judged
            speaker.answer(f"{judged.proof} {backup.folder} {judged.why}".rstrip())
    finally:
        shelf.close()


def verify_snapshot(options: argparse.Namespace, speaker: Speaker) -> None:
    """Compare TARGET with its manifest; tell where to go on."""
    key = read_key(options.key)
    tree = _tree_itself(options.target)
    manifest = _manifest(options.manifest, key)
    newer = None
    if options.newer is not None and options.newer_manifest is not None:
        newer = Newer(_tree_itself(options.newer), _manifest(options.newer_manifest, key))
    extent = Extent(options.sample / 100, options.seconds, options.start)
    if not manifest.covers_attributes:
        speaker.note(NOT_COVERED)
    found = _Found(speaker)
    following = verify(tree, manifest, newer, extent, found)
    if options.damaged is not None and found.places:
        _add_lines(options.damaged, found.places)
    speaker.end()
    speaker.answer(f"next {following}")


def compare_snapshot(options: argparse.Namespace, speaker: Speaker) -> None:
    """Have rsync compare TARGET with SOURCE."""
    from tetrasback.snapshot.judging import compare  # what it needs costs others time

    source, target = _tree(options.source), _tree_itself(options.target)
    compare(source, target, options.exclude, options.since, speaker)
    speaker.end()


def _add_lines(path: Path, lines: Sequence[str]) -> None:
    """At the end of a file on a disk, where somebody may have put a link or a FIFO in its place."""
    how = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        with open(os.open(path, how, 0o600), "a", encoding="ascii") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise DiskTrouble(f"cannot write {path}: it is no regular file")
            file.writelines(f"{line}\n" for line in lines)
    except OSError as error:
        raise DiskTrouble(f"cannot write {path}: {words(error)}") from error


class _Found:
    """Passes on what is found, and remembers where."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker
        self.places: list[str] = []

    def met(self, kind: str, path: str, why: str) -> None:
        self._speaker.met(kind, path, why)
        if len(self.places) < FOUND_MAX:
            self.places.append(written(path))

    def progress(self, size: int, files: int) -> None:
        self._speaker.progress(size, files)


def _manifest(path: Path, key: bytes) -> Manifest:
    try:
        return open_manifest(path, key)
    except (BadManifest, OSError) as error:
        why = words(error) if isinstance(error, OSError) else str(error)
        raise Refused(f"{path}: {why}") from error


def tell_expired(options: argparse.Namespace, speaker: Speaker) -> None:
    """Read dates, a line each; tell those that the rules do not keep, oldest first."""
    policy = read_policy(options.rules)
    dates = set()
    for line in sys.stdin:
        try:
            dates.add(datetime.strptime(line.strip(), DATE_FORM))
        except ValueError as error:
            raise Refused(f"{line.strip()[:40]!r} is no date like 2026-11-25_03-04-05") from error
        if len(dates) > DATES_MAX:
            raise Refused(f"more than {DATES_MAX} dates")
    for date in sorted(dates - policy.kept(dates)):
        speaker.answer(date.strftime(DATE_FORM))


def remove_trees(options: argparse.Namespace, speaker: Speaker) -> None:
    """Remove each of the directories given."""
    for path in options.trees:
        parent, name = os.path.split(os.path.abspath(path))
        if not name:
            raise Refused(f"{path} is no directory that could be removed")
        try:
            above = os.open(os.path.realpath(parent), DIRECTORY)
            try:
                remove(above, name)
            finally:
                os.close(above)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise disk_trouble(error, f"cannot remove {path}") from error


def tell_settled(options: argparse.Namespace, speaker: Speaker) -> None:
    """Wait for the room of removed subvolumes; tell how many there were, and how many are left."""
    tree = _tree(options.target)
    settled, left = settle(tree.root, options.seconds)
    speaker.answer(f"settled {settled}")
    speaker.answer(f"left {left}")


def tell_weight(options: argparse.Namespace, speaker: Speaker) -> None:
    """Tell what only the snapshots of some manifests hold: a guess, so no seal is looked at.

    The tables of all of them are in memory at once, and what they say may be anybody's word.
    """
    limit_memory()
    with ExitStack() as stack:

        def opened(path: str) -> Manifest:
            try:
                manifest = read_manifest(os.open(path, REGULAR), None)
            except (BadManifest, OSError) as error:
                why = words(error) if isinstance(error, OSError) else str(error)
                raise Refused(f"{path}: {why}") from error
            stack.callback(manifest.close)
            return manifest

        gone = [opened(path) for path in options.manifests]
        speaker.answer(f"bytes {weigh(gone, [opened(path) for path in options.stay])}")


def _excluded(options: argparse.Namespace) -> Patterns | None:
    return read_patterns(options.exclude) if options.exclude else None


def _to_compare(
    options: argparse.Namespace, key: bytes, speaker: Speaker
) -> tuple[Tree, Tree | None, Manifest | None]:
    """The source, the snapshot before, and its manifest if that can be believed."""
    source = _tree(options.source)
    previous = _tree(options.previous) if options.previous else None
    if previous is None or options.previous_manifest is None:
        return source, previous, None
    try:
        return source, previous, open_manifest(options.previous_manifest, key)
    except (BadManifest, OSError) as error:
        why = words(error) if isinstance(error, OSError) else str(error)
        name = options.previous_manifest.name
        speaker.note(f"everything is read again, for the manifest {name} is of no use: {why}")
        return source, previous, None


def _tree(path: str) -> Tree:
    try:
        return Tree(os.path.realpath(path))
    except OSError as error:
        raise Refused(f"cannot open {path}: {words(error)}") from error


def _tree_itself(path: str) -> Tree:
    """As `_tree`, but not what a link leads to that somebody put in the place of a snapshot."""
    parent, name = os.path.split(os.path.abspath(path))
    try:
        return Tree(os.path.join(os.path.realpath(parent), name), quiet=True)
    except OSError as error:
        raise Refused(f"cannot open {path}: {words(error)}") from error


def _begin(target: Path, previous: Tree | None, subvolume: bool) -> bool:
    """Make the target; whether it began as a snapshot of PREVIOUS."""
    try:
        parent = Tree(str(target.parent))
        try:
            if previous is not None and subvolumes.is_subvolume(previous.root):
                subvolumes.snapshot(previous.root, parent.root, target.name)
                return True
            if subvolume and subvolumes.on_btrfs(parent.root):
                subvolumes.create(parent.root, target.name)
            else:
                os.mkdir(target.name, 0o700, dir_fd=parent.root)
        finally:
            parent.close()
    except FileExistsError as error:
        raise Refused(f"{target} is there already") from error
    except OSError as error:
        raise disk_trouble(error, f"cannot make {target}") from error
    return False
