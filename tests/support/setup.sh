# SPDX-License-Identifier: Apache-2.0
# Sourced by ./dev: installs the Debian packages that are missing, and builds a preset without its chatter.

say() { echo "dev: $*" >&2; }

# Runs a command with its output in build/dev.log; shows the log's end only when the command fails.
quietly() {
    mkdir -p build
    if ! "$@" </dev/null >build/dev.log 2>&1; then
        tail -n 60 build/dev.log >&2
        say "failed: $* (all output: build/dev.log)"
        return 1
    fi
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        say "needs root to run: $* (run it as root, or install sudo)"
        return 1
    fi
}

# missing_packages FILE: those of the list that are not installed.
missing_packages() {
    local wanted installed
    wanted=$(grep -v '^#' "$1" | sort -u)
    installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' $wanted 2>/dev/null | sed -n 's/^installed //p' | sort -u)
    comm -23 <(echo "$wanted") <(echo "$installed")
}

install_packages() {
    local missing
    missing=$(missing_packages "$1")
    [ -n "$missing" ] || return 0
    say "installing Debian packages:" $missing
    quietly as_root apt-get update -q
    quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
}

set_up() {
    install_packages tests/support/packages.txt
    tests/support/fetch_source.sh lwip src/include/lwip/init.h
}

# build PRESET [FILE...]   FILEs relative to build/PRESET: other targets may share a name
build() {
    local preset=$1
    shift
    if [ ! -f "build/$preset/build.ninja" ]; then
        say "configuring and building $preset; the first time takes some minutes"
        quietly cmake --preset "$preset"
    fi
    local targets=()
    [ $# = 0 ] || targets=(--target "$@")
    quietly cmake --build "build/$preset" "${targets[@]}"
}
