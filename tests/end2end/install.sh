#!/bin/bash
# What `cmake --install` leaves: every program, page, example and unit, in its place; the units are sound.
# usage: install.sh FOLDER-OF-THE-PROGRAMS
set -euo pipefail
source_dir=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "$1/.." && pwd)

die() {
    echo "install.sh: $*" >&2
    exit 1
}
root=$(mktemp -d /tmp/comity-install-XXXXXX)
trap 'rm -rf "$root"' EXIT
DESTDIR=$root cmake --install "$build" >/dev/null
prefix=$root$(sed -n 's/^CMAKE_INSTALL_PREFIX:PATH=//p' "$build/CMakeCache.txt")

for program in "$build"/bin/comity*; do
    name=$(basename "$program")
    case $name in
    comity-demo-data) continue ;;
    *d) folder=sbin ;;
    *) folder=bin ;;
    esac
    [ -x "$prefix/$folder/$name" ] || die "$folder/$name is not installed"
done
for page in "$source_dir"/deploy/man/*; do
    [ -e "$prefix/share/man/man${page##*.}/$(basename "$page")" ] || die "$(basename "$page") is not installed"
done
for example in "$source_dir"/deploy/examples/*; do
    [ -e "$prefix/share/doc/comity/examples/$(basename "$example")" ] || die "$(basename "$example") is not installed"
done
"$prefix/bin/comity" help | grep -q '^ *lookup' || die "comity does not find its commands"

units=("$prefix"/lib/systemd/system/comity-*.service)
[ ${#units[@]} = 2 ] || die "${#units[@]} units instead of 2"
for unit in "${units[@]}"; do
    program=$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$unit")
    [ -x "$root$program" ] || die "$(basename "$unit") starts $program, which is not there"
    sed -i "s#^ExecStart=#&$root#" "$unit"
done
if command -v systemd-analyze >/dev/null 2>&1; then
    # Whatever this machine's own units are like, ours must not be complained of.
    systemd-analyze verify --man=no --recursive-errors=no "${units[@]}" >"$root/verified" 2>&1 ||
        die "$(cat "$root/verified")"
    ! grep -q 'comity-' "$root/verified" || die "$(grep 'comity-' "$root/verified")"
fi
