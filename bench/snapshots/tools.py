"""The programs: how each makes a backup of a source onto a disk, once and again."""

import os
import signal
from abc import ABC, abstractmethod
from pathlib import Path

from bench.snapshots.measuring import Cost, timed
from tests.harness import HarnessError, run
from tests.harness.process import PROJECT

OURS = ("/usr/bin/python3", "-I", str(PROJECT / "tetrasback/snapshot"))
JUDGE = ("rsync", "-aHAXnc", "--delete", "--itemize-changes")


class Tool(ABC):
    """One program with a DISK of its own and the SOURCE of all; WORK is for its settings."""

    name = ""
    package = ""
    once = False
    """It knows only full copies."""

    def __init__(self, source: Path, disk: Path, work: Path) -> None:
        self.source = source
        self.disk = disk
        self.work = work / type(self).__name__
        self.work.mkdir()
        self.turn = 0
        self.prepare()

    def prepare(self) -> None:  # noqa: B027 - most have nothing to do
        """What is done once before the first backup, and not measured."""

    def back_up(self, *, memory: bool = False) -> Cost:
        """One more backup."""
        self.turn += 1
        return self._back_up(memory)

    @abstractmethod
    def _back_up(self, memory: bool) -> Cost: ...


class Copy(Tool):
    name = "cp -a"
    package = "coreutils"
    once = True

    def _back_up(self, memory: bool) -> Cost:
        target = self.disk / str(self.turn)
        return timed(["cp", "-a", self.source, target], self.disk, memory=memory)


class Tetras(Tool):
    name = "tetras-back"

    def prepare(self) -> None:
        self.options = ["--subvolume"] if _type(self.disk) == "btrfs" else []
        run([*OURS, "make", "--help"])  # as installed, it is compiled

    def snapshot(self, turn: int) -> Path:
        return self.disk / str(turn)

    def _manifest(self, turn: int) -> Path:
        return self.disk / f".manifest-{turn}"

    def _back_up(self, memory: bool) -> Cost:
        options = list(self.options)
        if self.turn > 1:
            options += ["--previous", str(self.snapshot(self.turn - 1))]
            options += ["--previous-manifest", str(self._manifest(self.turn - 1))]
        argv = [
            *(*OURS, "make", "--key", self.work / "key"),
            *("--manifest", self._manifest(self.turn), *options),
            *(self.source, self.snapshot(self.turn)),
        ]
        return timed(argv, self.disk, memory=memory)

    def check(self) -> str:
        """How the newest snapshot differs from the source, says rsync; empty = it does not."""
        return run([*JUDGE, f"{self.source}/", f"{self.snapshot(self.turn)}/"]).stdout


class Rsync(Tool):
    name = "rsync --link-dest"
    package = "rsync"

    def _back_up(self, memory: bool) -> Cost:
        link = [f"--link-dest={self.disk / str(self.turn - 1)}"] if self.turn > 1 else []
        argv = ["rsync", "-aHAX", *link, f"{self.source}/", f"{self.disk / str(self.turn)}/"]
        return timed(argv, self.disk, memory=memory)


class RsyncInPlace(Tool):
    """On Btrfs: a subvolume snapshot of the last, and rsync into it."""

    name = "btrfs snapshot + rsync"
    package = "rsync"

    def _back_up(self, memory: bool) -> Cost:
        target = self.disk / str(self.turn)
        make = f"btrfs subvolume create {target}"
        if self.turn > 1:
            make = f"btrfs subvolume snapshot {self.disk / str(self.turn - 1)} {target}"
        copy = f"rsync -aHAX --inplace --delete {self.source}/ {target}/"
        return timed(["sh", "-ec", f"{make} && {copy}"], self.disk, memory=memory)


class Rsnapshot(Tool):
    name = "rsnapshot"
    package = "rsnapshot"

    def prepare(self) -> None:
        self.settings = self.work / "rsnapshot.conf"
        lines = [
            ("config_version", "1.2"),
            ("snapshot_root", f"{self.disk}/"),
            ("cmd_cp", "/usr/bin/cp"),
            ("cmd_rm", "/usr/bin/rm"),
            ("cmd_rsync", "/usr/bin/rsync"),
            ("retain", "alpha", "10"),
            ("rsync_long_args", "--delete --numeric-ids --relative -HAX"),
            ("link_dest", "1"),
            ("lockfile", str(self.work / "lock")),
            ("backup", f"{self.source}/", "server/"),
        ]
        self.settings.write_text("".join("\t".join(line) + "\n" for line in lines))

    def _back_up(self, memory: bool) -> Cost:
        return timed(["rsnapshot", "-c", self.settings, "alpha"], self.disk, memory=memory)


class Restic(Tool):
    name = "restic"
    package = "restic"

    def prepare(self) -> None:
        password = self.work / "password"
        password.write_text("bench")
        self.environment = {
            "RESTIC_REPOSITORY": str(self.disk / "repository"),
            "RESTIC_PASSWORD_FILE": str(password),
            "RESTIC_CACHE_DIR": str(self.work / "cache"),
        }
        run(["restic", "init"], env={**os.environ, **self.environment})

    def _back_up(self, memory: bool) -> Cost:
        argv = ["restic", "backup", "--quiet", self.source]
        return timed(argv, self.disk, environment=self.environment, memory=memory)


class Borg(Tool):
    name = "borg (lz4)"
    package = "borgbackup"

    def prepare(self) -> None:
        self.environment = {"BORG_BASE_DIR": str(self.work)}
        self.repository = self.disk / "repository"
        argv = ["borg", "init", "--encryption=none", self.repository]
        run(argv, env={**os.environ, **self.environment})

    def _back_up(self, memory: bool) -> Cost:
        argv = ["borg", "create", f"{self.repository}::{self.turn}", self.source]
        return timed(argv, self.disk, environment=self.environment, memory=memory)


class BackInTime(Tool):
    name = "Back In Time"
    package = "backintime-common"

    def prepare(self) -> None:
        self.settings = self.work / "config"
        settings = {
            "config.version": "6",
            "profiles": "1",
            "profiles.version": "1",
            "profile1.snapshots.path": str(self.disk),
            "profile1.snapshots.path.host": "server",
            "profile1.snapshots.path.user": "root",
            "profile1.snapshots.path.profile": "1",
            "profile1.snapshots.mode": "local",
            "profile1.snapshots.include.size": "1",
            "profile1.snapshots.include.1.value": str(self.source),
            "profile1.snapshots.include.1.type": "0",
            "profile1.snapshots.exclude.size": "0",
            "profile1.snapshots.preserve_acl": "true",
            "profile1.snapshots.preserve_xattr": "true",
            "profile1.snapshots.use_checksum": "false",
            "profile1.snapshots.notify.enabled": "false",
        }
        self.settings.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        (self.disk / "backintime/server/root/1").mkdir(parents=True)
        # Debian's Python, which has what it imports.
        path = "/usr/sbin:/usr/bin:/sbin:/bin"
        self.environment = {"HOME": str(self.work), "XDG_DATA_HOME": str(self.work), "PATH": path}

    def _back_up(self, memory: bool) -> Cost:
        argv = ["backintime", "--config", self.settings, "backup"]
        # An alarm of its own may end it on a slow machine, when all of its work is done.
        allowed = (0, 128 + signal.SIGALRM)
        cost = timed(argv, self.disk, environment=self.environment, allowed=allowed, memory=memory)
        if not any((self.disk / "backintime/server/root/1").glob("2*/backup")):
            raise HarnessError("Back In Time has made no snapshot")
        return cost


def _type(disk: Path) -> str:
    return run(["findmnt", "-n", "-o", "FSTYPE", "--target", disk]).stdout.strip()


ON_EXT4: tuple[type[Tool], ...] = (Copy, Tetras, Rsync, Rsnapshot, Restic, Borg, BackInTime)
ON_BTRFS: tuple[type[Tool], ...] = (Copy, Tetras, RsyncInPlace, Restic, Borg)
