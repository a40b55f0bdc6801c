"""How much a snapshot would write, found out as it is made, but without writing."""

import os
import stat
from collections.abc import Callable
from contextlib import ExitStack

from tetrasback.snapshot.listing import Excluded, Named, join, list_directory, written
from tetrasback.snapshot.manifest import Manifest, encode_name, facts, has_facts, lacking_facts
from tetrasback.snapshot.teamwork import Listener, Team
from tetrasback.snapshot.trees import Tree
from tetrasback.snapshot.troubles import SourceTrouble, Vanished
from tetrasback.snapshot.unchanged import share


def plan(
    source: Tree,
    manifest: Manifest | None,
    excluded: Excluded | None,
    jobs: int,
    listener: Listener,
) -> None:
    """Have LISTENER told, as its progress, of the bytes and entries that are new or changed.

    Bytes are those that files take on a disk. MANIFEST is of the snapshot before. Nothing is said
    of what cannot be read: the snapshot will say it. A file with several names counts for each.
    """
    with ExitStack() as stack:
        nowhere = [stack.enter_context(open(os.devnull, "r+b")) for _ in range(jobs)]
        team = Team(
            nowhere,
            lambda reporter: Planner(
                source, manifest, excluded, reporter.count, reporter.count_files
            ),
            listener,
        )
        with team:
            team.run()


class Planner:
    """Looks at one directory at a time; a `teamwork.Crew`."""

    def __init__(
        self,
        source: Tree,
        manifest: Manifest | None,
        excluded: Excluded | None,
        count: Callable[[int], None],
        count_files: Callable[[int], None],
    ) -> None:
        self._source = source
        self._manifest = manifest
        self._excluded = excluded
        self._count = count
        self._count_files = count_files

    def directory(self, path: str) -> list[str]:
        """Count what is new in the directory at PATH; the paths of those in it."""
        try:
            here = self._source.open(path)
        except OSError:
            return []
        try:
            entries = list_directory(here, path, self._excluded, lambda path, why: None)
        except (SourceTrouble, Vanished):
            return []
        finally:
            os.close(here)
        return self._look(path, entries)

    def _look(self, path: str, entries: list[Named]) -> list[str]:
        prefix = written(path) + "/"
        manifest = self._manifest
        text = manifest.text(written(path)) if manifest is not None else ""
        same = share(text[:-1].split("\n")[1:], prefix, entries, -1, -1, ())
        old: dict[str, str] | None = None
        below, size, files = [], 0, 0
        for (name, status), line in zip(entries, same, strict=True):
            if line is not None:
                continue
            if stat.S_ISDIR(status.st_mode):
                below.append(join(path, name))
                files += manifest is None or written(below[-1]) not in manifest.blocks
                continue
            if old is None:
                old = manifest.lines(written(path)) if manifest is not None else {}
            rest = old.get(prefix + encode_name(name), "")
            if not has_facts(rest, lacking_facts(facts(status))):
                files += 1
                size += status.st_blocks * 512
        self._count(size)
        self._count_files(files)
        return below
