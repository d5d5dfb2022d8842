# SPDX-License-Identifier: Apache-2.0
# zstd with threads: the command, and the library's own tests, which are seeded and so the same everywhere.
package=libzstd proof=lib/zstd.h

build_app() {
    make -C programs zstd HAVE_ZLIB=0 HAVE_LZMA=0 HAVE_LZ4=0
    make -C tests fuzzer zstreamtest invalidDictionaries poolTests
}

comparable() { tr '\r' '\n' | grep -v '^test *[0-9]* */\|^[0-9]* */\|tests completed'; }

check_app() {
    # Some tests take blocks of 2 GiB.
    memory=3G
    vm_options=(--dir "$here/tests:/srv")
    expect "invalid dictionaries are refused" succeeds tests/invalidDictionaries
    expect "the pool's tests pass" vm tests/poolTests
    expect "the fuzzer's tests pass" vm tests/fuzzer -s5346 -i200 --no-big-tests
    expect "the streams' tests pass" vm tests/zstreamtest -s5346 -i200 --no-big-tests
    expect "two threads compress to the same bytes" round_trip
}

# Natively into `packed`, in the VM to stdout.
round_trip() {
    programs/zstd -q -f -T2 -9 tests/zstreamtest.c -o packed
    vm programs/zstd -q -T2 -9 -c /srv/zstreamtest.c | cmp - packed
    vm programs/zstd -q -dc <packed | cmp - tests/zstreamtest.c
}
