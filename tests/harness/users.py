"""Unprivileged callers: real users, made for a test and removed after it."""

import grp
import pwd
import secrets
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from tests.harness.lock import MachineLock
from tests.harness.process import run


class User:
    """A new user without password or home, in GROUPS (made where they do not exist)."""

    def __init__(self, groups: Sequence[str] = (), prefix: str = "tb-test-") -> None:
        self.name = prefix + secrets.token_hex(4)
        self._groups = groups
        try:
            self._make()
        except BaseException:  # also Ctrl-C: nobody else would remove it
            self.close()
            raise
        entry = pwd.getpwnam(self.name)
        self.uid, self.gid = entry.pw_uid, entry.pw_gid

    def _make(self) -> None:
        with MachineLock("users"):
            for group in self._groups:
                if not _group_exists(group):
                    run(["groupadd", "--system", group])
                    _made(group).touch()
            run(
                [
                    *("useradd", "--system", "--no-create-home", "--home-dir=/nonexistent"),
                    *("--user-group", "--shell=/usr/sbin/nologin"),
                    *((f"--groups={','.join(self._groups)}",) if self._groups else ()),
                    self.name,
                ]
            )

    def __enter__(self) -> "User":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        with MachineLock("users"):
            run(["userdel", "--force", self.name], check=False)
            for group in self._groups:
                if _made(group).exists() and not grp.getgrnam(group).gr_mem:
                    run(["groupdel", group])
                    _made(group).unlink()


def command_as(user: User, argv: Sequence[str | Path]) -> list[str]:
    """ARGV run as USER, with their groups and no capability."""
    return [
        *("setpriv", f"--reuid={user.uid}", f"--regid={user.gid}", "--init-groups"),
        *("--inh-caps=-all", "--no-new-privs", "--"),
        *(str(word) for word in argv),
    ]


def run_as(
    user: User,
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    seconds: float = 60.0,
) -> subprocess.CompletedProcess[str]:
    """Run ARGV as USER to its end, output captured; a failure is the caller's to look at."""
    return run(command_as(user, argv), seconds=seconds, check=False, env=env)


def _made(group: str) -> Path:
    """Exists while GROUP is one that a test run made; the last user in it takes it away."""
    return Path(f"/run/tetras-back-harness-group-{group}")


def _group_exists(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True
