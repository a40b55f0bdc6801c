"""People at a server: who sits at it, and who types a password."""

from tests.vm.channel import Done
from tests.vm.machine import Machine

CONSOLE = 9
"""Beyond those where a getty starts: nobody is there before."""

# A password is typed where one is asked for, as at a terminal: once it is not shown any more, for
# the agent throws away what was typed before.
AT_A_TERMINAL = """
import os, pty, sys, termios, time
pid, terminal = pty.fork()
if pid == 0:
    os.execvp("runuser", ["runuser", "-u", sys.argv[1], "--", *sys.argv[3:]])
shown = b""
while True:
    try:
        data = os.read(terminal, 4096)
    except OSError:
        break
    if not data:
        break
    shown += data
    if shown.endswith(b"Password: "):
        while termios.tcgetattr(terminal)[3] & termios.ECHO:
            time.sleep(0.05)
        os.write(terminal, sys.argv[2].encode() + b"\\n")
sys.stdout.write(shown.decode(errors="replace"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def seated(machine: Machine, user: str, *command: str) -> Done:
    """COMMAND (its first word a path) in a session of USER's at a console of MACHINE."""
    machine.run("chvt", str(CONSOLE))
    session = (
        f"User={user}",
        "PAMName=login",
        f"TTYPath=/dev/tty{CONSOLE}",
        "StandardInput=tty",
        f"WorkingDirectory=/home/{user}",
        "StandardOutput=file:/run/seated.log",
        "StandardError=inherit",
    )
    options = [word for line in session for word in ("-p", line)]
    run = ("systemd-run", "--quiet", "--wait", "--collect", *options)
    done = machine.run(*run, *command, check=False)
    done.stdout = machine.run("cat", "/run/seated.log").stdout
    machine.run("rm", "/run/seated.log")
    return done


def typing(machine: Machine, user: str, password: str, *command: str) -> Done:
    """COMMAND at a terminal of USER's, who answers with PASSWORD where one is asked for."""
    words = ("python3", "-c", AT_A_TERMINAL, user, password, *command)
    return machine.run(*words, check=False)
