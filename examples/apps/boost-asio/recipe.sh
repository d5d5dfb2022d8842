# SPDX-License-Identifier: Apache-2.0
# Boost.Asio: its own unit tests of sockets, timers and buffers, each result compared with the native run.
package=boost1.81 proof=libs/asio/test/Jamfile.v2 needs=libboost1.81-dev

tests=(ip/tcp ip/udp ip/icmp ip/multicast ip/v6_only ip/basic_resolver local/stream_protocol local/datagram_protocol
    local/connect_pair socket_base connect connect_pipe signal_set steady_timer basic_waitable_timer buffer streambuf read_until)

# The headers are those of Debian's libboost1.81-dev, which is made of the same source.
compile() {
    husk-c++ -std=c++17 -O1 -w -DBOOST_ALL_NO_LIB -DBOOST_ASIO_SEPARATE_COMPILATION -Ilibs/asio/test "$@"
}

build_app() {
    mkdir -p images
    echo '#include <boost/asio/impl/src.hpp>' >images/asio.cpp
    compile -c images/asio.cpp -o images/asio.o
    for test in "${tests[@]}"; do compile "libs/asio/test/$test.cpp" images/asio.o -o "images/${test//\//.}"; done
}

check_app() {
    for test in "${tests[@]}"; do
        expect "$test" succeeds "images/${test//\//.}"
    done
}
