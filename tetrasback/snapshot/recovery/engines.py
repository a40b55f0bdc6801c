"""The database servers that a dump can be given to, by their own clients."""

import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Final, NamedTuple, Protocol

from tetrasback.snapshot.troubles import Failed, Refused

MYSQL: Final = "mysql"
POSTGRESQL: Final = "postgresql"
SECONDS: Final = 30
"""In which a server answers whether it can be used."""
SAID_MAX: Final = 1 << 20
"""Bytes of complaints that are read."""
SHOWN_MAX: Final = 20

_PASSED: Final = ("PATH", "HOME", "PGHOST", "PGPORT", "PGCLUSTER", "MYSQL_UNIX_PORT")
_ENVIRONMENT: Final = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
    "PGOPTIONS": "-c lc_messages=C",  # the server complains in English
}


def _environment() -> dict[str, str]:
    return _ENVIRONMENT | {name: os.environ[name] for name in _PASSED if name in os.environ}


class _Who(NamedTuple):
    """Whom a client runs as; None = as root, which this program is."""

    user: int | None = None
    group: int | None = None
    groups: list[int] | None = None


_ROOT: Final = _Who()


def _who(user: str) -> _Who:
    entry = pwd.getpwnam(user)
    return _Who(entry.pw_uid, entry.pw_gid, os.getgrouplist(user, entry.pw_gid))


class Running:
    """A client that reads a dump; use as a context manager, after which it has ended."""

    def __init__(self, argv: Sequence[str], who: _Who, harmless: re.Pattern[str]) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115
        self._harmless = harmless
        self.warnings: list[str] = []
        """What it complained of and went on."""
        # In a session of its own: what a dump makes it do has no terminal to type into.
        self._process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._said,
            env=_environment(),
            cwd="/",
            start_new_session=True,
            user=who.user,
            group=who.group,
            extra_groups=who.groups,
        )

    def __enter__(self) -> "Running":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        self._said.close()

    def write(self, data: bytes) -> bool:
        """Pass on part of the dump; whether the client still takes any."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(data)
        except BrokenPipeError:
            return False
        return True

    def end(self) -> str:
        """That was all of it: why it failed, '' = it did not."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        status = self._process.wait()
        self._said.seek(0)
        lines = self._said.read(SAID_MAX).decode("utf-8", "replace").splitlines()
        errors = [line for line in lines if "ERROR" in line and not self._harmless.search(line)]
        if status:
            return (errors or lines or [f"the client ended with status {status}"])[0][:500]
        self.warnings = [line[:500] for line in errors[:SHOWN_MAX]]
        if len(errors) > SHOWN_MAX:
            self.warnings.append(f"{len(errors) - SHOWN_MAX} more errors")
        return ""


def _ask(argv: Sequence[str], who: _Who) -> str:
    """What a client answers. Raises Refused."""
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=_environment(),
            cwd="/",
            timeout=SECONDS,
            start_new_session=True,
            check=False,
            user=who.user,
            group=who.group,
            extra_groups=who.groups,
        )
    except subprocess.TimeoutExpired as error:
        raise Refused(f"{os.path.basename(argv[0])}: the server does not answer") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Refused(f"{os.path.basename(argv[0])}: {(said or ['no answer'])[-1][:500]}")
    return done.stdout.decode("utf-8", "replace")


class Engine(Protocol):
    """A running server. Made, it only looks for its client; raises Refused where it has none."""

    name: str
    last_words: bytes
    """With which a dump that is whole ends."""

    def check(self, names: Sequence[str]) -> None:
        """Whether the dumps NAMES can be restored into it. Raises Refused."""

    def begin(self) -> Running:
        """A client, to give a dump to."""

    def reload_rights(self) -> None:
        """Have users and rights that were restored count. Raises Failed."""


class MySql:
    """MySQL or MariaDB, by MariaDB's client as root, which finds it as Debian's does."""

    name = MYSQL
    last_words = b"-- Dump completed"

    def __init__(self) -> None:
        client = shutil.which("mariadb") or shutil.which("mysql")
        if client is None:
            raise Refused("there is no mariadb here; install mariadb-client")
        # A dump must not have the client read root's files for the server either.
        safe = ["--sandbox", "--local-infile=0"]
        self._argv = [client, *safe, "--batch", "--default-character-set=utf8mb4"]

    def check(self, names: Sequence[str]) -> None:
        """See Engine."""
        # Without this option the client runs programs that a dump names, as root.
        if "--sandbox" not in _ask([self._argv[0], "--help"], _ROOT):
            raise Refused("this client would run what a dump says; upgrade mariadb-client")
        _ask([*self._argv, "--execute=SELECT 1"], _ROOT)

    def begin(self) -> Running:
        """See Engine."""
        return Running(self._argv, _ROOT, re.compile("(?!)"))

    def reload_rights(self) -> None:
        """See Engine."""
        try:
            _ask([*self._argv, "--execute=FLUSH PRIVILEGES"], _ROOT)
        except Refused as error:
            raise Failed(f"the users' rights are restored but not yet in force: {error}") from error


class PostgreSql:
    """A PostgreSQL server, by psql as the user who owns it. Its dumps are of a whole server."""

    name = POSTGRESQL
    last_words = b"-- PostgreSQL database cluster dump complete"
    _user: Final = "postgres"
    _others: Final = (
        "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'"
        " UNION ALL SELECT 'postgres' FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
        " WHERE nspname !~ '^(pg_|information_schema$)' LIMIT 20"
    )

    def __init__(self) -> None:
        client = shutil.which("psql")
        if client is None:
            raise Refused("there is no psql here; install postgresql-client")
        try:
            pwd.getpwnam(self._user)
        except KeyError as error:
            raise Refused("there is no user postgres here; install postgresql") from error
        self._argv = [client, "--no-psqlrc", "--no-password", "--quiet", "--dbname=postgres"]

    def check(self, names: Sequence[str]) -> None:
        """See Engine. Dumps create what they hold: it must not be there."""
        if len(names) > 1:
            raise Refused(f"each is of a whole server; name one: {', '.join(names)[:500]}")
        query = ["--tuples-only", "--no-align", f"--command={self._others}"]
        there = _ask([*self._argv, *query], _who(self._user)).split()
        if there:
            raise Refused(
                "the PostgreSQL server holds databases already, which would be mixed with those of"
                f" the dump: {', '.join(sorted(set(there)))[:500]}; drop them first"
            )

    def begin(self) -> Running:
        """See Engine."""
        harmless = re.compile(rf'role "{self._user}" already exists')
        return Running(self._argv, _who(self._user), harmless)

    def reload_rights(self) -> None:
        """See Engine. They are in force."""


ENGINES: Final[Mapping[str, type[MySql] | type[PostgreSql]]] = {
    MYSQL: MySql,
    POSTGRESQL: PostgreSql,
}
