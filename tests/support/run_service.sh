# SPDX-License-Identifier: Apache-2.0
# Sourced by ./dev: boots examples/service with a network and a disk, and shows one request with its answer.

first_free_port() {
    local port=$1
    while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
    echo "$port"
}

# Prints the answer; fails when there is none (yet).
ask_service() {
    (
        exec 3<>"/dev/tcp/127.0.0.1/$1"
        printf 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
        answer=$(timeout 5 cat <&3)
        [ -n "$answer" ] && echo "$answer"
    ) 2>/dev/null
}

# On a terminal it stays until Ctrl-C, which the service gets as SIGINT; otherwise it ends after the answer.
run_service() {
    local husk=build/release/launcher/husk disk=build/run/service.img port vm answer tries=0 status=0
    set_up
    build release launcher/husk launcher/husk-user-net examples/service/service
    mkdir -p build/run
    [ -f "$disk" ] || "$husk" disk create "$disk" 64M
    port=$(first_free_port 8080)
    "$husk" run --net user --publish "127.0.0.1:$port:8080" --disk "$disk:/data" build/release/examples/service/service -- \
        --data /data "$@" </dev/null &
    vm=$!
    trap 'true' INT
    until answer=$(ask_service "$port"); do
        tries=$((tries + 1))
        if [ "$tries" -gt 300 ] || ! kill -0 "$vm" 2>/dev/null; then
            kill "$vm" 2>/dev/null || true
            wait "$vm" || status=$?
            say "the service does not answer on port $port (exit code $status)"
            return 1
        fi
        sleep 0.1
    done
    say "http://127.0.0.1:$port/ is served by a virtual machine; its data is in $disk"
    printf '%s\n' '> GET / HTTP/1.1' "$answer"
    if [ -t 0 ]; then
        say "Ctrl-C ends it"
        wait "$vm" || true
    else
        kill -TERM "$vm"
    fi
    wait "$vm" || status=$?
    return "$status"
}
