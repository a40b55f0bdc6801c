"""Dumps come back into servers that run, MariaDB's and PostgreSQL's own, and do nothing else."""

import contextlib
import io
import os
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness import LoopDisk, Workspace
from tests.system.database_support import MariaDb, PostgreSql, seeing
from tests.system.restore_support import PROGRAM, Told
from tests.system.scripts_support import NOCLOUD, Bench, mounted, small_source

FOLDER = "2026-11-24_03-04-05_Sauvegarde_evil"
MYSQL_END = b"\n-- Dump completed\n"
POSTGRESQL_END = b"\n-- PostgreSQL database cluster dump complete\n"


@pytest.fixture(scope="module", autouse=True)
def socket_places() -> Iterator[None]:
    """The directories that Debian's packages make at boot, to bind over."""
    missing = [path for path in (Path("/run/mysqld"), Path("/run/postgresql")) if not path.exists()]
    for path in missing:
        path.mkdir()
    yield
    for path in missing:
        with contextlib.suppress(OSError):
            path.rmdir()


@pytest.fixture(scope="module")
def mariadb() -> Iterator[MariaDb]:
    with Workspace() as directory:
        server = MariaDb(directory)
        try:
            yield server
        finally:
            server.process.stop()


@pytest.fixture
def postgresql() -> Iterator[PostgreSql]:
    with Workspace() as directory:
        server = PostgreSql(directory)
        try:
            yield server
        finally:
            server.process.stop()


@pytest.fixture
def bench(workspace: Path, loop_disk: Callable[..., LoopDisk]) -> Bench:
    return Bench(mounted(loop_disk(), workspace / "mnt"), small_source(workspace / "src"))


def restore(
    bench: Bench,
    server: MariaDb | PostgreSql,
    folder: str,
    *words: str,
    status: int = 0,
    key: Path = Path("/nonexistent/key"),
) -> Told:
    """Restore where SERVER, and no other, is in the usual place."""
    seen = seeing(bench, server)
    if not key.exists():  # nothing can be proved
        words = ("--unproved", *words)
    done = subprocess.run(
        [*seen.prefix, *PROGRAM, "restore-database", str(bench.mount / folder), *words],
        capture_output=True,
        text=True,
        env={**os.environ, "TETRAS_BACK_KEY": str(key)},
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == status, done.stdout + done.stderr
    return Told(done.returncode, done.stdout.splitlines(), done.stderr.strip())


def planted(bench: Bench, **dumps: bytes) -> str:
    """A backup of an attacker's making with these DUMPS (`mysql_x` = bases/mysql/x.sql)."""
    (bench.mount / FOLDER).mkdir()
    with tarfile.open(bench.mount / FOLDER / "serveur.tar.gz", "w:gz") as tar:
        for name, content in dumps.items():
            path = f"bases/{name.replace('mysql_', 'mysql/').replace('pg_', 'postgresql-')}.sql"
            member = tarfile.TarInfo(path)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return FOLDER


def test_mariadb_is_as_it_was(bench: Bench, mariadb: MariaDb) -> None:
    mariadb.sql(
        "CREATE DATABASE shop; CREATE TABLE shop.t (name TEXT, raw BLOB);"
        "INSERT INTO shop.t VALUES ('élève', 0x00FF27);"
        "CREATE DATABASE `a/b ``c`` 'é'`; CREATE TABLE `a/b ``c`` 'é'`.t AS SELECT 7 AS n;"
        "CREATE USER reader@localhost IDENTIFIED BY 'x'; GRANT SELECT ON shop.* TO reader@localhost"
    )
    done = seeing(bench, mariadb).run(NOCLOUD)
    assert done.status == 0, done.output
    mariadb.sql("DROP DATABASE shop; DROP DATABASE `a/b ``c`` 'é'`; DROP USER reader@localhost")
    told = restore(bench, mariadb, done.snapshot)
    assert told.warnings == []
    assert mariadb.sql("SELECT name, HEX(raw) FROM shop.t").stdout == "élève\t00FF27\n"
    assert mariadb.sql("SELECT n FROM `a/b ``c`` 'é'`.t").stdout == "7\n"
    assert "GRANT SELECT ON `shop`" in mariadb.sql("SHOW GRANTS FOR reader@localhost").stdout
    assert told.said("files")[-1] == "3"


def test_one_database_comes_back_alone(bench: Bench, mariadb: MariaDb) -> None:
    mariadb.sql("CREATE DATABASE one; CREATE TABLE one.t AS SELECT 1 AS n;"
                "CREATE DATABASE two; CREATE TABLE two.t AS SELECT 2 AS n")  # fmt: skip
    done = seeing(bench, mariadb).run(NOCLOUD)
    mariadb.sql("UPDATE one.t SET n = 9; UPDATE two.t SET n = 9")
    restore(bench, mariadb, done.snapshot, "--engine", "mysql", "one")
    assert mariadb.sql("SELECT one.t.n, two.t.n FROM one.t, two.t").stdout == "1\t9\n"
    told = restore(bench, mariadb, done.snapshot, "three", status=1)
    assert "no dump of three; there are: " in told.error
    assert "one" in told.error


def test_postgresql_is_as_it_was(bench: Bench, postgresql: PostgreSql) -> None:
    postgresql.sql("CREATE ROLE clerk")
    postgresql.sql("CREATE DATABASE shop OWNER clerk")
    postgresql.sql("CREATE TABLE t AS SELECT 'une valeur'::text AS v")
    done = seeing(bench, postgresql).run(NOCLOUD, "--postgresql")
    assert done.status == 0, done.output
    told = restore(bench, postgresql, done.snapshot, status=1)
    assert "holds databases already" in told.error
    assert "postgres, shop; drop them first" in told.error
    for text in ("DROP DATABASE shop", "DROP ROLE clerk", "DROP TABLE t"):
        postgresql.sql(text)
    told = restore(bench, postgresql, done.snapshot)
    assert told.warnings == []
    assert "une valeur" in postgresql.sql("SELECT v FROM t").stdout
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'shop'"
    assert "clerk" in postgresql.sql(owner).stdout


def test_a_dump_runs_nothing_as_root(bench: Bench, mariadb: MariaDb) -> None:
    trap = bench.source / "trap"
    tricks = [f"\\! touch {trap}", f"system touch {trap}", f"\\T {trap}", f"tee {trap}"]
    for number, trick in enumerate(tricks):
        folder = planted(bench, mysql_evil=trick.encode() + b"\nSELECT 1;\n" + MYSQL_END)
        told = restore(bench, mariadb, folder, status=1)
        assert "evil" in told.error, trick
        assert not trap.exists(), trick
        (bench.mount / FOLDER).rename(bench.mount / f"old{number}")


def test_a_dump_reads_nothing_as_root(bench: Bench, mariadb: MariaDb) -> None:
    secret = bench.source / "secret"
    secret.write_text("of root\n")
    secret.chmod(0o600)
    trick = (
        f"CREATE DATABASE evil; CREATE TABLE evil.t (line TEXT); LOAD DATA LOCAL INFILE '{secret}'"
    )
    content = f"{trick} INTO TABLE evil.t;".encode() + MYSQL_END
    told = restore(bench, mariadb, planted(bench, mysql_evil=content), status=1)
    assert "local infile" in told.error
    assert mariadb.sql("SELECT * FROM evil.t").stdout == ""


def test_dumps_that_somebody_changed_are_not_begun(bench: Bench, mariadb: MariaDb) -> None:
    mariadb.sql("CREATE DATABASE sealed; CREATE TABLE sealed.t AS SELECT 1 AS n")
    done = seeing(bench, mariadb).run(NOCLOUD)
    mariadb.sql("UPDATE sealed.t SET n = 2")
    (bench.mount / done.snapshot / "serveur.tar.gz").unlink()
    planted(bench, mysql_sealed=b"DROP DATABASE sealed;" + MYSQL_END)
    (bench.mount / FOLDER / "serveur.tar.gz").rename(bench.mount / done.snapshot / "serveur.tar.gz")
    key = bench.source.parent / "manifest.key"
    told = restore(bench, mariadb, done.snapshot, status=1, key=key)
    assert "the archive is not what was written; nothing was done" in told.error
    assert mariadb.sql("SELECT n FROM sealed.t").stdout == "2\n"


def test_a_dump_of_postgresql_is_run_as_its_owner(bench: Bench, postgresql: PostgreSql) -> None:
    place = bench.source.parent / "open"
    place.mkdir(mode=0o777)
    place.chmod(0o777)
    bench.source.parent.chmod(0o755)
    folder = planted(bench, pg_x=f"\\! touch {place}/trap\n".encode() + POSTGRESQL_END)
    restore(bench, postgresql, folder)
    assert (place / "trap").owner() == "postgres"


@pytest.mark.parametrize("content", [b"CREATE DATABASE half;\n", b""])
def test_a_dump_that_breaks_off_is_not_begun(
    bench: Bench, mariadb: MariaDb, content: bytes
) -> None:
    told = restore(bench, mariadb, planted(bench, mysql_half=content), status=1)
    assert "breaks off; nothing was done" in told.error
    assert "half" not in mariadb.sql("SHOW DATABASES").stdout


def test_an_archive_that_breaks_off_changes_nothing(bench: Bench, mariadb: MariaDb) -> None:
    dump = b"CREATE DATABASE cut;\n" + os.urandom(9000).hex().encode() + MYSQL_END
    archive = bench.mount / planted(bench, mysql_cut=dump) / "serveur.tar.gz"
    archive.write_bytes(archive.read_bytes()[:-2000])
    told = restore(bench, mariadb, FOLDER, status=1)
    assert "nothing was done" in told.error
    assert "cut" not in mariadb.sql("SHOW DATABASES").stdout


def test_what_a_server_refuses_is_told_and_the_rest_goes_on(bench: Bench, mariadb: MariaDb) -> None:
    folder = planted(
        bench,
        mysql_bad=b"CREATE NONSENSE;\n" + MYSQL_END,
        mysql_good=b"CREATE DATABASE IF NOT EXISTS good;\n" + MYSQL_END,
    )
    told = restore(bench, mariadb, folder, status=1)
    assert "not restored, or in part: bad: ERROR 1064" in told.error
    assert "good" in mariadb.sql("SHOW DATABASES").stdout


def test_a_server_that_does_not_run_is_told(bench: Bench, mariadb: MariaDb) -> None:
    folder = planted(bench, pg_x=b"SELECT 1;\n" + POSTGRESQL_END)
    told = restore(bench, mariadb, folder, status=1)
    assert told.error.startswith("tetras-back-snapshot: psql: ")


def test_a_backup_without_dumps_is_told(bench: Bench, mariadb: MariaDb) -> None:
    folder = bench.backup("--data", "--config")
    told = restore(bench, mariadb, folder, status=1)
    assert "this backup holds no dump" in told.error
