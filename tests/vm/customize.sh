#!/bin/bash
# Makes of mmdebstrap's Debian a server that is quick to boot and easy to talk to; run by mmdebstrap
# with the image's root directory: before the packages (early) and after them (late).
set -euo pipefail

when=$1 root=$2
here=$(dirname -- "$(realpath -- "$0")")

early() {
    # Only what the machine of machine.py boots with: the image is read at an emulator's speed.
    mkdir -p "$root/etc/initramfs-tools/conf.d"
    echo MODULES=list >"$root/etc/initramfs-tools/conf.d/vm"
    printf '%s\n' virtio_pci virtio_blk ext4 crc32c_generic >"$root/etc/initramfs-tools/modules"
}

late() {
    # What was left out of the image is not to be left out of the package under test.
    rm -f "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"

    echo server >"$root/etc/hostname"
    printf '127.0.0.1 localhost\n127.0.1.1 server\n10.0.2.25 mail\n' >"$root/etc/hosts"
    echo 'LABEL=root / ext4 defaults 0 1' >"$root/etc/fstab"
    # Made anew at the first boot.
    : >"$root/etc/machine-id"

    # Kept over a power cut.
    mkdir -p "$root/var/log/journal"
    install -D -m 755 "$here/agent.py" "$root/usr/local/sbin/vm-agent"
    cat >"$root/etc/systemd/system/vm-agent.service" <<'UNIT'
[Unit]
Description=Runs what the tests ask for
DefaultDependencies=no
After=local-fs.target

[Service]
ExecStart=/usr/local/sbin/vm-agent
Restart=always

[Install]
WantedBy=sysinit.target
UNIT
    chroot "$root" systemctl enable --quiet vm-agent.service systemd-networkd.service
    # Nothing that wakes up by chance, or that takes time at each boot.
    chroot "$root" systemctl mask --quiet apt-daily.timer apt-daily-upgrade.timer \
        e2scrub_all.timer e2scrub_reap.service fstrim.timer dpkg-db-backup.timer \
        systemd-networkd-wait-online.service
    chroot "$root" systemctl disable --quiet mariadb.service postgresql.service

    # The only thing beyond its network card is the sink for mail (sink.py).
    printf '[Match]\nType=ether\n[Network]\nAddress=10.0.2.15/24\nLinkLocalAddressing=no\n' \
        >"$root/etc/systemd/network/vm.network"
    printf 'account default\nhost mail\nport 25\nfrom root@server.example\naliases /etc/aliases\n' \
        >"$root/etc/msmtprc"
    echo 'default: admin@example.org' >"$root/etc/aliases"

    # anna administers the server; alice and bob have a home on it and no rights.
    for user in anna alice bob; do
        chroot "$root" useradd --create-home --shell /bin/bash "$user"
    done
    chroot "$root" usermod --append --groups sudo anna
    for user in root anna alice bob; do
        echo "$user:$user"
    done | chroot "$root" chpasswd
}

"$when"
