#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# usage: apps.sh BUILD [--only-build] NAME...
# Builds programs that nobody wrote for Husk, from Debian's unchanged source packages, and runs their own tests in VMs, as
# examples/apps/NAME/recipe.sh says. A recipe sets
#   package, proof   the source package, and a file that it must hold
#   scarce=1         its source is not on every mirror: where it cannot be fetched, the recipe is skipped
#   unproven=1       it is written, and nobody has run it through yet: it runs only by name
#   needs            Debian packages that it is built with, if there are any; they are installed as ./dev installs others
# and defines two functions, which run in a copy of the source with CC=husk-cc and CXX=husk-c++:
#   build_app        makes the images; $fetch gets other packages' sources into $sources
#   check_app        says with the functions below what must be so; $recipe is its folder, $here the copy's
set -euo pipefail
top=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../..
top=$(readlink -f "$top")
build=$(readlink -f "$1")
shift
only_build=
[ "${1:-}" != --only-build ] || { only_build=1 && shift; }
tools=$build/toolchain/root
export PATH=$tools/bin:$PATH CC=husk-cc CXX=husk-c++ LC_ALL=C MAKEFLAGS=-j2
export fetch=$top/tests/support/fetch_source.sh sources=$top/build/sources
husk=$build/launcher/husk
accel=${HUSK_ACCEL:-auto}
memory=512M
source "$top/tests/support/setup.sh"
# What a VM gets beside its memory: more words of `husk run`.
vm_options=()

vm() { "$husk" run --accel "$accel" --memory "$memory" "${vm_options[@]}" "$1" -- "${@:2}"; }

# What of an output is compared: a recipe may take times out.
comparable() { cat; }

# verdict SENTENCE OK   counts one, and shows the end of its output when it is not "yes"
verdict() {
    if [ "$2" = yes ]; then
        passed=$((passed + 1))
        echo "ok $name: $1"
    else
        failed=$((failed + 1))
        echo "FAILED $name: $1"
        tail -n 15 "$here.check.log" | sed 's/^/    /'
    fi
}

# expect SENTENCE COMMAND...   the command succeeds
expect() {
    local ok=no
    ! "${@:2}" >"$here.check.log" 2>&1 || ok=yes
    verdict "$1" $ok
}

# known_failure SENTENCE REASON COMMAND...   a stated limit: the command fails, and says REASON. It is one no more when it works.
# What the runtime refuses it only tells those who want to know.
known_failure() {
    local ok=no
    local vm_options=("${vm_options[@]}" --verbose)
    "${@:3}" >"$here.check.log" 2>&1 || ! grep -q -- "$2" "$here.check.log" || ok=yes
    verdict "known limit: $1" $ok
}

# A port of the loopback interface that nobody uses now.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# same PROGRAM [ARGS...]   exit status, stdout and stderr natively and in a VM are the same
same() {
    local status=0
    native_status=0
    "$@" </dev/null >"$here.native" 2>&1 || native_status=$?
    vm "$@" </dev/null >"$here.vm" 2>&1 || status=$?
    if [ "$native_status" != "$status" ]; then
        echo "exit status natively $native_status, in the VM $status:"
        tail -n 5 "$here.vm"
        return 1
    fi
    # Without KVM the launcher says in one line that it takes QEMU.
    diff <(comparable <"$here.native") <(sed "/^husk: .*under QEMU's software emulation/d" "$here.vm" | comparable)
}

# succeeds PROGRAM [ARGS...]   the same, and the exit status is 0
succeeds() { same "$@" && [ "$native_status" = 0 ]; }

install_needed() {
    local missing
    [ -n "${needs:-}" ] || return 0
    missing=$(comm -23 <(tr ' ' '\n' <<<"$needs" | sort) \
        <(dpkg-query -W -f='${db:Status-Status} ${Package}\n' $needs 2>/dev/null | sed -n 's/^installed //p' | sort))
    [ -n "$missing" ] || return 0
    say "installing Debian packages:" $missing
    quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
}

load_recipe() {
    name=$1 recipe=$top/examples/apps/$1 here=$build/apps/$1
    if [ ! -f "$recipe/recipe.sh" ]; then
        echo "FAILED $name: there is no recipe for it; there are: $(cd "$top/examples/apps" && echo *)"
        return 1
    fi
    source "$recipe/recipe.sh"
}

# Builds once for one recipe and one guest runtime: both are in what comes out.
build_once() {
    local stamp=$here/.husk-built guest=$tools/lib/husk/husk_guest.o
    [ "$stamp" -nt "$recipe/recipe.sh" ] && [ "$stamp" -nt "$guest" ] && return
    install_needed && "$fetch" "$package" "$proof" || return 1
    rm -rf "$here"
    mkdir -p "$here"
    cp -a "$sources/$package/." "$here"
    # A shell of its own, which the first command that fails ends.
    if ! recipe=$recipe bash -euc 'source "$recipe/recipe.sh" && cd "$1" && build_app' - "$here" </dev/null >"$here.build.log" 2>&1; then
        tail -n 20 "$here.build.log" | sed 's/^/    /'
        return 1
    fi
    touch "$stamp"
}

run_app() {
    passed=0 failed=0 skipped=0
    if ! load_recipe "$1"; then
        failed=1
    elif [ -n "${scarce:-}" ] && ! "$fetch" "$package" "$proof" 2>/dev/null; then
        echo "skipped $name: no mirror that apt knows has the source of $package"
        skipped=1
    elif ! build_once; then
        echo "FAILED $1: it was not built; all output: build/release/apps/$1.build.log"
        failed=1
    elif [ -z "$only_build" ]; then
        cd "$here" && check_app
    else
        passed=1
    fi
    echo "$passed $failed $skipped" >"$sum"
}

sum=$(mktemp)
trap 'rm -f "$sum"' EXIT
all_passed=0 all_failed=0 all_skipped=0
mkdir -p "$build/apps"
for app in "$@"; do
    echo "0 1 0" >"$sum"
    # A recipe's functions and settings end with its subshell.
    (run_app "$app") || true
    read -r passed failed skipped <"$sum"
    all_passed=$((all_passed + passed)) all_failed=$((all_failed + failed)) all_skipped=$((all_skipped + skipped))
done
echo "$all_passed passed, $all_failed failed, $all_skipped skipped"
[ "$all_failed" = 0 ]
