"""What the tests of restoring share: a server with a backup on a disk, and the program's word."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.harness import run
from tests.harness.process import PROJECT
from tests.system.scripts_support import Bench

PROGRAM = [sys.executable, "-I", str(PROJECT / "tetrasback/snapshot")]


@dataclass
class Told:
    """How a command ended, and what it said."""

    status: int
    lines: list[str]
    error: str

    def said(self, word: str) -> list[str]:
        return [line.split(" ", 1)[1] for line in self.lines if line.startswith(word + " ")]

    @property
    def warnings(self) -> list[str]:
        return self.said("warning")


def snapshot_program(*words: "str | Path", key: Path | None = None) -> Told:
    """Run tetras-back-snapshot."""
    environment = {**os.environ, "TETRAS_BACK_KEY": str(key or "/nonexistent/key")}
    done = subprocess.run(
        [*PROGRAM, *words],
        capture_output=True,
        text=True,
        errors="surrogateescape",
        env=environment,
        timeout=300,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Told(done.returncode, done.stdout.splitlines(), done.stderr.strip())


@dataclass
class Backup:
    """A complete backup, in FOLDER on the disk of BENCH."""

    bench: Bench
    folder: str

    @property
    def path(self) -> Path:
        return self.bench.mount / self.folder

    @property
    def key(self) -> Path:
        return self.bench.source.parent / "manifest.key"

    def restore(self, *words: "str | Path", status: int = 0, key: bool = True) -> Told:
        """Restore from it; STATUS is the one that is expected."""
        told = snapshot_program("restore", self.path, *words, key=self.key if key else None)
        assert told.status == status, (told.status, told.lines[-20:], told.error)
        return told


def listed(mount: Path) -> list[dict[str, object]]:
    told = snapshot_program("list", mount)
    assert told.status == 0, told.error
    return [json.loads(line) for line in told.lines]


def differences(one: Path, other: Path) -> str:
    """As rsync sees them, to the nanosecond and the last attribute ('' = none)."""
    attributes = ["--filter=-x system.*", "--filter=-x trusted.SGI_ACL_*", "--filter=-x btrfs.*"]
    what = ["rsync", "-aHAXnci", "--numeric-ids", "--delete", "--modify-window=-1", *attributes]
    return run([*what, f"{one}/", f"{other}/"]).stdout


def holes(path: Path) -> int:
    """Bytes of a file that take no room."""
    status = path.stat()
    return status.st_size - status.st_blocks * 512


def copy_of(tree: Path, where: Path) -> Path:
    """TREE as it is now, to compare with later."""
    run(["cp", "-a", tree, where])
    return where


def forget(tree: Path) -> None:
    shutil.rmtree(tree)
