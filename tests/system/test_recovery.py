"""The server is dead: the page of the manual, carried out to the letter on a bare Debian.

The bare Debian is this machine's, in a chroot on a layer of its own; its database servers are new.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.harness import LoopDisk, Workspace, run
from tests.harness.process import OWN_MOUNTS, PROJECT
from tests.system.database_support import MariaDb, PostgreSql, seeing
from tests.system.old_server import commands
from tests.system.restore_support import differences
from tests.system.scripts_support import Bench, mounted, odd_entries, small_source

PAGE = "tetras-back-recovery.7"
PEOPLE = {"anna": 11501, "carl": 11502}
DISK = "/dev/sdb1"


class Dead:
    """A server that is no more, and a disk with its backup."""

    def __init__(self, workspace: Path, disk: LoopDisk) -> None:
        source = small_source(workspace / "dead")
        odd_entries(source / "home/odd")
        for name, number in PEOPLE.items():
            shutil.copytree(source / "home/alice", source / "home" / name)
            for path in (source / "home" / name, *(source / "home" / name).rglob("*")):
                shutil.chown(path, number, number)
        self._configuration(source / "etc")
        self.source = source
        self.device = disk
        self.bench = Bench(mounted(disk, workspace / "disk"), source)

    def _configuration(self, etc: Path) -> None:
        def lines(form: str) -> str:
            return "".join(form.format(name=name, number=n) for name, n in PEOPLE.items())

        for name, text in {
            "passwd": "root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33::/var/www:/bin/false\n"
            + lines("{name}:x:{number}:{number}:{name}:/home/{name}:/bin/sh\n"),
            "shadow": "root:*:1::::::\n" + lines("{name}:$y$of-{name}:20000:0:99999:7:::\n"),
            "group": "root:x:0:\nwww-data:x:33:anna\nsudo:x:27:anna,carl\n"
            + lines("{name}:x:{number}:\n"),
            "gshadow": "root:*::\nsudo:*::anna,carl\n" + lines("{name}:!::\n"),
            "hostname": "oldie\n",
            "machine-id": Path("/etc/machine-id").read_text(),
            "apache2/sites/site.conf": "ServerName oldie\n",
            "cron.d/job": "@daily root true\n",
            "tetras-back/configuration.toml": "# the old one\n",
        }.items():
            (etc / name).parent.mkdir(parents=True, exist_ok=True)
            (etc / name).write_text(text)
        (etc / "shadow").chmod(0o600)


class Bare:
    """A Debian on which nothing was done yet, with new database servers."""

    def __init__(self, layers: Path, servers: "tuple[MariaDb, PostgreSql]") -> None:
        self.root = layers / "root"
        for name in ("root", "upper", "work", "home"):
            (layers / name).mkdir()
        options = f"lowerdir=/,upperdir={layers}/upper,workdir={layers}/work"
        run(["mount", "-t", "overlay", "none", "-o", options, self.root])
        run(["mount", "--bind", layers / "home", self.root / "home"])
        self._servers = servers
        etc = self.root / "etc"
        for name in ("passwd", "group"):
            kept = [
                line
                for line in (etc / name).read_text().splitlines(keepends=True)
                if not 1000 <= int(line.split(":")[2]) < 60000
            ]
            (etc / name).write_text("".join(kept))
        (etc / "machine-id").write_text("0" * 31 + "1\n")
        (etc / "hostname").write_text("debian\n")
        for name in ("apache2", "tetras-back", "cron.d"):  # as the packages make them
            (etc / name).mkdir(exist_ok=True)
        for program in ("apt", "systemctl"):
            self.program(program, f'echo "$*" >>/{program}.said')
        self.program(
            "tetras-back-snapshot",
            f'exec /usr/bin/python3 -I {PROJECT}/tetrasback/snapshot "$@"',
        )

    def program(self, name: str, text: str) -> None:
        path = self.root / "usr/local/sbin" / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def shell(self, script: str) -> str:
        """Run SCRIPT there, as root; it ends at the first command that fails."""
        mounts = [
            f"mount --rbind /dev {self.root}/dev",
            f"mount --rbind /sys {self.root}/sys",
            f"mount -t proc none {self.root}/proc",
            f"mount -t tmpfs none {self.root}/run",
            *(
                f"mkdir {self.root}/run/{server.sockets.name}"
                f" && mount --bind {server.sockets} {self.root}/run/{server.sockets.name}"
                for server in self._servers
            ),
            'exec chroot "$0" /bin/bash -euo pipefail -c "$1"',
        ]
        argv = [*OWN_MOUNTS, "sh", "-c", " && ".join(mounts), self.root, script]
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return run(argv, seconds=120, env={"PATH": path, "HOME": "/root"}).stdout


@pytest.fixture(autouse=True)
def socket_places() -> Iterator[None]:
    """The directories that Debian's packages make at boot, to bind over."""
    missing = [path for path in (Path("/run/mysqld"), Path("/run/postgresql")) if not path.exists()]
    for path in missing:
        path.mkdir()
    yield
    for path in missing:
        with suppress(OSError):
            path.rmdir()


@contextmanager
def new_servers() -> "Iterator[tuple[MariaDb, PostgreSql]]":
    """Database servers with nothing in them."""
    with Workspace() as directory, ExitStack() as stack:
        mariadb = MariaDb(directory)
        stack.callback(mariadb.process.stop)
        postgresql = PostgreSql(directory)
        stack.callback(postgresql.process.stop)
        yield mariadb, postgresql


@pytest.fixture
def dead(workspace: Path, loop_disk: Callable[..., LoopDisk]) -> Dead:
    server = Dead(workspace, loop_disk("ext4", 128))
    with new_servers() as (mariadb, postgresql):
        mariadb.sql(
            "CREATE DATABASE shop; CREATE TABLE shop.t AS SELECT 'élève' AS name;"
            "CREATE USER reader@localhost; GRANT SELECT ON shop.* TO reader@localhost"
        )
        postgresql.sql("CREATE ROLE clerk")
        postgresql.sql("CREATE TABLE t AS SELECT 'une valeur'::text AS v")
        done = seeing(server.bench, mariadb, postgresql).run()
        assert (done.status, done.said("warning")) == (0, []), done.output
    run(["umount", server.bench.mount])
    return server


@pytest.fixture
def servers() -> "Iterator[tuple[MariaDb, PostgreSql]]":
    with new_servers() as both:
        yield both


@pytest.fixture
def bare(
    workspace: Path,
    loop_disk: Callable[..., LoopDisk],
    servers: "tuple[MariaDb, PostgreSql]",
) -> Iterator[Bare]:
    layers = mounted(loop_disk("ext4", 256, name="layers"), workspace / "layers")
    with ExitStack() as stack:
        made = Bare(layers, servers)
        for place in ("root", "root/home"):
            stack.callback(run, ["umount", layers / place])
        yield made


def is_the_old_server(dead: Dead, bare: Bare) -> None:
    """All that a person who used it would look for."""
    assert differences(dead.source / "home", bare.root / "home") == ""
    assert bare.shell("id anna") == (
        "uid=11501(anna) gid=11501(anna) groups=11501(anna),27(sudo),33(www-data)\n"
    )
    assert "carl:$y$of-carl:20000" in (bare.root / "etc/shadow").read_text()
    for path in (
        *("srv/site/index", "var/www/index.html", "root/.profile", "etc/cron.d/job"),
        *("etc/apache2/sites/site.conf", "etc/machine-id", "etc/hostname"),
        "etc/tetras-back/configuration.toml",
    ):
        assert (bare.root / path).read_text() == (dead.source / path).read_text(), path
    said = bare.shell(
        "mariadb --default-character-set=utf8mb4 -NBe"
        " 'SELECT name FROM shop.t; SHOW GRANTS FOR reader@localhost';"
        "runuser -u postgres -- psql -Atc 'SELECT v FROM t; SET ROLE clerk'"
    )
    assert "élève\n" in said
    assert "GRANT SELECT ON `shop`" in said
    assert "une valeur\n" in said
    assert bare.shell("cat /systemctl.said") == "reboot\nrestart tetras-back.service\n"
    device = dead.device.device
    listed = bare.shell(f"mount -o ro {device} /mnt; tetras-back-snapshot list /mnt")
    assert '"ours": true' in listed


def on_this_machine(dead: Dead, steps: list[str]) -> str:
    """STEPS as they are typed where the disk has another name."""
    return "\n".join(steps).replace(DISK, dead.device.device)


def test_the_steps_without_tetras_back(dead: Dead, bare: Bare) -> None:
    steps = commands(PAGE)[:11]
    bare.program("tetras-back-snapshot", "exit 1")
    (bare.root / "tetras-back_1_all.deb").touch()
    told = bare.shell(on_this_machine(dead, steps))
    assert "oldie\n" in told
    bare.program(
        "tetras-back-snapshot", f'exec /usr/bin/python3 -I {PROJECT}/tetrasback/snapshot "$@"'
    )
    is_the_old_server(dead, bare)


def test_the_steps_with_tetras_back(dead: Dead, bare: Bare) -> None:
    find, choose, _, install, accounts, _, _, _, _, reboot, again, *own = commands(PAGE)
    unpack, files, bases = own
    steps = [find, choose, unpack, install, accounts, files, bases, reboot, again]
    told = bare.shell(on_this_machine(dead, steps))
    assert "warning" not in told
    is_the_old_server(dead, bare)


def test_the_page_is_whole() -> None:
    """Every display is in one of the tests."""
    assert len(commands(PAGE)) == 14
