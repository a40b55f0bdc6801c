"""Handing a mail over, to programs that behave and to those that do not."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness import wait_until
from tetrasback.adapters.sendmail import SAID_MAX, NotSent, hand_over

Program = Callable[[str], str]
LIMIT = 10.0


@pytest.fixture
def program(tmp_path: Path) -> Program:
    def make(text: str) -> str:
        path = tmp_path / "sendmail"
        path.write_text(f"#!/bin/bash\nhere={tmp_path}\n{text}\n")
        path.chmod(0o755)
        return str(path)

    return make


async def send(program: str, mail: bytes = b"Subject: x\r\n\r\nbody", limit: float = LIMIT) -> None:
    await hand_over(program, ["root", "a@example.org"], mail, limit=limit, owner=os.getuid())


async def test_program_gets_mail_addresses_and_a_clean_environment(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "x")
    mail = os.urandom(300_000)
    await send(
        program('cat >"$here/mail"; printf "%s\\n" "$@" >"$here/argv"; env >"$here/env"'), mail
    )
    assert (tmp_path / "mail").read_bytes() == mail
    assert (tmp_path / "argv").read_text().split() == ["-i", "--", "root", "a@example.org"]
    names = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert names <= {"PATH", "LANG", "HOME", "LOGNAME", "USER", "PWD", "SHLVL", "_", "OLDPWD"}


async def test_program_that_does_not_read_is_no_trouble(program: Program) -> None:
    await send(program("exit 0"), b"x" * 5_000_000)


async def test_what_a_failing_program_says_is_told(program: Program) -> None:
    with pytest.raises(NotSent) as caught:
        await send(program("echo one; echo two >&2; exit 75"))
    assert caught.value.reason.endswith("sendmail ended with status 75")
    assert caught.value.said == "one two"


async def test_a_chatty_program_is_bounded(program: Program) -> None:
    with pytest.raises(NotSent) as caught:
        await send(program("for _ in {1..20000}; do echo much; done 2>/dev/null; exit 1"))
    assert len(caught.value.said) <= SAID_MAX


async def test_a_killed_program_has_not_sent(program: Program) -> None:
    with pytest.raises(NotSent, match="was killed by signal 9"):
        await send(program("kill -9 $$"))


async def test_a_hanging_program_is_ended_with_what_it_started(
    program: Program, tmp_path: Path
) -> None:
    text = """trap '' TERM
    sleep 1000 & echo $! >"$here/child"; wait; wait"""
    with pytest.raises(NotSent, match=r"did not end within 0\.5 seconds"):
        await send(program(text), limit=0.5)
    child = int((tmp_path / "child").read_text())
    wait_until(lambda: not _alive(child), "the child to end")


async def test_a_cancelled_program_is_ended(program: Program, tmp_path: Path) -> None:
    sending = asyncio.ensure_future(send(program('echo $$ >"$here/pid"; exec sleep 1000')))
    pid = tmp_path / "pid"
    started = lambda: pid.exists() and pid.read_text()  # noqa: E731
    await asyncio.to_thread(wait_until, started, "the program to start")
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert not _alive(int(pid.read_text()))


async def test_a_child_that_delivers_in_the_background_is_left_alone(
    program: Program, tmp_path: Path
) -> None:
    text = '(sleep 0.3; echo late; cat >"$here/late") & exit 0'
    await send(program(text), b"mail")
    wait_until(lambda: (tmp_path / "late").exists(), "the background delivery")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.unlink(), "there is no"),
        (lambda path: path.chmod(0o644), "not executable"),
        (lambda path: path.chmod(0o777), "writable by others"),
        (lambda path: path.parent.chmod(0o777), "writable by others"),
        (lambda path: path.write_text(""), "is empty"),
        (lambda path: (path.unlink(), path.mkdir()), "not a regular file"),
        (lambda path: path.write_bytes(b"\x7fELF rubbish"), "cannot be run"),
    ],
)
async def test_a_program_that_root_must_not_run_is_not_run(
    program: Program, spoil: Callable[[Path], object], reason: str
) -> None:
    path = program("exit 0")
    spoil(Path(path))
    with pytest.raises(NotSent, match=reason):
        await send(path)


async def test_a_program_of_another_user_is_not_run(program: Program) -> None:
    with pytest.raises(NotSent, match="is not root's"):
        await hand_over(program("exit 0"), ["root"], b"", owner=os.getuid() + 1)


async def test_nothing_stays_open(program: Program) -> None:
    await send(program("exit 0"))
    before = set(os.listdir("/proc/self/fd"))
    for text in ("exit 0", "exit 1"):
        with contextlib.suppress(NotSent):
            await send(program(text))
    assert len(os.listdir("/proc/self/fd")) <= len(before)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
