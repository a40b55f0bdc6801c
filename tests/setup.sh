#!/bin/bash
# Installs what the demo, the tests or the benches need: Debian's packages, and for the tests and
# benches a virtual environment in .venv with the development tools.
#
#   tests/setup.sh demo | demo-web | check | web | bench | vm | deb | screenshots
#
# Asks for nothing, starts no service, and is done in a moment where all is there already.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."

die() {
    printf 'setup: %s\n' "$1" >&2
    exit 1
}

goal=${1:-}
[[ $goal =~ ^(demo|demo-web|check|web|bench|vm|deb|screenshots)$ ]] ||
    die "usage: tests/setup.sh demo | demo-web | check | web | bench | vm | deb | screenshots"
if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    die "this needs Debian 12 or newer (there is no apt-get here)"
fi

# What builds the Debian packages: debian/control's Build-Depends.
building=(build-essential debhelper dh-python gettext pkgconf)
# What the daemon, the command and the scripts run with, and what shows them at work.
packages=(
    python3 python3-dbus-next python3-pyudev python3-tomlkit python3-rich
    dbus polkitd udev systemd util-linux mount fdisk e2fsprogs xfsprogs btrfs-progs
    rsync tar gzip isal pigz acl attr procps passwd libglib2.0-bin gettext
    dunst xvfb fonts-dejavu-core msmtp python3-aiosmtpd
)
if [[ $goal == deb ]]; then
    packages=(python3 systemd "${building[@]}")
elif [[ $goal != demo* ]]; then
    packages+=("${building[@]}")
    packages+=(
        python3-venv python3-pip python3-dbusmock python3-jsonschema ca-certificates
        shellcheck libxml2-utils libdbus-1-dev man-db mandoc bash-completion zsh fish
        libnotify-bin imagemagick desktop-file-utils
        lintian dosfstools exfatprogs ntfs-3g mtree-netbsd openssl perl psmisc strace pkexec bsdutils
        mariadb-server postgresql bindfs
    )
fi
if [[ $goal == *web ]]; then
    packages+=(cockpit-ws cockpit-bridge cockpit-system)
fi
if [[ $goal == web ]]; then
    packages+=(chromium appstream sudo)
fi
if [[ $goal == vm ]]; then
    packages+=(qemu-system-x86 qemu-utils mmdebstrap chromium)
fi
if [[ $goal == screenshots ]]; then
    packages+=(adwaita-icon-theme)
fi
if [[ $goal == bench ]]; then
    packages+=(
        firewalld udisks2 python3-dbus python3-gi
        restic borgbackup rsnapshot backintime-common python3-matplotlib
    )
fi

missing=()
for package in "${packages[@]}"; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [[ $status == installed ]] || missing+=("$package")
done

[[ $goal == deb && ${#missing[@]} -eq 0 ]] || [[ $EUID -eq 0 ]] ||
    die "this needs root: run it with sudo, as in: sudo make $goal"
if ((${#missing[@]})); then
    printf 'setup: installing %s\n' "${missing[*]}"
    # Servers that come as packages are for tests of their own: they must not start on this machine.
    # Debian asks this program first; where an administrator has one already, theirs decides.
    guard=/usr/sbin/policy-rc.d
    if [[ ! -e $guard ]]; then
        trap 'rm -f -- "$guard"' EXIT
        trap 'exit 1' INT TERM HUP
        printf '#!/bin/sh\nexit 101\n' >"$guard"
        chmod 755 "$guard"
    fi
    log=$(mktemp)
    export DEBIAN_FRONTEND=noninteractive
    options=(-o Acquire::Retries=3 -o DPkg::Lock::Timeout=300)
    if ! { apt-get "${options[@]}" update &&
        apt-get "${options[@]}" install -y --no-install-recommends "${missing[@]}"; } \
        </dev/null >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f -- "$log"
        die "apt-get could not install them; its last words are above"
    fi
    rm -f -- "$log"
fi

/usr/bin/python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "this needs Debian 12 or newer (Python is older than 3.11 here)"
[[ $goal != demo* && $goal != deb ]] || exit 0

# Debian's Python with Debian's libraries, as in production, and beside them the tools.
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    printf 'setup: making .venv\n'
    /usr/bin/python3 -m venv --clear --system-site-packages .venv
fi
# The tools of pyproject.toml's list $1; $2 remembers which.
install_tools() {
    cmp -s pyproject.toml "$2" && return
    printf 'setup: installing the development tools into .venv\n'
    /usr/bin/python3 - "$1" <<'END' | .venv/bin/pip install --quiet --disable-pip-version-check -r /dev/stdin
import sys
import tomllib

with open("pyproject.toml", "rb") as file:
    print("\n".join(tomllib.load(file)["project"]["optional-dependencies"][sys.argv[1]]))
END
    cp pyproject.toml "$2"
}

install_tools dev .venv/.tools
[[ $goal == web || $goal == vm ]] || exit 0
install_tools web .venv/.web-tools
[[ $goal == web ]] || exit 0

# What checks JavaScript, by its lock file; Node.js has come with the tools above.
if ! cmp -s tests/web/package-lock.json .venv/web/.lock; then
    mkdir -p .venv/web
    cp tests/web/package.json tests/web/package-lock.json .venv/web/
    PATH=$PWD/.venv/bin:$PATH npm ci --prefix .venv/web --ignore-scripts --no-audit --no-fund --silent
    cp tests/web/package-lock.json .venv/web/.lock
fi
