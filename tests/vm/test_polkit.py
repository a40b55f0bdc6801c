"""Who may do what: the real polkit, real users, real sessions."""

import pytest

from tests.vm.disk import UsbDisk
from tests.vm.people import seated, typing
from tests.vm.server import Server

REFUSED = 3
FORGET = ("tetras-backctl", "forget", "bleu")
BACKUP = ("tetras-backctl", "backup", "bleu")


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
    # alice does not know root's password, nor is her own an administrator's.
    assert typing(server, "alice", "alice", *FORGET).returncode == REFUSED
    assert "bleu" in server.ctl("disks").stdout
    # anna is in the group sudo, which administers a Debian.
    assert typing(server, "anna", "anna", *FORGET).returncode == 0
    assert "bleu" not in server.ctl("disks").stdout


@pytest.mark.usefixtures("disk")
def test_whoever_sits_at_the_server_runs_backups(server: Server) -> None:
    def seat(*words: str) -> int:
        command = ("/usr/bin/tetras-backctl", "--no-ask-password", *words)
        return seated(server, "alice", *command).returncode

    assert seat("backup", "bleu") == 0
    assert seat("forget", "bleu") == REFUSED
    assert len(server.history()) == 2
