# SPDX-License-Identifier: Apache-2.0
# OpenSSL: programs of its own tests, its benchmark, and a TLS server in a VM that a client on the host talks to.
package=openssl proof=Configure

# Those that take no minute in an emulated CPU.
tests=(asn1_internal_test bio_callback_test chacha_internal_test destest hmactest lhash_test modes_internal_test sanitytest
    sha_test sm4_internal_test stack_test x509_internal_test)

build_app() {
    ./Configure linux-x86_64 no-shared no-module no-engine no-afalgeng
    make build_generated
    make apps/openssl test/threadstest "${tests[@]/#/test/}"
}

check_app() {
    vm_options=(--dir "$here/test:/srv")
    for test in "${tests[@]}"; do
        expect "$test passes" vm "test/$test"
    done
    expect "threadstest passes" vm test/threadstest -config /srv/default.cnf /srv/recipes/90-test_threads_data
    expect "its benchmark measures" measures
    port=$(free_port)
    apps/openssl req -x509 -newkey rsa:2048 -nodes -keyout test/husk-key.pem -out test/husk-cert.pem -subj /CN=husk -days 30 \
        -config apps/openssl.cnf 2>/dev/null
    trap 'kill -KILL "$server" 2>/dev/null' EXIT
    serve
    expect "a client reads a page by TLS 1.3" page -tls1_3
    expect "a client reads a page by TLS 1.2" page -tls1_2
    expect "a client that knows the certificate trusts it" page -CAfile test/husk-cert.pem -verify_return_error
    kill -KILL "$server"
}

measures() {
    vm apps/openssl speed -seconds 1 -bytes 1024 sha256 | grep -E '^sha256 +[0-9.]+k' &&
        vm apps/openssl speed -seconds 1 -bytes 1024 -evp aes-128-gcm | grep -E '^AES-128-GCM +[0-9.]+k'
}

# Until it answers.
serve() {
    "$husk" run --accel "$accel" --memory "$memory" --net user --publish "127.0.0.1:$port:4433" "${vm_options[@]}" \
        apps/openssl -- s_server -accept 4433 -www -key /srv/husk-key.pem -cert /srv/husk-cert.pem >server.log 2>&1 </dev/null &
    server=$!
    for _ in {1..100}; do
        ! page >/dev/null 2>&1 || return 0
        kill -0 "$server" || return 1
        sleep 0.3
    done
}

# page [OPTIONS...]   what the server says about the connection
page() {
    (printf 'GET / HTTP/1.0\r\n\r\n' && sleep 5) |
        apps/openssl s_client -connect "127.0.0.1:$port" -quiet "$@" 2>client.log | grep -m1 'Ciphers supported in s_server'
}
