"""Dumps by backup_nocloud.sh from real servers, MariaDB's and PostgreSQL's own.

Each server has its data below the test's directory. Scripts look for the sockets where Debian puts
them, so they run in a mount namespace of their own in which that place is the server's.
"""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness import LoopDisk, Workspace, run
from tests.harness.process import OWN_MOUNTS
from tests.system.database_support import MariaDb, PostgreSql, seeing, with_steps
from tests.system.scripts_support import HOST, NOCLOUD, Bench, mounted, small_source

# Opened by MariaDB's users in good faith, and a trap for every shell.
HOSTILE = "a/b `c` $(d) 'é' -e;"


@pytest.fixture(scope="module")
def mariadb() -> Iterator[MariaDb]:
    with Workspace() as directory:
        server = MariaDb(directory)
        try:
            server.sql(
                f"CREATE DATABASE `{HOSTILE.replace('`', '``')}`;"
                "CREATE DATABASE shop; CREATE TABLE shop.t (name TEXT, raw BLOB);"
                "INSERT INTO shop.t VALUES ('élève', 0x00FF27);"
                "CREATE PROCEDURE shop.p() SELECT 1;"
                "CREATE TRIGGER shop.g BEFORE INSERT ON shop.t FOR EACH ROW SET NEW.raw = 0x01;"
                "CREATE EVENT shop.e ON SCHEDULE EVERY 1 DAY DO DELETE FROM shop.t;"
                "CREATE USER reader@localhost;"
            )
            yield server
        finally:
            server.process.stop()


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSql]:
    with Workspace() as directory:
        server = PostgreSql(directory)
        try:
            server.sql("CREATE ROLE clerk")
            server.sql("CREATE TABLE t AS SELECT 'une valeur'::text AS v")
            yield server
        finally:
            server.process.stop()


@pytest.fixture
def bench(workspace: Path, loop_disk: Callable[..., LoopDisk]) -> Bench:
    return Bench(mounted(loop_disk(), workspace / "mnt"), small_source(workspace / "src"))


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


def unpacked(bench: Bench, folder: str) -> Path:
    """The dumps in a backup's archive."""
    place = bench.source.parent / "unpacked"
    place.mkdir()
    run(["tar", "-xf", bench.mount / folder / "serveur.tar.gz", "-C", place])
    return place / "bases"


def test_mariadb_comes_back_whole(bench: Bench, mariadb: MariaDb) -> None:
    done = seeing(bench, mariadb).run()
    assert (done.status, done.said("warning")) == (0, []), done.output
    dumps = unpacked(bench, done.snapshot)
    names = sorted(path.name for path in (dumps / "mysql").iterdir())
    assert names == ["a%2Fb%20%60c%60%20%24%28d%29%20%27é%27%20-e%3B.sql", "mysql.sql", "shop.sql"]
    assert "RESTORE.txt" in {path.name for path in dumps.iterdir()}
    assert "reader" in (dumps / "mysql/mysql.sql").read_text(errors="replace")
    mariadb.sql("DROP DATABASE shop")
    for name in names:
        mariadb.load(dumps / "mysql" / name)
    assert mariadb.sql("SELECT name, HEX(raw) FROM shop.t").stdout == "élève\t00FF27\n"
    kinds = mariadb.sql(
        "SELECT COUNT(*) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = 'shop';"
        "SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = 'shop';"
        "SELECT COUNT(*) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = 'shop';"
    )
    assert kinds.stdout.split() == ["1", "1", "1"]


def test_postgresql_comes_back_whole(bench: Bench, postgresql: PostgreSql) -> None:
    done = seeing(bench, postgresql).run(NOCLOUD, "--postgresql")
    assert (done.status, done.said("warning")) == (0, []), done.output
    assert {path.name for path in (bench.mount / done.snapshot).iterdir()} == {"serveur.tar.gz"}
    dumps = unpacked(bench, done.snapshot)
    dump = (dumps / "postgresql-5432.sql").read_text()
    assert "CREATE ROLE clerk" in dump
    assert "une valeur" in dump


def test_a_cluster_of_debians_own_is_dumped(bench: Bench) -> None:
    places = ["/etc/postgresql", "/var/lib/postgresql", "/var/log/postgresql", "/run/postgresql"]
    fresh = [f"mount -t tmpfs none {place} && chown postgres: {place}" for place in places]
    make = "pg_createcluster --start --port 5444 15 odd -- --no-sync >/dev/null"
    # The cluster ends with the script: so the shell waits for that instead of becoming it.
    steps = [*fresh, make, '{ "$@"; ended=$?; }', "pg_ctlcluster --mode immediate 15 odd stop"]
    prefix = [*OWN_MOUNTS, "sh", "-c", " && ".join([*steps, "exit $ended"]), "sh"]
    done = Bench(bench.mount, bench.source, prefix).run(NOCLOUD, "--postgresql")
    assert done.status == 0, done.output
    dump = unpacked(bench, done.snapshot) / "postgresql-15-odd.sql"
    assert "database cluster dump complete" in dump.read_text()


def test_both_are_dumped_where_both_run(
    bench: Bench, mariadb: MariaDb, postgresql: PostgreSql
) -> None:
    done = seeing(bench, mariadb, postgresql).run()
    assert done.status == 0, done.output
    dumps = unpacked(bench, done.snapshot)
    assert (dumps / "mysql/shop.sql").exists()
    assert (dumps / "postgresql-5432.sql").exists()
    assert list(bench.mount.glob(".tetras-back/work-*/*")) == []


def test_dumps_are_left_out_where_parts_are_chosen(bench: Bench, mariadb: MariaDb) -> None:
    done = seeing(bench, mariadb).run(NOCLOUD, "--config")
    assert done.status == 0
    assert not unpacked(bench, done.snapshot).exists()


@pytest.mark.parametrize("option", ["--mysql", "--postgresql"])
def test_a_server_asked_for_must_run(bench: Bench, option: str) -> None:
    done = seeing(bench).run(NOCLOUD, option)
    assert done.status == 1
    assert f"{option}: no " in done.output
    assert bench.folders() == []


def test_a_stale_socket_is_no_server(bench: Bench) -> None:
    stale = bench.source.parent / "mysqld"
    stale.mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(stale / "mysqld.sock"))
    done = with_steps(bench, f"mount --bind {stale} /run/mysqld").run()
    assert done.status == 0, done.output


def test_a_server_without_its_client_fails(bench: Bench, mariadb: MariaDb) -> None:
    dumper = os.path.realpath("/usr/bin/mariadb-dump")
    done = seeing(bench, mariadb, hide=dumper).run()
    assert done.status == 1
    assert bench.folders() == []


def test_a_dump_that_breaks_off_fails(bench: Bench, mariadb: MariaDb) -> None:
    mariadb.sql("CREATE DATABASE broken; CREATE TABLE broken.t (a INT);"
                "CREATE VIEW broken.v AS SELECT a FROM broken.t; DROP TABLE broken.t;")  # fmt: skip
    try:
        done = seeing(bench, mariadb).run()
    finally:
        mariadb.sql("DROP DATABASE broken")
    assert done.status == 1
    assert "the dump of the MySQL database broken failed" in done.output
    assert bench.folders() == []


def test_a_dump_without_its_last_line_fails(bench: Bench, mariadb: MariaDb) -> None:
    place = bench.source.parent / "bin"
    place.mkdir()
    (place / "mariadb-dump").write_text('#!/bin/bash\n/usr/bin/mariadb-dump "$@" | head -n -1\n')
    (place / "mariadb-dump").chmod(0o755)
    first = f"mount --bind {mariadb.sockets} /run/mysqld"
    done = with_steps(bench, first, f'export PATH="{place}:$PATH"').run()
    assert done.status == 1
    assert "ended early" in done.output


def test_a_full_disk_of_the_database_server_takes_no_backup(bench: Bench, mariadb: MariaDb) -> None:
    old = bench.plant(f"2019-01-01_00-00-00_Sauvegarde_{HOST}")
    bench.plant(f"2019-02-01_00-00-00_Sauvegarde_{HOST}")
    place = bench.source.parent / "bin"
    place.mkdir()
    (place / "mariadb-dump").write_text(
        "#!/bin/sh\necho \"Error writing '/tmp/x' (Errcode: 28 'No space left on device')\" >&2\n"
        "exit 3\n"
    )
    (place / "mariadb-dump").chmod(0o755)
    first = f"mount --bind {mariadb.sockets} /run/mysqld"
    done = with_steps(bench, first, f'export PATH="{place}:$PATH"').run()
    assert done.status == 1
    assert old.exists()


def test_a_dump_that_finds_no_room_takes_the_oldest_backup(bench: Bench, mariadb: MariaDb) -> None:
    old = bench.plant(f"2019-01-01_00-00-00_Sauvegarde_{HOST}", data={"x": os.urandom(22 << 20)})
    newer = bench.plant(f"2019-02-01_00-00-00_Sauvegarde_{HOST}", data={"x": os.urandom(22 << 20)})
    mariadb.sql("CREATE DATABASE large; CREATE TABLE large.t (a LONGTEXT);"
                "INSERT INTO large.t VALUES (REPEAT('0123456789', 1000000));")  # fmt: skip
    (bench.source / "home/big").write_bytes(os.urandom(22 << 20))
    try:
        done = seeing(bench, mariadb).run(NOCLOUD, "--mysql")
    finally:
        mariadb.sql("DROP DATABASE large")
    assert done.status == 0, done.output
    assert bench.folders() == [newer.name, done.snapshot]
    assert not old.exists()
