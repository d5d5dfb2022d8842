#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What husk-image makes of real programs: runs every stub natively, refuses what it cannot serve.
# usage: image_tool_test.sh HUSK-IMAGE WORKLOAD SMALL-ROOM-WORKLOAD FOREIGN-ABI-WORKLOAD
set -u
tool=$1 workload=$2 small=$3 foreign=$4
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failures=0
fail() { echo "FAILED: $*" >&2; failures=$((failures + 1)); }

# refuses WORDS COMMAND...: the tool exits with 1 and one sentence that has these words
refuses() {
    words=$1; shift
    message=$("$@" 2>&1); status=$?
    [ $status -eq 1 ] || fail "$* exited with $status instead of 1"
    case $message in *"$words"*) ;; *) fail "$* said: $message" ;; esac
    [ "$(printf '%s\n' "$message" | wc -l)" -eq 1 ] || fail "$* said more than one line: $message"
}

"$tool" -v -o "$dir/image" "$workload" || fail "husk-image on the workload"
"$dir/image" || fail "the workload through its stubs"
chmod 750 "$workload" && "$tool" -o "$dir/again" "$workload" && cmp "$dir/image" "$dir/again" || fail "two runs differ"
[ "$(stat -c %a "$dir/again")" = 750 ] || fail "permissions are lost"
cp "$dir/image" "$dir/twice" && "$tool" "$dir/twice" && cmp "$dir/image" "$dir/twice" || fail "an image changed again"
[ "$(stat -c %s "$dir/image")" -lt "$(stat -c %s "$workload")" ] || fail "relocations are still there"
readelf -SW "$dir/image" | grep -q '\.rela\.text' && fail ".rela.text is still there"
readelf -SW "$dir/image" | grep -q '\.rela\.plt' || fail ".rela.plt is lost"
readelf -sW "$dir/image" | grep -qw main || fail "symbols are lost"
[ -z "$(readelf -aW "$dir/image" 2>&1 >/dev/null)" ] || fail "readelf warns about the image"
strip -o "$dir/stripped" "$dir/image" && "$dir/stripped" || fail "the stripped workload"

"$tool" -o "$dir/small" "$small" 2>"$dir/warning" || fail "husk-image with little room"
grep -q 'room is full' "$dir/warning" || fail "no warning about little room"
"$dir/small" >"$dir/small.out" || fail "the workload with little room"
grep -q '^50 sites' "$dir/small.out" || fail "not all of a small room is used"

head -c 100000 "$workload" >"$dir/cut"
# A size that no file has, in the last program header.
headers=$(readelf -hW "$workload" | sed -n 's/.*Number of program headers: *//p')
cp "$workload" "$dir/absurd"
printf '\377\377\377\377\377\377\177' | dd of="$dir/absurd" bs=1 seek=$((64 + (headers - 1) * 56 + 32)) conv=notrunc 2>/dev/null
printf 'hello' >"$dir/text"
: >"$dir/empty"
echo 'int main() { return 0; }' >"$dir/main.c"
gcc "$dir/main.c" -o "$dir/pie" && gcc -no-pie "$dir/main.c" -o "$dir/dynamic" &&
    gcc -static -no-pie "$dir/main.c" -o "$dir/plain" && gcc -c "$dir/main.c" -o "$dir/object.o" || fail "gcc"
objcopy --remove-relocations='*' "$workload" "$dir/no-relocations" 2>/dev/null
refuses 'ABI number 999' "$tool" "$foreign"
refuses 'does not contain the Husk runtime' "$tool" "$dir/plain"
refuses 'dynamically linked' "$tool" "$dir/dynamic"
refuses 'position-independent' "$tool" "$dir/pie"
refuses 'object file' "$tool" "$dir/object.o"
refuses 'truncated' "$tool" "$dir/cut"
refuses 'truncated' "$tool" -o "$dir/never" "$dir/absurd"
refuses 'not an ELF' "$tool" "$dir/text"
refuses 'not an ELF' "$tool" "$dir/empty"
refuses 'cannot be read' "$tool" "$dir/missing"
refuses 'cannot be read' "$tool" "$dir"
refuses '--emit-relocs' "$tool" "$dir/no-relocations"
"$tool" >/dev/null 2>&1; [ $? -eq 2 ] || fail "no argument is not a usage error"

[ $failures -eq 0 ] && echo "all good"
[ $failures -eq 0 ]
