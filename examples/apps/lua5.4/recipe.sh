# SPDX-License-Identifier: Apache-2.0
# Lua 5.4. Its own test suite is not in Debian's package; checks.lua goes through its libraries.
package=lua5.4 proof=src/lua.c

build_app() {
    # What the package's own rules do beside compiling.
    echo '#define DEB_HOST_MULTIARCH "x86_64-linux-gnu"' >src/lua5.4-deb-multiarch.h
    rm src/luac.c
    husk-cc -std=gnu99 -O2 -DLUA_USE_POSIX -DLUA_COMPAT_5_3 src/*.c -lm -o lua
}

check_app() {
    vm_options=(--dir "$recipe:$recipe")
    expect "the libraries answer as natively" succeeds ./lua "$recipe/checks.lua"
    expect "an error ends with the same message and status" same ./lua -e 'error("wrong")'
    expect "a memory limit is an error that the program sees" limited
}

# Natively the limit is one on the address space.
limited() {
    memory=64M vm ./lua -e 'print(pcall(string.rep, "x", 1 << 30))' | grep -q 'not enough memory'
}
