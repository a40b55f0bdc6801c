"""Whether anything below some directories has been touched: one word that is the same if not."""

import hashlib
import os
import stat
from collections.abc import Iterable

from tetrasback.snapshot.listing import Excluded, join, list_directory, written
from tetrasback.snapshot.manifest import facts
from tetrasback.snapshot.trees import Tree
from tetrasback.snapshot.troubles import SourceTrouble, source_trouble


def fingerprint(source: Tree, parts: Iterable[str], excluded: Excluded | None) -> str:
    """The word for what lies below the PARTS of SOURCE (paths relative to it), in hexadecimal.

    It stands for names and facts (`manifest.facts`), so for contents as far as change times tell.
    Raises SourceTrouble for what cannot be looked at, Vanished for a part that is not there.
    """
    digest = hashlib.sha256()
    for part in parts:
        waiting = [part.strip("/")]
        while waiting:
            waiting += _directory(source, waiting.pop(), excluded, digest)
    return digest.hexdigest()


def _directory(
    source: Tree, path: str, excluded: Excluded | None, digest: "hashlib._Hash"
) -> list[str]:
    try:
        here = source.open(path)
    except OSError as error:
        raise source_trouble(error) from error
    try:
        digest.update(f"{written(path)} {facts(os.fstat(here))}\n".encode("ascii"))
        entries = list_directory(here, path, excluded, _fail)
    finally:
        os.close(here)
    below = []
    for name, status in entries:
        inner = join(path, name)
        if stat.S_ISDIR(status.st_mode):
            below.append(inner)
        else:
            digest.update(f"{written(inner)} {facts(status)}\n".encode("ascii"))
    return below


def _fail(path: str, why: str) -> None:
    raise SourceTrouble(f"{path}: {why}")
