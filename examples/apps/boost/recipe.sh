# SPDX-License-Identifier: Apache-2.0
# Boost: unit tests of Filesystem, Thread, Context, Coroutine2, Fiber and Beast, each built by one call of husk-c++.
# Written, and not run through yet: ./dev apps runs it only by name.
unproven=1
package=boost1.81 proof=Jamroot

compile() { husk-c++ -std=c++17 -O1 -w -DBOOST_ALL_NO_LIB "${includes[@]}" "$@"; }

# library NAME [FLAGS...] FILES...   an archive of one library's sources
library() {
    local name=$1 && shift
    mkdir -p "objects/$name"
    (cd "objects/$name" && compile -c "$@" && ar rcs "../lib$name.a" ./*.o)
}

build_app() {
    includes=()
    for folder in "$PWD"/libs/*/include "$PWD"/libs/numeric/*/include; do includes+=(-I"$folder"); done
    mkdir -p objects images
    local libs=$PWD/libs
    library filesystem -DBOOST_FILESYSTEM_SOURCE -I"$libs/filesystem/src" "$libs"/filesystem/src/{codecvt_error_category,directory,exception,operations,path,path_traits,portability,unique_path,utf8_codecvt_facet}.cpp
    library thread -DBOOST_THREAD_BUILD_LIB "$libs"/thread/src/pthread/{thread,once}.cpp "$libs"/thread/src/future.cpp
    library context "$libs"/context/src/asm/{make,jump,ontop}_x86_64_sysv_elf_gas.S "$libs"/context/src/fiber.cpp
    library fiber "$libs"/fiber/src/{algo/algorithm,algo/round_robin,algo/shared_work,barrier,condition_variable,context,fiber,future,mutex,properties,recursive_mutex,recursive_timed_mutex,scheduler,timed_mutex,waker}.cpp
    local lib=$PWD/objects
    for test in path_test operations_test copy_test fstream_test convenience_test relative_test; do
        compile "libs/filesystem/test/$test.cpp" "$lib/libfilesystem.a" -o "images/filesystem.$test"
    done
    for test in sync/futures/promise/set_value_const_pass sync/futures/async/async_pass sync/mutual_exclusion/locks/unique_lock/cons/try_to_lock_pass sync/conditions/condition_variable/wait_for_pass threads/thread/members/join_pass; do
        compile -DBOOST_THREAD_VERSION=4 "libs/thread/test/$test.cpp" "$lib/libthread.a" -o "images/thread.$(basename "$(dirname "$test")").$(basename "$test")"
    done
    compile -include boost/test/included/unit_test.hpp libs/coroutine2/test/test_coroutine.cpp "$lib/libcontext.a" -o images/coroutine2.test_coroutine
    for test in test_fiber_post test_mutex_post test_condition_variable_any_post test_buffered_channel_post; do
        compile -include boost/test/included/unit_test.hpp "libs/fiber/test/$test.cpp" "$lib/libfiber.a" "$lib/libcontext.a" -o "images/fiber.$test"
    done
    for test in core/flat_buffer http/fields http/serializer websocket/utf8_checker; do
        # The headers' own main(), which is named as what is included.
        compile -Ilibs/beast/test -x c++ "libs/beast/test/beast/$test.cpp" \
            libs/beast/include/boost/beast/_experimental/unit_test/main.ipp -o "images/beast.${test/\//.}"
    done
}

check_app() {
    for test in images/*; do
        expect "${test#images/}" vm "$test"
    done
}
