# SPDX-License-Identifier: Apache-2.0
# Boost: unit tests of Filesystem, Thread, Coroutine2, Fiber and Beast, each built by one call of husk-c++.
package=boost1.81 proof=Jamroot needs="libboost1.81-dev libboost-test1.81-dev"

filesystem=(path_test path_unit_test operations_test operations_unit_test copy_test fstream_test convenience_test relative_test
    large_file_support_test quick)
thread=(test_thread test_thread_exit test_thread_launching test_mutex test_shared_mutex test_shared_mutex_timed_locks
    test_condition test_barrier test_once test_tss test_latch test_lock_concept test_completion_latch
    sync/futures/promise/set_value_const_pass sync/futures/async/async_pass sync/futures/future/then_pass
    sync/mutual_exclusion/locks/unique_lock/cons/try_to_lock_pass sync/conditions/condition_variable/wait_for_pass
    sync/mutual_exclusion/sync_pq/pq_multi_thread_pass threads/thread/members/join_pass)
fiber=(test_fiber_post test_mutex_post test_mutex_mt_post test_condition_variable_any_post test_condition_mt_post
    test_buffered_channel_post test_unbuffered_channel_post test_barrier_post test_fss_post test_future_mt_post test_async_post)
beast=(core/flat_buffer core/multi_buffer core/file_posix core/tcp_stream http/fields http/parser http/read http/file_body
    websocket/utf8_checker websocket/ping)

# The headers are those of Debian's libboost1.81-dev, which is made of the same source.
compile() { husk-c++ -std=c++17 -O0 -w -DBOOST_ALL_NO_LIB "$@"; }

# library NAME [FLAGS...] FILES...   an archive of one library's sources
library() {
    local name=$1 && shift
    mkdir -p "objects/$name"
    (cd "objects/$name" && compile -c "$@" && ar rcs "../lib$name.a" ./*.o)
}

# image LIBRARY TEST [FLAGS...]   images/LIBRARY.TEST
image() {
    echo "$1: $2"
    compile "${@:3}" -o "images/$1.${2//\//.}"
}

build_app() {
    mkdir -p objects images
    local libs=$PWD/libs lib=$PWD/objects test framework=(-lboost_unit_test_framework)
    library atomic -I"$libs/atomic/src" "$libs/atomic/src/lock_pool.cpp"
    # What its build system finds out about Linux.
    library filesystem -DBOOST_FILESYSTEM_SOURCE -DBOOST_FILESYSTEM_NO_CXX20_ATOMIC_REF -DBOOST_FILESYSTEM_HAS_STATX \
        -DBOOST_FILESYSTEM_HAS_STAT_ST_MTIM -DBOOST_FILESYSTEM_HAS_FDOPENDIR_NOFOLLOW -DBOOST_FILESYSTEM_HAS_POSIX_AT_APIS \
        "$libs"/filesystem/src/{codecvt_error_category,directory,exception,operations,path,path_traits}.cpp \
        "$libs"/filesystem/src/{portability,unique_path,utf8_codecvt_facet}.cpp
    library thread -DBOOST_THREAD_BUILD_LIB -I"$libs/thread/src" "$libs"/thread/src/pthread/{thread,once}.cpp \
        "$libs/thread/src/future.cpp"
    library chrono "$libs"/chrono/src/{chrono,thread_clock,process_cpu_clocks}.cpp
    library context "$libs"/context/src/asm/{make,jump,ontop}_x86_64_sysv_elf_gas.S \
        "$libs/context/src/posix/stack_traits.cpp"
    library coroutine "$libs"/coroutine/src/{detail/coroutine_context,exceptions,posix/stack_traits}.cpp
    library fiber "$libs"/fiber/src/{algo/algorithm,algo/round_robin,algo/shared_work,barrier,condition_variable}.cpp \
        "$libs"/fiber/src/{context,fiber,future,mutex,properties,recursive_mutex,recursive_timed_mutex}.cpp \
        "$libs"/fiber/src/{scheduler,timed_mutex,waker}.cpp
    for test in "${filesystem[@]}"; do
        image filesystem "$test" "libs/filesystem/test/$test.cpp" "$lib"/lib{filesystem,atomic}.a
    done
    for test in "${thread[@]}"; do
        image thread "$test" -DBOOST_THREAD_VERSION=4 -DBOOST_THREAD_THROW_IF_PRECONDITION_NOT_SATISFIED \
            "libs/thread/test/$test.cpp" "$lib"/lib{thread,chrono,atomic}.a "${framework[@]}"
    done
    image coroutine2 test_coroutine libs/coroutine2/test/test_coroutine.cpp "$lib/libcontext.a" "${framework[@]}"
    for test in "${fiber[@]}"; do
        image fiber "$test" "libs/fiber/test/$test.cpp" "$lib"/lib{fiber,context,thread,chrono}.a \
            "${framework[@]}"
    done
    # The headers' own main(), and the library as one object.
    local beast_flags=(-Ilibs/beast/test -Ilibs/beast/test/extras/include -DBOOST_ASIO_SEPARATE_COMPILATION
        -DBOOST_BEAST_SEPARATE_COMPILATION)
    echo '#include <boost/asio/impl/src.hpp>
#include <boost/beast/src.hpp>
#include <boost/beast/_experimental/unit_test/main.ipp>' >objects/beast.cpp
    compile "${beast_flags[@]}" -c objects/beast.cpp -o objects/beast.o
    for test in "${beast[@]}"; do
        image beast "$test" "${beast_flags[@]}" "libs/beast/test/beast/$test.cpp" objects/beast.o \
            "$lib"/lib{filesystem,atomic,coroutine,context}.a
    done
}

check_app() {
    # Some look around where they are: it must be neither the root nor empty.
    vm_options=(--cwd /etc)
    for test in images/*; do
        expect "${test#images/}" vm "$test"
    done
}
