"""Who may do what: the real polkit, real users, real sessions."""

import pytest

from tests.vm.disk import UsbDisk
from tests.vm.server import Server

REFUSED = 3
FORGET = ("tetras-backctl", "forget", "bleu")
BACKUP = ("tetras-backctl", "backup", "bleu")

# Root's password (or anna's own) is typed where one is asked for, as at a terminal.
AT_A_TERMINAL = """
import os, pty, sys
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
        os.write(terminal, sys.argv[2].encode() + b"\\n")
sys.stdout.write(shown.decode(errors="replace"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@pytest.fixture
def disk(server: Server) -> UsbDisk:
    """A saved disk that is plugged in and has had its backup."""
    made = server.disk()
    server.configure([made], [server.script('echo kept >"$1/kept"')])
    server.plug(made)
    server.becomes(made, "safe-to-unplug")
    return made


@pytest.mark.usefixtures("disk")
def test_an_ordinary_user_may_look_and_no_more(server: Server) -> None:
    assert "bleu" in server.ctl("disks", user="alice").stdout
    for command in (BACKUP, FORGET, ("tetras-backctl", "log")):
        done = server.run(*command, user="alice", check=False)
        assert done.returncode == REFUSED
        assert "password" in done.stderr
    assert len(server.history()) == 1


@pytest.mark.usefixtures("disk")
def test_a_member_of_the_group_runs_backups_and_no_more(server: Server) -> None:
    server.run("gpasswd", "-a", "alice", "tetras-back")
    assert server.run(*BACKUP, user="alice", check=False).returncode == 0
    assert server.ctl("unplug", "bleu", user="alice").returncode == 0
    assert server.run(*FORGET, user="alice", check=False).returncode == REFUSED
    assert len(server.history()) == 2


@pytest.mark.usefixtures("disk")
def test_root_needs_no_polkit(server: Server) -> None:
    server.run("systemctl", "mask", "--now", "--runtime", "polkit")
    assert server.run(*BACKUP, user="alice", check=False).returncode == REFUSED
    assert server.run(*BACKUP, check=False).returncode == 0


@pytest.mark.usefixtures("disk")
def test_with_an_agent_a_password_is_asked_for(server: Server) -> None:
    def typed(user: str, password: str) -> int:
        words = ("python3", "-c", AT_A_TERMINAL, user, password, *FORGET)
        return server.run(*words, check=False).returncode

    # alice does not know root's password, nor is her own an administrator's.
    assert typed("alice", "alice") == REFUSED
    assert "bleu" in server.ctl("disks").stdout
    # anna is in the group sudo, which administers a Debian.
    assert typed("anna", "anna") == 0
    assert "bleu" not in server.ctl("disks").stdout


@pytest.mark.usefixtures("disk")
def test_whoever_sits_at_the_server_runs_backups(server: Server) -> None:
    def seated(*command: str) -> int:
        """The exit status of COMMAND in a session of alice's on a console where nobody is."""
        server.run("chvt", "9")
        session = ("User=alice", "PAMName=login", "TTYPath=/dev/tty9", "StandardInput=tty")
        options = [word for line in session for word in ("-p", line)]
        run = ("systemd-run", "--quiet", "--wait", "--collect", *options)
        return server.run(*run, *command, check=False).returncode

    assert seated("/usr/bin/tetras-backctl", "--no-ask-password", "backup", "bleu") == 0
    assert seated("/usr/bin/tetras-backctl", "--no-ask-password", "forget", "bleu") == REFUSED
    assert len(server.history()) == 2
