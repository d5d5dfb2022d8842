# SPDX-License-Identifier: Apache-2.0
# nghttpd, the HTTP/2 server of nghttp2 (C++, libev, OpenSSL): in a VM, asked by nghttp and h2load, which are images too and
# run on the host as Linux programs.
package=nghttp2 proof=src/nghttpd.cc needs="libev-dev libc-ares-dev libssl-dev zlib1g-dev pkg-config"

build_app() {
    # Its programs are made for the shared library; what CMake would tell of that is said by hand.
    local flags="-g0 -DNGHTTP2_STATICLIB -I$PWD/lib/includes -I$PWD/build/lib/includes"
    cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS="$flags" -DCMAKE_CXX_FLAGS="$flags" \
        -DCMAKE_EXE_LINKER_FLAGS="-L$PWD/build/lib" -DSTATIC_LIB_SUFFIX= -DENABLE_SHARED_LIB=OFF -DENABLE_STATIC_LIB=ON \
        -DENABLE_APP=ON -DENABLE_HPACK_TOOLS=OFF -DENABLE_EXAMPLES=OFF -DCMAKE_DISABLE_FIND_PACKAGE_LibXml2=ON -DWITH_JEMALLOC=OFF \
        -DCMAKE_FIND_LIBRARY_SUFFIXES=.a -DCMAKE_DISABLE_FIND_PACKAGE_Systemd=ON -DCMAKE_DISABLE_FIND_PACKAGE_Jansson=ON
    cmake --build build -j2 --target nghttp2_static
    cmake --build build -j2 --target nghttpd nghttp h2load
}

check_app() {
    port=$(free_port)
    openssl req -x509 -newkey rsa:2048 -nodes -keyout doc/key.pem -out doc/cert.pem -subj /CN=localhost -days 30 2>/dev/null
    trap 'kill -KILL "$server" 2>/dev/null' EXIT
    serve --no-tls
    expect "a file comes as it is" same_file http
    expect "2000 requests on 10 connections are answered" all_answered http
    kill -KILL "$server" && wait "$server" 2>/dev/null || true
    serve
    expect "a file comes by TLS" same_file https
    expect "2000 requests on 10 connections by TLS are answered" all_answered https
    kill -KILL "$server" && wait "$server" 2>/dev/null || true
}

# serve [OPTIONS...]   two threads, until it answers
serve() {
    local scheme=https tls=(/srv/key.pem /srv/cert.pem)
    [ "${1:-}" != --no-tls ] || scheme=http tls=()
    "$husk" run --accel "$accel" --memory "$memory" --net user --publish "127.0.0.1:$port:8080" --dir "$here/doc:/srv" \
        build/src/nghttpd -- -n2 -d /srv "$@" 8080 "${tls[@]}" >server.log 2>&1 </dev/null &
    server=$!
    for _ in {1..200}; do
        # Its exit status says nothing.
        ! same_file $scheme >/dev/null 2>&1 || return 0
        kill -0 "$server" || return 1
        sleep 0.2
    done
}

same_file() { build/src/nghttp "$1://127.0.0.1:$port/conf.py.in" 2>/dev/null | cmp - doc/conf.py.in; }
all_answered() {
    build/src/h2load -n 2000 -c 10 -m 20 "$1://127.0.0.1:$port/conf.py.in" >load.log && grep '2000 succeeded, 0 failed' load.log
}
