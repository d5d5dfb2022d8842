#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: fetch_source.sh PACKAGE FILE
# Fetches a Debian source package from wherever this machine's apt is configured to look, into build/sources/PACKAGE. FILE is
# one that it must hold; when that is there already, nothing is done. Needs no root: apt works on lists of its own, with
# source entries made from the machine's configured ones.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.."
package=$1 proof=$2 target=$PWD/build/sources/$1
[ ! -e "$target/$proof" ] || exit 0

fail() {
    echo "fetch_source: $*; the build needs the source package of $package" >&2
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
# A repository without sources makes update fail as a whole; what counts is whether the package is found.
"${apt[@]}" update >"$work/log" 2>&1 || true
fetch() { (cd "$work/source" && "${apt[@]}" source "$package" >>"$work/log" 2>&1); }
# A mirror may name files that it no longer holds; another repository of the list may hold them.
fetch_from_one() {
    mkdir "$work/indices"
    mv "$work"/lists/*_Sources* "$work/indices"
    for index in "$work"/indices/*; do
        rm -f "$work"/lists/*_Sources*
        cp "$index" "$work/lists"
        fetch && return
    done
    return 1
}
if ! fetch && ! fetch_from_one; then
    tail -n 5 "$work/log" >&2
    fail "apt-get source did not succeed"
fi
unpacked=("$work/source/$package"-*/)
[ -e "${unpacked[0]}/$proof" ] || fail "it has no $proof"
mkdir -p "$(dirname "$target")"
rm -rf "$target"
mv "${unpacked[0]}" "$target"
