"""What lies on the disk comes back on another machine, with nothing but its own tools."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.vm import snapshots
from tests.vm.machine import Machine
from tests.vm.server import Server

# One of every kind of entry, and what is easily lost of it.
FILL = r"""
for at in /home/alice /srv/data; do
    mkdir -p $at/odd; cd $at/odd
    echo data >plain; ln plain 'second name'; ln -s /nowhere/at\ all link
    mkfifo fifo; mknod null c 1 3; truncate -s 20M sparse; echo end >>sparse
    echo '#!' >setuid; chown alice:bob setuid; chmod 6755 setuid
    setfattr -n user.colour -v blue plain; setfattr -n trusted.secret -v 1 plain
    setfacl -m u:bob:rw,g:7:r plain
    mkdir -m 1777 directory; setfacl -d -m u:bob:rwx directory
    setcap cap_net_raw+ep setuid; chown 1234:4321 directory
    touch -h -d '2001-02-03 04:05:06.123456789' link plain
    touch -- $'new\nline' $'\xff\xfe' -rf '*' ' ' 'back\slash'
done
"""
# A directory's size says nothing, nor does a link's mode; an archive keeps whole seconds.
LIST = r"""
cd {tree}
find {names} -type d -printf '%p %y %m %U:%G %Ts %l\0' -o -printf '%p %y %m %U:%G %s %n %Ts %l\0'
getfattr -Rhd -m - -e hex -- {names} | tr '\n' '\0'
find {names} -type f -print0 | sort -z | xargs -0 sha256sum -z --
"""


def listing(machine: Machine, tree: str, *entries: str) -> list[str]:
    """Each entry of NAMES in TREE with all that is to be the same after a restore."""
    script = LIST.format(tree=tree, names=" ".join(entries))
    return sorted(machine.shell(script).split("\0"))


@pytest.fixture
def other(place: Path) -> Iterator[Machine]:
    """Another machine, which has never heard of the package; switched off."""
    directory = Path(tempfile.mkdtemp(prefix="", dir=place))
    with Machine(directory, snapshots.booted()) as machine:
        yield machine


def test_everything_comes_back_as_it_was(server: Server, other: Machine) -> None:
    server.shell(FILL)
    disk = server.disk()
    server.configure([disk])
    homes, system = listing(server, "/home", "."), listing(server, "/", "etc", "srv", "root")
    assert len(homes) > 30
    server.plug(disk)
    server.becomes(disk, "safe-to-unplug", seconds=240)
    server.pull(disk)
    server.cut_power()

    other.restore()
    other.plug(disk)
    by_uuid = f"/dev/disk/by-uuid/{disk.uuid}"
    other.run("udevadm", "wait", "--timeout=60", by_uuid)
    other.shell(
        f"mount -r {by_uuid} /mnt; cd /mnt/*_Sauvegarde_server; mkdir /restored; "
        "cp -a Donnees /restored/home; "
        "tar -xpzf serveur.tar.gz --acls --xattrs --xattrs-include='*' --numeric-owner -C /restored"
    )

    assert listing(other, "/restored/home", ".") == homes
    assert listing(other, "/restored", "etc", "srv", "root") == system
