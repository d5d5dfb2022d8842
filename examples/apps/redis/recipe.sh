# SPDX-License-Identifier: Apache-2.0
# Redis: the server in a VM behind a published port; its clients and its Tcl test suite on the host.
package=redis proof=src/server.c

build_app() { make -C src MALLOC=libc USE_SYSTEMD=no redis-server redis-cli redis-benchmark; }

# Units of the suite that can do with a server elsewhere, without `string`, which wants 2 GiB.
suite=(protocol keyspace quit pubsub multi expire scan sort dump other info-command introspection introspection-2 slowlog bitops
    bitfield functions scripting latency-monitor lazyfree pause tracking hyperloglog type/incr type/hash type/set type/list
    type/list-2 type/list-3 type/zset geo type/stream type/stream-cgroups)
# Their tests that are left out, beside those that are tagged as needing a replica or a snapshot.
left_out=(
    # They need a second process, untagged.
    "Same dataset digest if saving/reloading as AOF?" "EXPIRES after AOF reload (without rewrite)"
    "Empty stream can be rewrite into AOF correctly" "Stream can be rewrite into AOF correctly after XDEL lastid"
    "Consumer without PEL is present in AOF after AOFRW" "Empty stream with no lastid can be rewrite into AOF correctly"
    "/Lazy-expire should not be wrapped in MULTI/EXEC"
    "SWAPDB wants to wake blocked client, but the key already expired"
    "MULTI + LPUSH + EXPIRE + DEBUG SLEEP on blocked client, key already expired"
    # It expects requests of two connections to be served in the order in which they were sent.
    "BRPOPLPUSH with multiple blocked clients"
    # It takes a port of the host, and expects the server not to get it.
    "CONFIG SET rollback on apply error"
    # It expects host and VM to agree on the time by a tenth of a second; QEMU's clock counts seconds.
    "RESTORE can set an absolute expire"
    # It fails natively.
    "RESTORE fail with invalid payload size")

check_app() {
    port=$(free_port)
    rm -f redis.img
    "$husk" disk create redis.img 256M
    trap 'kill -KILL "$server" 2>/dev/null' EXIT
    # With a log from the start, since one cannot be begun later.
    serve --appendonly yes
    for unit in "${suite[@]}"; do expect "its tests of $unit pass" run_unit "$unit"; done
    restart
    expect "the benchmark's requests are served" src/redis-benchmark -p "$port" -q -n 20000 -c 50 -P 16 -t get,set
    known_failure "a background save needs a second process" "fork" background_save
    ask flushall >/dev/null
    ask config set appendonly yes >/dev/null
    expect "without a fork a log cannot be begun at run time" append_only no
    restart --appendonly yes --appendfsync always
    expect "a log that was begun at the start is written" append_only yes
    ask flushall >/dev/null
    write_keys early
    restart --appendonly yes --appendfsync always
    expect "always: every acknowledged write survives a kill of the launcher" same_value 200 ask dbsize
    ask flushall >/dev/null
    restart --appendonly yes --appendfsync everysec
    write_keys early
    # The promise is about two seconds [redis.conf, appendfsync].
    sleep 3
    write_keys late
    restart --appendonly yes --appendfsync everysec
    expect "everysec: what was acknowledged three seconds before a kill survives it" same_value 200 count_keys early
    restart --appendonly yes --appendfsync no
    ask flushall >/dev/null
    write_keys early
    restart --appendonly yes --appendfsync no
    expect "no: after a kill there is a beginning of what was written, and nothing else" is_beginning early
    kill -KILL "$server"
}

# Kills the launcher and starts the server again.
restart() {
    kill -KILL "$server" && wait "$server" 2>/dev/null || true
    serve "$@"
}

# write_keys NAME   200 of them, each acknowledged
write_keys() { for number in {1..200}; do echo "set $1:$number $number"; done | ask >/dev/null; }
count_keys() { ask --raw keys "$1:*" | grep -c .; }
# Keys 1 to N, with their values.
is_beginning() {
    local count
    ask ping | grep -q PONG || return 1
    count=$(count_keys "$1")
    for ((number = 1; number <= count; number++)); do
        [ "$(ask get "$1:$number")" = "$number" ] || return 1
    done
}

ask() { src/redis-cli -p "$port" "$@"; }
same_value() { [ "$("${@:2}")" = "$1" ]; }
append_only() { ask info persistence | grep -q "aof_enabled:$([ "$1" = yes ] && echo 1 || echo 0)"; }
background_save() { ask bgsave | grep started || { tail -n 2 server.log && return 1; }; }

# serve [OPTIONS...]   until it answers
serve() {
    "$husk" run --accel "$accel" --memory "$memory" --net user --publish "127.0.0.1:$port:6379" --disk redis.img:/data --cwd /data \
        src/redis-server -- --protected-mode no --save "" --enable-debug-command yes "$@" >server.log 2>&1 </dev/null &
    server=$!
    while kill -0 "$server" && ! ask ping | grep -q PONG; do sleep 0.05; done 2>/dev/null
}

run_unit() {
    local skips=()
    for test in "${left_out[@]}"; do skips+=(--skiptest "$test"); done
    timeout 900 tclsh tests/test_helper.tcl --host 127.0.0.1 --port "$port" --tags "-needs:repl -needs:save -slow" "${skips[@]}" \
        --single "unit/$1" </dev/null
}
