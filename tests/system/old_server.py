"""A server on which the original is installed, and the pages of the manual carried out on it."""

import platform
from collections.abc import Sequence
from pathlib import Path

from tests.harness import LoopDisk, run, wait_until
from tests.harness.process import BASE_ENVIRONMENT, OWN_MOUNTS, PROJECT, PYTHON, Process

HOST = platform.node()

# What a test changes there is in memory, and gone with the last process of the namespace.
_NAMESPACE = """\
mount -t tmpfs -o mode=755 tmpfs "$1"
for place in etc mnt root usr/local var; do
    mkdir -p "$1/$place/upper" "$1/$place/work"
    mount -t overlay -o "lowerdir=/$place,upperdir=$1/$place/upper,workdir=$1/$place/work" \\
        overlay "/$place"
done
echo ready
exec sleep infinity
"""

# As the original's Makefile put it there.
_INSTALL = """\
cd /
mkdir -p etc/tetras-back etc/systemd/system etc/udev/rules.d etc/logrotate.d \\
    usr/local/sbin usr/local/lib/tetras-back var/www/tetras-back var/log/tetras-back
for file in etc/systemd/system/tetras-back.service etc/udev/rules.d/50-tetras-back.rules \\
    etc/logrotate.d/tetras-back var/log/tetras-back/main.log; do
    echo "# the original's" >"$file"
done
printf '#!/bin/sh\\necho the original >&2\\nexit 1\\n' >usr/local/sbin/tetras-back
chmod 755 usr/local/sbin/tetras-back
for script in backup_nocloud.sh backup_demo-tibox.sh own.sh; do
    cat >"usr/local/lib/tetras-back/$script" <<'END'
#!/bin/bash
# Mounts the device that it gets, as the original's scripts did.
set -e
mkdir -p /mnt/backup
mount "${@: -1}" /mnt/backup
echo "$(basename "$0") $*" >"/mnt/backup/$(basename "$0").txt"
umount /mnt/backup
END
    chmod 744 "usr/local/lib/tetras-back/$script"
done
touch var/www/tetras-back/tl-client
chown -R www-data:www-data var/www/tetras-back
cat >etc/tetras-back/configuration.pl
chmod 600 etc/tetras-back/configuration.pl
"""


class OldServer:
    """A mount namespace with the original in it; `within` is what runs a command there."""

    def __init__(self, workspace: Path, configuration: str) -> None:
        scratch = workspace / "old"
        scratch.mkdir()
        log = workspace / "old.log"
        self._holder = Process(
            [
                *OWN_MOUNTS,
                *("sh", "-euc", _NAMESPACE, "sh", scratch),
            ],
            log=log,
            env=BASE_ENVIRONMENT,
        )
        wait_until(lambda: "ready" in log.read_text() or not self._holder.running, "the old server")
        self.within = ("nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt", "--")
        self.programs = workspace / "programs"
        self.programs.mkdir()
        self.shell(_INSTALL, {}, configuration)

    def __enter__(self) -> "OldServer":
        return self

    def __exit__(self, *_: object) -> None:
        self._holder.stop()

    def program(self, name: str, text: str) -> None:
        """Put a shell script before the machine's own program NAME."""
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{text}")
        path.chmod(0o755)

    def shell(self, script: str, environment: dict[str, str], text: str = "") -> str:
        """Run SCRIPT there with TEXT as its input, to its end; what it prints. A failure raises."""
        path = f"{self.programs}:{BASE_ENVIRONMENT['PATH']}"
        done = run(
            [*self.within, "bash", "-euc", script],
            env={**BASE_ENVIRONMENT, **environment, "PATH": path},
            text_input=text,
            check=False,
            seconds=120,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout


def commands(page: str) -> list[str]:
    """The commands of a manual page, one text a display: its lines after "# " or "$ ", with those
    that go on, further to the right."""
    found: list[str] = []
    lines: list[str] | None = None
    for line in (PROJECT / "man" / page).read_text().splitlines():
        if line.startswith(".Bd"):
            lines = []
        elif line.startswith(".Ed"):
            if lines:
                found.append("\n".join(lines))
            lines = None
        elif lines is not None and line[:2] in ("# ", "$ "):
            lines.append(_typed(line[2:]))
        elif lines and line.startswith("    "):
            lines.append(_typed(line))
    return found


def _typed(line: str) -> str:
    return line.replace("\\-", "-").replace("\\e", "\\")


def fill_disk(disk: LoopDisk, home: Path, names: Sequence[str]) -> None:
    """Put folders on DISK as the original's scripts left them, by their NAMES; the homes in them
    are those of HOME."""
    point = disk.image.parent / "fill"
    point.mkdir()
    run(["mount", "-o", "loop", disk.image, point])
    try:
        for name in names:
            (point / name).mkdir()
            run(["cp", "-a", home, point / name / "Donnees"])
            archive = "serveur.tgz" if "_sauvegarde_" in name else "serveur.tar.gz"
            run(["tar", "-C", "/", "-czf", point / name / archive, "etc/hostname"])
    finally:
        run(["umount", point])


def wrap(server: OldServer, library: Path) -> None:
    """Put this version's programs there, as from a package."""
    for name, module in (
        ("tetras-backctl", "tetrasback.ctl"),
        ("tetras-back", "tetrasback.ctl.original"),
    ):
        server.program(name, f'PYTHONPATH={library} exec {PYTHON} -m {module} "$@"\n')
