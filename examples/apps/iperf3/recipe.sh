# SPDX-License-Identifier: Apache-2.0
# iperf3: the server in a VM behind a published port, measured from the host by the same image as a Linux program; then the
# other way round.
package=iperf3 proof=src/iperf_api.c scarce=1

build_app() {
    ./configure --disable-shared --enable-static --without-openssl --without-sctp
    make -C src iperf3
}

check_app() {
    port=$(free_port)
    trap 'kill -KILL "$server" 2>/dev/null' EXIT
    "$husk" run --accel "$accel" --memory "$memory" --net user --publish "127.0.0.1:$port:5201" \
        --publish "127.0.0.1:$port:5201/udp" src/iperf3 -- -s >server.log 2>&1 </dev/null &
    server=$!
    for _ in {1..100}; do
        ! measured -n 1K >/dev/null 2>&1 || break
        kill -0 "$server" || return 1
        sleep 0.3
    done
    expect "a client sends for two seconds" measured -t 2
    expect "a client receives" measured -t 2 -R
    expect "four streams" measured -t 2 -P 4
    expect "both directions at once" measured -t 2 --bidir
    expect "an amount of bytes arrives" measured -n 4M
    expect "datagrams" measured -t 2 -u -b 2M
    expect "datagrams the other way" measured -t 2 -u -b 2M -R
    kill -KILL "$server" && wait "$server" 2>/dev/null || true
    src/iperf3 -s -p "$port" >server.log 2>&1 </dev/null &
    server=$!
    vm_options=(--net user)
    expect "a VM measures the host" from_vm
    kill -KILL "$server" && wait "$server" 2>/dev/null || true
}

# measured [OPTIONS...]   both ends agree that bytes came through
measured() {
    timeout 60 src/iperf3 -c 127.0.0.1 -p "$port" -J "$@" >client.json || { cat client.json && return 1; }
    python3 -c 'import json; end = json.load(open("client.json"))["end"]
assert (end.get("sum_received") or end["sum"])["bytes"] > 0'
}
from_vm() { vm src/iperf3 -c 10.0.2.2 -p "$port" -t 2 | grep receiver; }
