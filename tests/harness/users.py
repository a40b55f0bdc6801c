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
    """A new user without password or home, in GROUPS (made where they do not exist).

    With HOME, a directory that is made, they can log in: `password` is theirs.
    """

    def __init__(
        self, groups: Sequence[str] = (), prefix: str = "tb-test-", home: Path | None = None
    ) -> None:
        self.name = prefix + secrets.token_hex(4)
        self.password = secrets.token_hex(8) if home else ""
        self._groups = groups
        self._home = home
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
            shell = "/bin/bash" if self._home else "/usr/sbin/nologin"
            run(
                [
                    *("useradd", "--system", "--user-group", f"--shell={shell}"),
                    f"--home-dir={self._home or '/nonexistent'}",
                    "--create-home" if self._home else "--no-create-home",
                    *((f"--groups={','.join(self._groups)}",) if self._groups else ()),
                    self.name,
                ]
            )
            if self._home:
                run(["chpasswd"], text_input=f"{self.name}:{self.password}\n")

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
