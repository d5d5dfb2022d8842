#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fetches lwIP's source package from wherever this machine's apt is configured to look, into build/sources/lwip. Needs no
# root: apt works on lists of its own, with source entries made from the machine's configured ones.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."
target=$PWD/build/sources/lwip
[ ! -e "$target/src/include/lwip/init.h" ] || exit 0

fail() {
    echo "fetch_lwip: $*; lwIP's source package is needed to build the guest's network" >&2
    exit 1
}
command -v dpkg-source >/dev/null || fail "dpkg-source is missing (install dpkg-dev)"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/parts" "$work/lists/partial" "$work/cache/archives/partial" "$work/source"
number=0
for list in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
    [ -f "$list" ] || continue
    number=$((number + 1))
    case $list in
    *.sources) sed -E 's/^Types:.*/Types: deb-src/' "$list" >"$work/parts/$number.sources" ;;
    *.list) sed -nE 's/^[[:space:]]*deb[[:space:]]/deb-src /p' "$list" >"$work/parts/$number.list" ;;
    esac
done

apt=(apt-get -q -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$work/parts"
    -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root)
# A repository without sources makes update fail as a whole; what counts is whether lwip is found.
"${apt[@]}" update >"$work/log" 2>&1 || true
if ! (cd "$work/source" && "${apt[@]}" source lwip >>"$work/log" 2>&1); then
    tail -n 5 "$work/log" >&2
    fail "apt-get source lwip did not succeed"
fi
unpacked=("$work"/source/lwip-*/)
[ -e "${unpacked[0]}/src/include/lwip/init.h" ] || fail "the package has no src/include/lwip/init.h"
mkdir -p "$(dirname "$target")"
rm -rf "$target"
mv "${unpacked[0]}" "$target"
