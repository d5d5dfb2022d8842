#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# husk-cc and husk-c++ from a moved installation, on what build systems do with a compiler.
# usage: wrapper_test.sh HUSK-CC HUSK-IMAGE GUEST-OBJECT TOOLCHAIN-SOURCES
set -u
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
root="$dir/a prefix"
mkdir -p "$root/bin" "$root/lib/husk"
cp "$1" "$2" "$root/bin/"
ln -s husk-cc "$root/bin/husk-c++"
cp "$3" "$root/lib/husk/husk_guest.o"
cp "$4/husk.specs" "$4/image.ld" "$root/lib/husk/"
PATH="$root/bin:$PATH"
cd "$dir" || exit 1
failures=0
fail() { echo "FAILED: $*" >&2; failures=$((failures + 1)); }
is_image() { readelf -nW "$1" 2>/dev/null | grep -q Husk && ! readelf -SW "$1" | grep -q '\.rela\.text'; }

cat >hello.cpp <<'END'
#include <iostream>
#include <mutex>
#include <stdexcept>
#include <thread>
thread_local int here = 1;
int main(int argc, char** argv) {
    std::once_flag once;
    std::thread([&] {
        try {
            std::call_once(once, [] { ++here; });
            throw std::runtime_error("thrown");
        } catch (const std::exception& e) {
            std::cout << e.what() << ' ' << here << (argc > 1 ? argv[1] : "") << std::endl;
        }
    }).join();
    return 3;
}
END
cat >one.c <<'END'
#include <stdio.h>
int two(void);
int main(void) { printf("%d\n", two()); return 0; }
END
echo 'int two(void) { return 2; }' >two.c

# makes OUTPUT EXIT-CODE COMMAND...: COMMAND makes ./prog, an image that prints OUTPUT
makes() {
    output=$1 code=$2; shift 2
    rm -f prog
    "$@" || { fail "$*"; return; }
    is_image prog || fail "no image: $*"
    [ "$(./prog)" = "$output" ] || fail "wrong output: $*"
    ./prog >/dev/null; [ $? -eq "$code" ] || fail "wrong exit code: $*"
}
for flags in -O0 -O1 -O2 -O3 -Os '-O2 -g' '-O2 -flto' '-O2 -ffunction-sections -Wl,--gc-sections' '-pthread -s' \
    '-O2 -g -Wl,-s' '-O2 -fPIC' '-g -gz' '-O2 -Wl,--strip-debug' -static '-Wl,-z,norelro' -rdynamic; do
    makes 'thrown 2' 3 husk-c++ $flags hello.cpp -o prog
done
makes 2 0 husk-cc one.c two.c -o prog
makes 2 0 husk-cc -oprog one.c -x c two.c
husk-cc -c one.c && husk-cc -c -O2 two.c && ar rcs libtwo.a two.o || fail "-c and ar"
makes 2 0 husk-cc -o prog one.o -L. -ltwo
makes 2 0 husk-cc -o prog one.o -L. -Wl,-Bstatic -ltwo -Wl,-Bdynamic
makes 2 0 husk-c++ -o prog one.o two.o
husk-cc -r one.o two.o -o both.o && makes 2 0 husk-cc both.o -o prog
echo "-o prog 'one.c' two.c" >args && makes 2 0 husk-cc @args
makes 2 0 sh -c 'cat one.c | husk-cc -x c - -o prog -x none two.o'
(mkdir -p sub && cd sub && husk-cc ../one.c ../two.c && is_image a.out) || fail "a.out"
readelf -lW prog | grep -q GNU_EH_FRAME || fail "no .eh_frame_hdr"
husk-c++ -O2 hello.cpp -o prog && ! readelf -sW prog | grep -q crtbeginT || fail "crtbeginT.o was linked"

[ "$(husk-cc -dumpmachine)" = "$(gcc -dumpmachine)" ] || fail "-dumpmachine"
[ "$(husk-cc -print-file-name=libc.a)" = "$(gcc -print-file-name=libc.a)" ] || fail "-print-file-name"
husk-cc --version | head -1 | grep -q . || fail "--version"
husk-cc -v 2>&1 | grep -q 'gcc version' || fail "-v"
[ "$(echo __STDC__ | husk-cc -E -P -)" = 1 ] || fail "-E"
husk-cc -S -o two.s two.c && husk-cc -c two.s -o two.o || fail "-S"
husk-cc -MM one.c | grep -q 'one.o:' || fail "-MM"
husk-cc one.c two.c -o /dev/null || fail "-o /dev/null"
[ -c /dev/null ] || fail "/dev/null is gone"
husk-cc '-###' one.c -o never 2>/dev/null; [ ! -e never ] || fail "-###"

for flags in -shared -pie -static-pie -m32 -Wl,-shared; do
    message=$(husk-cc $flags two.c -o never 2>&1); status=$?
    [ $status -eq 2 ] || fail "$flags exited with $status"
    [ "$(printf '%s\n' "$message" | wc -l)" -eq 1 ] || fail "$flags said: $message"
    [ ! -e never ] || fail "$flags made a file"
done
husk-cc missing.c -o never 2>/dev/null && fail "a missing file was compiled"
echo 'int main(void) { return nothing; }' >wrong.c
husk-cc wrong.c -o never 2>/dev/null && fail "wrong code was compiled"
[ ! -e never ] || fail "a failed link left a file"

if command -v clang++ >/dev/null; then
    HUSK_REAL_CXX=clang++ HUSK_REAL_CC=clang
    export HUSK_REAL_CXX HUSK_REAL_CC
    makes 'thrown 2' 3 husk-c++ -O2 -g hello.cpp -o prog
    makes 2 0 husk-cc one.c two.c -o prog
fi

[ $failures -eq 0 ] && echo "all good"
[ $failures -eq 0 ]
