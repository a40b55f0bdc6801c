"""A password asked for in the terminal: real polkitd, real pkttyagent, a real terminal."""

import os
import pty
import select
import subprocess
import termios
import time
from collections.abc import Callable, Sequence

from tests.harness import Daemon, Polkitd, PrivateBus, User, run
from tests.harness.polkit import at_the_usual_place
from tests.harness.process import PYTHON
from tests.harness.users import command_as

PASSWORD = "Sesame-ouvre-toi-7"
UUID = "1b5a9f3e-95f2-4d2f-a5a4-6ab9a5a4c4de"


def test_an_administrator_is_asked_in_the_terminal(
    bus: PrivateBus, daemon_factory: Callable[..., Daemon]
) -> None:
    with User() as user:
        run(["chpasswd"], text_input=f"{user.name}:{PASSWORD}\n")
        rule = f'polkit.addAdminRule(function() {{ return ["unix-user:{user.name}"]; }});'
        with Polkitd(bus, rule):
            daemon = daemon_factory(sim=True)
            refused, said = converse(user, daemon, "wrong")
            allowed, shown = converse(user, daemon, PASSWORD)
            original = [PYTHON, "-m", "tetrasback.ctl.original", "--save", f"{UUID}=vert"]
            saved, told = converse(user, daemon, PASSWORD, program=original)
            daemon.stop()
    assert (refused, "in force" in said) == (3, False)
    assert (allowed, "in force" in shown) == (0, True)
    assert (saved, "saved as vert" in told) == (0, True), told
    assert PASSWORD not in shown


def test_without_asking_it_is_refused(
    polkitd: Polkitd, daemon_factory: Callable[..., Daemon], user: User
) -> None:
    daemon = daemon_factory(sim=True)
    code, shown = converse(user, daemon, "", "--no-ask-password")
    assert code == 3
    assert "password" in shown


def converse(
    user: User, daemon: Daemon, password: str, *options: str, program: Sequence[str] = ()
) -> tuple[int, str]:
    """`tetras-backctl reload`, or PROGRAM, of USER on a terminal, where PASSWORD is typed when one
    is asked for."""
    ours, theirs = pty.openpty()
    command = command_as(user, program or daemon.ctl("reload", *options))
    command.remove("--no-new-privs")  # the helper is set-uid
    process = subprocess.Popen(
        # setsid -c: the terminal must be the controlling one, as after a login.
        ["setsid", "-c", "-w", *at_the_usual_place(daemon.bus, command)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=daemon.client_environment,
    )
    os.close(theirs)
    shown, typed = "", False
    end = time.monotonic() + 40
    try:
        while time.monotonic() < end:
            asked = shown.endswith("Password: ") and not termios.tcgetattr(ours)[3] & termios.ECHO
            if asked and not typed:
                typed = True
                os.write(ours, f"{password}\n".encode())
            if not select.select([ours], [], [], 0.1)[0]:
                continue
            try:
                shown += os.read(ours, 4096).decode(errors="replace")
            except OSError:
                break  # the last program has left the terminal
        return process.wait(10), shown
    finally:
        process.kill()
        process.wait()
        os.close(ours)
