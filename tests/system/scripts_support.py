"""What the tests of the backup scripts share: a disk, a source, and running a script by hand."""

import os
import socket
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.harness import LoopDisk, run
from tests.harness.process import PROJECT

SCRIPTS = PROJECT / "tetrasback/scripts"
NOCLOUD = "backup_nocloud.sh"
MIRROR = "backup_demo-tibox.sh"
HOST = "srv"


@dataclass
class Outcome:
    """How a script ended, and what it said."""

    status: int
    output: str
    lines: list[str] = field(default_factory=list)

    def said(self, word: str) -> list[str]:
        """The rest of its progress lines that begin with WORD."""
        return [line.split(" ", 1)[1] for line in self.lines if line.startswith(word + " ")]

    @property
    def snapshot(self) -> str:
        """The folder it made; fails where it made none."""
        (name,) = self.said("snapshot")
        return name


@dataclass
class Bench:
    """A disk mounted at `mount` and a source tree; `run` runs a script between them."""

    mount: Path
    source: Path
    prefix: Sequence[str] = ()

    def argv(self, script: str, *args: str) -> list[str]:
        return [*self.prefix, str(SCRIPTS / script), *args, str(self.mount)]

    def environment(self, **extra: str) -> dict[str, str]:
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "TETRAS_BACK_MOUNT": str(self.mount),
            "TETRAS_BACK_UUID": "0b5a9f3e-0000-4000-8000-000000000001",
            "TETRAS_BACK_NAME": "bleu",
            "TETRAS_BACK_DEVICE": "/dev/null",
            "TETRAS_BACK_SOURCE": str(self.source),
            "TETRAS_BACK_HOSTNAME": HOST,
            "TETRAS_BACK_ID": "7",
            "TETRAS_BACK_KEY": str(self.source.parent / "manifest.key"),
            **{f"TETRAS_BACK_{name}": value for name, value in extra.items()},
        }

    def run(self, script: str = NOCLOUD, *args: str, **extra: str) -> Outcome:
        """Run it to its end as the daemon does; EXTRA are TETRAS_BACK_ variables."""
        return finish(start(self.argv(script, *args), self.environment(**extra), self.mount))

    def backup(self, *args: str, **extra: str) -> str:
        """A backup that must succeed; the folder's name."""
        done = self.run(NOCLOUD, *args, **extra)
        assert (done.status, done.said("warning")) == (0, []), done
        return done.snapshot

    def folders(self) -> list[str]:
        """What looks like a complete backup on the disk, oldest first."""
        return sorted(path.name for path in self.mount.iterdir() if "auvegarde_" in path.name)

    def plant(self, name: str, *, data: Mapping[str, bytes] | None = None) -> Path:
        """A folder as the original program left them."""
        folder = self.mount / name
        (folder / "Donnees/alice").mkdir(parents=True)
        for file, content in (data or {}).items():
            (folder / "Donnees" / file).write_bytes(content)
        (folder / "serveur.tgz").write_bytes(b"")
        return folder

    def leftovers(self) -> list[Path]:
        """What lies half made or half deleted on the disk."""
        return list((self.mount / ".tetras-back").glob("work-*/*"))


@dataclass
class Running:
    """A started script and the reading end of its progress."""

    process: subprocess.Popen[str]
    progress: int


def start(argv: Sequence[str], environment: Mapping[str, str], directory: Path) -> Running:
    """Start a script with a progress descriptor, in a session of its own."""
    reading, writing = os.pipe()
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="backslashreplace",
        cwd=directory,
        env={**environment, "TETRAS_BACK_PROGRESS_FD": str(writing)},
        pass_fds=[writing],
        start_new_session=True,
    )
    os.close(writing)
    return Running(process, reading)


def finish(running: Running, seconds: float = 60.0) -> Outcome:
    """Wait for its end; what it said. The output is small enough for a pipe, so read last."""
    with os.fdopen(running.progress, errors="backslashreplace") as progress:
        lines = progress.read().splitlines()
    output, _ = running.process.communicate(timeout=seconds)
    return Outcome(running.process.returncode, output, lines)


def mounted(disk: LoopDisk, where: Path, *options: str) -> Path:
    """Mount DISK at WHERE as the daemon does.

    Below a shared mount: a daemon of another test that unshares its namespace meanwhile has a copy
    of this one, which then goes when this goes.
    """
    where.mkdir(exist_ok=True)
    run(["mount", "--bind", where, where])
    run(["mount", "--make-shared", where])
    settings = ",".join(["nosuid", "nodev", "noexec", "noatime", *options])
    run(["mount", "-o", settings, disk.attach(), where])
    return where


def small_source(root: Path) -> Path:
    """A server of a few files below ROOT."""
    for name, text in {
        "home/alice/letter.txt": "dear\n" * 100,
        "home/alice/photo": "x" * 40_000,
        "home/bob/notes": "n\n" * 50,
        "etc/hosts": "127.0.0.1 localhost\n",
        "etc/fstab": "none\n",
        "srv/site/index": "<p>\n",
        "var/www/index.html": "<h1>\n",
        "root/.profile": "umask 077\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def differences(one: Path, other: Path) -> str:
    """What rsync would have to do to make OTHER equal to ONE, attributes and all ('' = equal)."""
    attributes = ["--filter=-x system.*", "--filter=-x trusted.SGI_ACL_*"]  # the ACLs' doubles
    what = ["rsync", "-aHAXnc", "--numeric-ids", "--delete", "--itemize-changes", *attributes]
    return run([*what, f"{one}/", f"{other}/"]).stdout


def members(archive: Path) -> list[str]:
    with tarfile.open(archive) as tar:
        return tar.getnames()


def odd_entries(home: Path) -> None:
    """One of every kind of entry, and the attributes that are easily lost."""
    home.mkdir()
    plain = home / "plain"
    plain.write_bytes(b"data")
    os.link(plain, home / "second name")
    (home / "link").symlink_to("/nowhere/at all")
    os.mkfifo(home / "fifo")
    os.mknod(home / "null", 0o666 | 0o020000, os.makedev(1, 3))
    os.mknod(home / "loop", 0o660 | 0o060000, os.makedev(7, 3))
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(home / "socket"))
    with (home / "sparse").open("wb") as file:
        file.truncate(50 << 20)
        file.write(b"start")
    setuid = home / "setuid"
    setuid.write_bytes(b"#!")
    os.chown(setuid, 1234, 4321)
    setuid.chmod(0o6755)
    os.setxattr(plain, "user.colour", b"blue\x00\xff")
    os.setxattr(plain, "trusted.secret", b"1")
    run(["setfacl", "-m", "u:33:rw,g:7:r", plain])
    (home / "directory").mkdir(mode=0o1777)
    run(["setfacl", "-d", "-m", "u:33:rwx", home / "directory"])
    os.utime(home / "link", ns=(1, 981173106123456789), follow_symlinks=False)
    os.utime(plain, ns=(1, 981173106987654321))
    names = [
        b"new\nline",
        b"\xff\xfe",
        b"-rf",
        b"*",
        b"[a]?",
        b" ",
        b"back\\slash",
        b"tab\t",
        b"a" * 255,
    ]
    for name in names:
        Path(os.fsdecode(os.fsencode(home) + b"/" + name)).write_bytes(name)
