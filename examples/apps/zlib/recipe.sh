# SPDX-License-Identifier: Apache-2.0
# zlib: the library's own tests.
package=zlib proof=zlib.h

build_app() {
    ./configure --static
    make static
}

check_app() {
    expect "the library's tests pass" succeeds ./example /tmp/husk-zlib-test.gz
    expect "minigzip packs to the same bytes" round_trip
}

round_trip() {
    ./minigzip <inflate.c >packed
    vm ./minigzip <inflate.c | cmp - packed
    vm ./minigzip -d <packed | cmp - inflate.c
}
