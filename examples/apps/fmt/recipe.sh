# SPDX-License-Identifier: Apache-2.0
# {fmt}: its own tests.
package=fmtlib proof=CMakeLists.txt

build_app() {
    # Debian's CMakeLists.txt looks for GoogleTest's sources where another package installs them.
    "$fetch" googletest CMakeLists.txt
    sed -i "s:/usr/src/googletest/:$sources/googletest:" test/CMakeLists.txt
    cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS=-O1 -DFMT_DOC=OFF
    cmake --build build -j2
}

comparable() { sed -E 's/ \([0-9]+ ms( total)?\)//'; }

check_app() {
    for test in build/bin/*-test; do
        [ "$test" = build/bin/assert-test ] || expect "$(basename "$test")" succeeds "$test"
    done
    known_failure "assert-test needs a second process" DeathTest vm build/bin/assert-test
}
