#!/bin/bash
# make install on Debian: installs what make deb has built, and sees that the service runs.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."

die() {
    printf 'install: %s\n' "$1" >&2
    exit 1
}

[[ $EUID -eq 0 ]] || die "this needs root: run it with sudo, as in: sudo make install"
packages=(./dist/tetras-back_*_all.deb)
[[ -f ${packages[0]} ]] || die "there is no package in dist/: make deb first"
# A desktop that has the notifier already gets the new one with it.
if [[ $(dpkg-query -W -f '${db:Status-Status}' tetras-back-notify 2>/dev/null || :) == installed ]]; then
    packages+=(./dist/tetras-back-notify_*_all.deb)
fi
# So does a server that has Cockpit.
if [[ $(dpkg-query -W -f '${db:Status-Status}' cockpit-bridge 2>/dev/null || :) == installed ]]; then
    packages+=(./dist/tetras-back-cockpit_*_all.deb)
fi
# Built from a checkout, the same version may have other contents, and an older one may be wanted.
apt-get -o DPkg::Lock::Timeout=300 install -y --reinstall --allow-downgrades "${packages[@]}"

if [[ -d /run/systemd/system ]]; then
    systemctl is-enabled --quiet tetras-back.service || die "the service is not enabled"
    systemctl is-active --quiet tetras-back.service || die "the service does not run: systemctl status tetras-back"
    printf 'install: tetras-back.service is enabled and runs; tetras-backctl status tells how it does\n'
else
    printf 'install: systemd does not run here: the first call on the bus starts the daemon\n'
fi
