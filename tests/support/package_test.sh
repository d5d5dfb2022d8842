#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The installed toolchain as projects use it from CMake: the toolchain file, and find_package(Husk) with other compilers.
# usage: package_test.sh BUILD-TREE
set -u
build=$1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failures=0
fail() { echo "FAILED: $*" >&2; failures=$((failures + 1)); }

# Installed in one place, used from another.
cmake -DCMAKE_INSTALL_PREFIX="$dir/installed" -P "$build/toolchain/cmake_install.cmake" >"$dir/log" 2>&1 ||
    { cat "$dir/log" >&2; fail "cmake --install"; }
mv "$dir/installed" "$dir/moved"
mkdir "$dir/project" && cd "$dir/project" || exit 1
cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.16)
project(consumer LANGUAGES C CXX)
find_package(Threads REQUIRED)
find_package(Husk 0.1 REQUIRED)
add_library(answer answer.c)
add_executable(program program.cpp)
target_link_libraries(program answer Threads::Threads)
husk_add_image(program)
if(NOT EXISTS "${Husk_GUEST_OBJECT}" OR NOT EXISTS "${Husk_IMAGE_TOOL}")
  message(FATAL_ERROR "wrong paths")
endif()
END
echo 'int answer(void) { return 42; }' >answer.c
cat >program.cpp <<'END'
#include <iostream>
#include <stdexcept>
#include <thread>
extern "C" int answer(void);
int main() {
    std::thread([] {
        try {
            throw std::runtime_error("answer ");
        } catch (const std::exception& e) {
            std::cout << e.what() << answer() << std::endl;
        }
    }).join();
}
END

# builds NAME CMAKE-OPTION...
builds() {
    name=$1; shift
    { cmake -G Ninja -S . -B "build-$name" "$@" && cmake --build "build-$name"; } >"$name.log" 2>&1 ||
        { cat "$name.log" >&2; fail "$name"; return; }
    [ "$("build-$name/program")" = 'answer 42' ] || fail "$name: wrong output"
    "$dir/moved/bin/husk-image" -v "build-$name/program" | grep -q 'image already' || fail "$name: no image"
    cmake --build "build-$name" 2>&1 | grep -q "no work to do" || fail "$name: links again for no reason"
}
builds toolchain-file -DCMAKE_TOOLCHAIN_FILE="$dir/moved/share/husk/cmake/husk-toolchain.cmake" -DCMAKE_BUILD_TYPE=Release
builds find-package -DCMAKE_PREFIX_PATH="$dir/moved" -DCMAKE_BUILD_TYPE=Debug
builds lto -DCMAKE_PREFIX_PATH="$dir/moved" -DCMAKE_INTERPROCEDURAL_OPTIMIZATION=ON
builds pic -DCMAKE_PREFIX_PATH="$dir/moved" -DCMAKE_POSITION_INDEPENDENT_CODE=ON
if command -v clang++ >/dev/null; then
    builds clang -DCMAKE_PREFIX_PATH="$dir/moved" -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++
fi
cmake -G Ninja -S . -B too-new -DCMAKE_PREFIX_PATH="$dir/moved" >/dev/null 2>&1 || fail "configure"
sed -i 's/Husk 0.1/Husk 7/' CMakeLists.txt
cmake -G Ninja -S . -B too-new -DCMAKE_PREFIX_PATH="$dir/moved" >/dev/null 2>&1 && fail "version 7 was found"

[ $failures -eq 0 ] && echo "all good"
[ $failures -eq 0 ]
