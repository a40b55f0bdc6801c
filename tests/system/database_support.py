"""Real database servers for tests, MariaDB's and PostgreSQL's own, and scripts that see them.

Each server has its data below the test's directory. Scripts look for the sockets where Debian puts
them, so they run in a mount namespace of their own in which that place is the server's.
"""

import shutil
import subprocess
from pathlib import Path

from tests.harness import run, wait_until
from tests.harness.process import BASE_ENVIRONMENT, OWN_MOUNTS, Process
from tests.system.scripts_support import Bench

ROOTS_CLIENT = ["mariadb", "--no-defaults", "--user=root"]


class MariaDb:
    """A MariaDB server whose socket lies in `sockets`."""

    def __init__(self, directory: Path) -> None:
        self.sockets = directory / "mysqld"
        self.sockets.mkdir()
        data = directory / "mysql"
        for path in (data, self.sockets):
            path.mkdir(exist_ok=True)
            shutil.chown(path, "mysql", "mysql")
        common = ["--no-defaults", f"--datadir={data}", "--user=mysql"]
        run(
            [
                "mariadb-install-db",
                *common,
                "--skip-test-db",
                "--auth-root-authentication-method=socket",
            ]
        )
        self.socket = self.sockets / "mysqld.sock"
        self.process = Process(
            ["mariadbd", *common, f"--socket={self.socket}", "--skip-networking",
             "--innodb-buffer-pool-size=8M", "--event-scheduler=OFF"],
            log=directory / "mariadb.log",
            env=BASE_ENVIRONMENT,
        )  # fmt: skip
        wait_until(self._answers, "MariaDB to answer", 60)

    def _answers(self) -> bool:
        return self.sql("SELECT 1", check=False).returncode == 0

    def sql(self, text: str, *, check: bool = True) -> "subprocess.CompletedProcess[str]":
        return run([*ROOTS_CLIENT, f"--socket={self.socket}", "-NB", "-e", text], check=check)

    def load(self, dump: Path) -> None:
        client = [*ROOTS_CLIENT, f"--socket={self.socket}"]
        with dump.open("rb") as file:
            subprocess.run(client, stdin=file, check=True, capture_output=True)


class PostgreSql:
    """A PostgreSQL server whose socket lies in `sockets`."""

    def __init__(self, directory: Path) -> None:
        self.sockets = directory / "postgresql"
        self.sockets.mkdir()
        data = directory / "pg"
        data.mkdir()
        for path in (data, self.sockets):
            shutil.chown(path, "postgres", "postgres")
        (programs,) = list(Path("/usr/lib/postgresql").glob("*/bin"))[-1:]
        self.drop = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        run([*self.drop, programs / "initdb", "--auth=peer", "--no-sync", "-D", data])
        self.process = Process(
            [*self.drop, programs / "postgres", "-D", data, "-k", self.sockets, "-c",
             "listen_addresses=", "-c", "fsync=off"],
            log=directory / "postgresql.log",
            env=BASE_ENVIRONMENT,
        )  # fmt: skip
        wait_until(lambda: self.sql("SELECT 1", check=False).returncode == 0, "PostgreSQL", 30)

    def sql(self, text: str, *, check: bool = True) -> "subprocess.CompletedProcess[str]":
        return run([*self.drop, "psql", "-h", self.sockets, "-c", text, "postgres"], check=check)


def seeing(bench: Bench, *servers: MariaDb | PostgreSql, hide: str = "") -> Bench:
    """BENCH where the sockets of SERVERS, and of no others, are in the usual places."""
    empty = bench.source.parent / "empty"
    empty.mkdir(exist_ok=True)
    binds = {"mysqld": empty, "postgresql": empty} | {
        server.sockets.name: server.sockets for server in servers
    }
    steps = [f"mount --bind {place} /run/{name}" for name, place in binds.items()]
    if hide:
        steps.append(f"mount --bind /dev/null {hide}")
    return with_steps(bench, *steps)


def with_steps(bench: Bench, *steps: str) -> Bench:
    """BENCH where the shell commands STEPS are done first, in a mount namespace of the script's."""
    shell = " && ".join([*steps, 'exec "$@"'])
    return Bench(bench.mount, bench.source, [*OWN_MOUNTS, "sh", "-c", shell, "sh"])
