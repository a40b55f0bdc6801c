"""Two backups beside each other: their homes, by manifests if both have one, and their archives."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack

from tetrasback.snapshot.manifest import BadManifest
from tetrasback.snapshot.recovery.archive import BadArchive
from tetrasback.snapshot.recovery.diff import Change, compare_archives, compare_homes
from tetrasback.snapshot.recovery.source import Source
from tetrasback.snapshot.recovery.tally import Tally
from tetrasback.snapshot.recovery.views import ManifestView, NoView, TreeView, View
from tetrasback.snapshot.recovery.wanted import HOME, split
from tetrasback.snapshot.troubles import Refused


def differences(one: Source, other: Source, paths: Sequence[str], tally: Tally) -> Iterator[Change]:
    """What changed from ONE to OTHER at PATHS (none = everywhere), with paths as on the server.

    Raises Refused where one of them cannot be read.
    """
    any_homes = one.homes is not None or other.homes is not None
    homes, archive = split(paths, any_homes)
    try:
        if homes:
            yield from _homes(one, other, homes, tally)
        if archive and one.archive_file != other.archive_file:
            yield from _archives(one, other, archive, any_homes)
    except BadManifest as error:
        raise Refused(f"a manifest makes no sense: {error}") from error
    except BadArchive as error:
        raise Refused(f"an archive cannot be read: {error}") from error


def _homes(one: Source, other: Source, tops: Sequence[str], tally: Tally) -> Iterator[Change]:
    with ExitStack() as stack:
        manifests = [one.manifest(tally), other.manifest(tally)]
        for manifest in manifests:
            if manifest is not None:
                stack.callback(manifest.close)
        both = None not in manifests
        views: list[View] = []
        for source, manifest in zip((one, other), manifests, strict=True):
            if source.homes is None:
                views.append(NoView())
            elif both and manifest is not None:
                views.append(ManifestView(manifest, source.homes))
            else:
                views.append(TreeView(source.homes))
        for top in tops:
            for sign, path in compare_homes(views[0], views[1], top):
                yield sign, f"/{HOME}/{path}"


def _archives(one: Source, other: Source, tops: Sequence[str], any_homes: bool) -> Iterator[Change]:
    with ExitStack() as stack:
        archives = []
        for source in (one, other):
            archive = source.open_archive() if source.archive_name else None
            archives.append(archive)
            if archive is not None:
                stack.callback(archive.close)
        left_out = frozenset({HOME} if any_homes else ())
        for sign, path in compare_archives(archives[0], archives[1], tops, left_out):
            yield sign, f"/{path}"
