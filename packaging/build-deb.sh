#!/bin/bash
# make deb: builds the Debian packages in a copy of the tree and puts them into dist/.
#
#   packaging/build-deb.sh [VERSION [DIRECTORY]]
#
# VERSION: another one than debian/changelog's, to try an upgrade. DIRECTORY: another one than dist.
set -euo pipefail
cd -- "$(dirname -- "$0")/.."
version=${1:-} dist=${2:-dist}

copy=$(mktemp -d)
trap 'rm -rf -- "$copy"' EXIT
mkdir -p "$copy/tree" "$dist"
# Without git too, as in an unpacked release.
tar -c --exclude=./.git --exclude=./.venv --exclude=./dist --exclude=./build --exclude=__pycache__ \
    --exclude='./.*_cache' --exclude=./tetrasback/locale . | tar -x -C "$copy/tree"
if [[ -n $version ]]; then
    sed -i "1s/([^)]*)/($version)/" "$copy/tree/debian/changelog"
fi

log=$copy/log
if ! (cd "$copy/tree" && umask 022 &&
    env -u MAKEFLAGS -u MAKELEVEL dpkg-buildpackage --build=binary --no-sign) >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    exit 1
fi
grep -E '^(dpkg-[a-z]+|dh_[a-z]+|dh): warning' "$log" >&2 || :
rm -f -- "$dist"/tetras-back*
cp -- "$copy"/tetras-back* "$dist"/
# Made by root for whoever has the tree.
[[ $EUID -ne 0 ]] || chown -R --reference=. -- "$dist"
ls -1 -- "$dist"/*.deb
