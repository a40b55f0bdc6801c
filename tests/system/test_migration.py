"""From the original to this version: the page of the manual, carried out to the letter."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.harness import LoopDisk, Relay, run
from tests.harness.process import PROJECT
from tests.system.old_server import HOST, OldServer, commands, fill_disk, wrap
from tests.system.scene import Scene

PAGE = "tetras-back-migration.7"
OLDEST, NEWEST = f"2019-03-01_12-00-00_sauvegarde_{HOST}", f"2019-04-01_12-00-00_Sauvegarde_{HOST}"
OTHERS = "2019-04-02_12-00-00_Sauvegarde_another-server"
WEB = "/var/www/tetras-back/tl-client"


def configuration(disk: LoopDisk) -> str:
    """As the original's daemon wrote it."""
    return f"""\
#####
#
# Tetras-back configuration file
#
#####

use strict;
use warnings;

our (%CFG);

# The configuration data
%CFG = (
         'DISKS' => {{
                      'KNOWN' => {{
                                   '{disk.uuid}' => {{
                                       'last_seen' => 1554120000,
                                       'last_backup' => "Sauvegarde r\\x{{e9}}ussie 1554123600",
                                       'name' => 'bleu'
                                   }}
                                 }},
                      'CONNECTED' => {{}}
                    }},
         'scriptdir' => '/usr/local/lib/tetras-back',
         'CLIENTS' => {{
                        '{WEB}' => 1512345678,
                        '/srv/gone' => 1512345678,
                        '/var/www/screen' => 1512345678
                      }},
         'SCRIPTS' => {{
                        'own.sh' => '--to "a place"',
                        'backup_nocloud.sh' => '--data --config'
                      }}
       );

1;
# EOF
"""


class Move:
    """A server with the original, a disk with its backups, and what it takes to move."""

    def __init__(self, scene: Scene, stack: ExitStack) -> None:
        self.scene = scene
        self.home = scene.workspace / "server/home"
        for part in ("server/etc", "server/root", "server/home/alice"):
            (scene.workspace / part).mkdir(parents=True)
        (scene.workspace / "server/etc/hostname").write_text(f"{HOST}\n")
        (self.home / "alice/photo").write_bytes(b"photo" * 100_000)
        self.disk = scene.disk(size_mb=64)
        fill_disk(self.disk, self.home, (OLDEST, NEWEST, OTHERS))
        self.old = stack.enter_context(OldServer(scene.workspace, configuration(self.disk)))
        self.old.program("systemctl", f'echo "$*" >>{scene.workspace}/systemctl\n')
        self.old.program("apt", f'echo "$*" >>{scene.workspace}/apt\n')
        self._stack = stack

    def install(self) -> None:
        """What `apt` does on a real server."""
        shipped = (PROJECT / "packaging/configuration.toml").read_text()
        source = f'source = "{self.scene.workspace}/server"\n'
        self.scene.configuration.write_text(shipped.replace("[backup]\n", f"[backup]\n{source}"))
        within = self.old.within
        lib = Path("/usr/local/lib/tetras-back")
        daemon = self.scene.start(
            [lib, self.scene.workspace / "lib/tetrasback/scripts"], within=within
        )
        self._stack.enter_context(Relay(self.scene.bus, self.scene.workspace, within))
        wrap(self.old, daemon.library)
        self.shell("groupadd --force --system tetras-back")

    def shell(self, script: str) -> str:
        """Run SCRIPT as root on that server; what it prints."""
        return self.old.shell(script, self.scene.bus.environment)

    def recorded(self, program: str) -> str:
        return (self.scene.workspace / program).read_text()


@pytest.fixture
def move(scene: Scene) -> Iterator[Move]:
    with ExitStack() as stack:
        yield Move(scene, stack)


def test_the_steps_of_the_page(move: Move) -> None:
    take_out, put_aside, install, take_over, look, again, web, read, page, tidy = commands(PAGE)
    scene, disk = move.scene, move.disk

    move.shell(take_out)
    assert "disable --now tetras-back.service" in move.recorded("systemctl")
    for place in ("/etc/systemd/system", "/etc/udev/rules.d", "/etc/logrotate.d"):
        assert "tetras-back" not in move.shell(f"ls {place}")
    move.shell(put_aside)
    assert move.shell("ls /usr/local/lib/tetras-back") == "own.sh\n"
    move.shell(install)
    assert move.recorded("apt").startswith("install ./tetras-back")
    move.install()

    move.shell("mkfifo -m 600 /var/www/screen; chown www-data: /var/www/screen")
    told = move.shell(take_over)
    assert "/var/www/screen is registered again\n" in told
    for path in (WEB, "/srv/gone"):
        assert f"{path} is not registered again: there is no FIFO at {path}" in told
    assert "imported, with the remarks above\n" in told
    assert "\nbleu  not plugged in  " in told
    assert "2019-04-01" in told
    for script in ("own.sh", "backup_nocloud.sh"):
        assert f"{script}" in told
    assert "Sauvegarde réussie" in told
    assert (scene.shown(disk)["Name"], scene.shown(disk)["LastVerdict"]) == ("bleu", "success")

    scene.plug(disk)
    assert scene.verdict(disk) == "success"
    scene.becomes(disk, "safe-to-unplug")
    assert "bleu may be unplugged" in move.shell(look)
    assert "bleu: success" in move.shell(again)

    move.shell(web)
    document = json.loads(move.shell(read))
    assert document["KNOWN"][disk.uuid]["name"] == "bleu"
    assert document["KNOWN"][disk.uuid]["last_backup"].startswith("Sauvegarde réussie ")
    as_page = f"setpriv --reuid=www-data --regid=www-data --clear-groups cat {WEB}"
    assert json.loads(move.shell(as_page)) == document
    move.shell(page)
    assert "www-data" in move.shell("getent group tetras-back")

    assert "nothing has changed" in move.shell(take_over)
    move.shell(tidy)
    assert move.shell("ls /etc/tetras-back /root").strip().endswith("/root:")

    disk.detach()
    what_lies_on_it(move)


def what_lies_on_it(move: Move) -> None:
    """The original's backups, and this version's beside them, which share what has not changed."""
    root = move.scene.inside(move.disk)
    folders = sorted(path.name for path in root.glob("*_?auvegarde_*"))
    assert folders[:3] == [OLDEST, NEWEST, OTHERS]
    assert len(folders) == 5
    photos = [root / name / "Donnees/alice/photo" for name in folders]
    assert all(photo.read_bytes() == photos[0].read_bytes() for photo in photos)
    assert photos[3].samefile(photos[1])
    assert photos[4].samefile(photos[3])
    assert (root / folders[3] / "serveur.tar.gz").exists()
    assert run(["cat", root / "own.sh.txt"]).stdout.startswith("own.sh --to a place /dev/loop")


def test_the_originals_scripts_may_stay(move: Move) -> None:
    first, _, _, take_over, *_ = commands(PAGE)
    move.shell(first)
    move.install()
    told = move.shell(take_over)
    assert "is the original's and gets the device" in told
    move.scene.plug(move.disk)
    assert move.scene.verdict(move.disk) == "success"
    move.scene.becomes(move.disk, "safe-to-unplug")
    move.disk.detach()
    root = move.scene.inside(move.disk)
    for script, args in (("backup_nocloud.sh", "--data --config"), ("own.sh", "--to a place")):
        said = (root / f"{script}.txt").read_text()
        assert said.startswith(f"{script} {args} /dev/loop")
    assert not list(root.glob("202*"))
