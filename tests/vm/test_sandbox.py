"""The service's sandbox, which its scripts inherit: what they keep, and what is shut.

What each line of it is for stands in systemd/SANDBOX.md.
"""

from tests.vm.server import Server

NEEDED = {
    "the true /tmp": "[[ $(</tmp/mark) == host ]]",
    "the true homes": "[[ $(</home/alice/mark) == host ]]",
    "every file": "cat /etc/shadow >/dev/null",
    "kernel modules as files": "compgen -G '/usr/lib/modules/*' >/dev/null",
    "a setuid file as it is": (
        'cp -a /usr/bin/passwd "$1/" && [[ $(stat -c %a "$1/passwd") == 4755 ]]'
    ),
    "a device node": 'mknod "$1/node" c 10 200 && cp -a "$1/node" "$1/copy" && [[ -c $1/copy ]]',
    "an owner": 'touch "$1/owned" && chown alice:bob "$1/owned"',
    "an ACL": 'setfacl -m u:bob:r "$1/owned" && getfacl -c "$1/owned" 2>/dev/null | grep -q bob',
    "trusted attributes": 'setfattr -n trusted.x -v y "$1/owned"',
    "capabilities of files": 'setcap cap_net_raw+ep "$1/owned"',
    "chattr": 'chattr +i "$1/owned" && chattr -i "$1/owned"',
    "a loop mount at a place of its own": (
        'truncate -s 8M "$1/image" && mkfs.ext4 -q "$1/image" && mkdir -p /mnt/backup'
        ' && mount -o loop "$1/image" /mnt/backup && umount /mnt/backup'
    ),
    "to be another user": "setpriv --reuid=alice --regid=alice --init-groups true",
    "su": "su - alice -c true",
    "sudo": "sudo -u alice true",
    "systemd": "systemctl stop dummy.service && ! systemctl -q is-active dummy.service",
    "the network": "exec 5<>/dev/tcp/10.0.2.25/25 && read -r -u 5 hello",
    "a mail": "echo hello | sendmail admin@example.org",
    "the first console": "echo >/dev/tty1",
    "other processes by name": "pgrep -x systemd-udevd >/dev/null",
    "a name of the host that is the true one": "[[ $(hostname) == server ]]",
}
SHUT = {
    "the system's files": "echo >/usr/mark",
    "other services' configuration": "echo >/etc/mark",
    "the clock": "date -s @1",
    "kernel tunables": "echo 3 >/proc/sys/vm/drop_caches",
    "kernel modules": (
        "python3 -c 'import ctypes, sys; sys.exit(ctypes.CDLL(None).delete_module(b\"x\", 0))'"
    ),
    "memory of the machine": "head -c 1 /dev/mem",
    "memory of others": "head -c 1 /proc/1/environ",
    "the kernel's log": "head -c 1 /dev/kmsg",
    "new namespaces": "unshare --user true",
    "raw packets": "python3 -c 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)'",
}


def test_scripts_keep_what_they_need_and_no_more(server: Server) -> None:
    tries = {**NEEDED, **SHUT}
    lines = [
        f"if ({command}) </dev/null; then echo '{name}'; fi >>/run/possible"
        for name, command in tries.items()
    ]
    name = server.script("cd /\ntouch /run/possible\n" + "\n".join(lines) + "\nexit 0\n")
    server.shell("for place in /tmp /home/alice; do echo host >$place/mark; done")
    server.run("systemd-run", "--quiet", "--unit=dummy.service", "sleep", "1000")
    disk = server.disk()
    server.configure([disk], [name])
    server.plug(disk)
    server.becomes(disk, "safe-to-unplug", seconds=240)
    possible = server.read("/run/possible").splitlines()
    assert set(NEEDED) - set(possible) == set()
    assert set(SHUT) & set(possible) == set()
    # Both letters arrive: the script's own, and the daemon's about the verdict.
    bodies = [letter.get_content().strip() for letter in server.letters(2)]
    assert "hello" in bodies


def test_what_a_script_mounts_itself_is_seen_by_it_alone(server: Server) -> None:
    name = server.script(
        'mkdir -p /mnt/backup; mount "$1" /mnt/backup || exit 1\n'
        "touch /mnt/backup/whole; while [[ ! -e /run/go ]]; do sleep 0.2; done\n"
        "umount /mnt/backup\n"
    )
    disk = server.disk()
    server.configure([disk], [name], f'[scripts."{name}"]\ntakes = "device"')
    server.plug(disk)
    server.becomes(disk, "running")
    # A process that ends meanwhile is no error.
    mounted = "grep -ls ' /mnt/backup ' /proc/[0-9]*/mountinfo || true"
    server.until(lambda: server.shell(mounted), "its mount")
    assert server.run("findmnt", "/mnt/backup", check=False).returncode == 1
    server.run("touch", "/run/go")
    server.becomes(disk, "safe-to-unplug")
    assert server.history()[0]["Verdict"] == "success"
    assert server.shell(mounted) == ""


def test_live_exposure(server: Server) -> None:
    for unit, threshold in (("tetras-back", 45), ("tetras-back-relay", 15)):
        words = ["systemd-analyze", "security", f"--threshold={threshold}", "--no-pager"]
        assert server.run(*words, unit, check=False).returncode == 0, unit


def test_every_shipped_script_does_its_work(server: Server) -> None:
    server.run("systemctl", "start", "mariadb", "postgresql")
    server.shell(
        "mariadb -e 'create database shop; create table shop.goods select \"a saw\" as name';"
        " su postgres -c \"psql -c 'create database stock'\""
    )
    disk = server.disk(size_mb=512)
    server.configure([disk], ["backup_nocloud.sh", "backup_demo-tibox.sh"])
    server.plug(disk)
    server.becomes(disk, "safe-to-unplug", seconds=360)
    assert server.history()[0]["Verdict"] == "success", server.ctl("log").stdout
    with server.look(disk) as point:
        server.shell(
            f"diff -r --no-dereference /home {point}/home; cmp /etc/shadow {point}/etc/shadow"
        )
        dumps = server.shell(
            f"tar -xzOf {point}/*_Sauvegarde_server/serveur.tar.gz --wildcards 'bases/*.sql'"
        )
    assert "a saw" in dumps
    assert "CREATE DATABASE stock" in dumps
