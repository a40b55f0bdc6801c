"""The archive: `tar czf`, and the one of the backup script."""

from pathlib import Path

from bench.snapshots.measuring import timed
from tests.harness.process import PROJECT

COMPRESS = PROJECT / "tetrasback/scripts/lib_compress.sh"


def tar_czf(source: Path, disk: Path) -> float:
    """Seconds of the usual way."""
    return timed(["tar", "-C", source, "-czf", disk / "usual.tar.gz", "."], disk).seconds


def ours(source: Path, disk: Path) -> float:
    """Seconds of the backup script's way, which keeps more: ACLs and attributes."""
    argv = [
        *("tar", "-C", source, "--acls", "--xattrs", "--sparse"),
        *(f"--use-compress-program=bash {COMPRESS}", "-cf", disk / "ours.tar.gz", "."),
    ]
    return timed(argv, disk).seconds
