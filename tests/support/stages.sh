# SPDX-License-Identifier: Apache-2.0
# Sourced by ./dev: the stages of `./dev test`. Each prints its failures and ends with "N passed, N failed, N skipped".

all_stages=(format confinement compatibility unit tidy native kvm qemu nested nested-vcpus streams refusals network user-network nested-network guest-network control service clients trouble crash-reports debug observing disk-ends crash-short sqlite examples fuzz)
# Only when asked for: they take long.
long_stages=(clients-long trouble-long crash large-disks apps smp smp-rounds)

count_line='^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$'

stage_format() { python3 -B tests/support/check_format.py; }
stage_confinement() { python3 -B tests/support/check_confinement.py; }
stage_compatibility() { python3 -B tests/support/check_compatibility.py; }
# It looks at each file alone, so it needs the commands that compile one.
stage_tidy() {
    quietly cmake --preset tidy && python3 -B tests/support/check_tidy.py --build build/tidy
}
stage_unit() {
    build asan && build release && python3 -B tests/support/run_unit_tests.py --build build/asan build/release
}
stage_fuzz() {
    build asan && python3 -B tests/support/run_fuzzers.py --build build/asan --seconds 10
}
stage_examples() {
    build release && python3 -B tests/support/test_installed.py --build build/release
}
stage_streams() {
    build release && python3 -B tests/support/test_streams.py --build build/release
}
stage_refusals() {
    build release && python3 -B tests/support/test_refusals.py --build build/release
}
stage_network() {
    build release && python3 -B tests/support/test_network.py --build build/release
}
stage_user-network() {
    build release && python3 -B tests/support/test_user_network.py --build build/release
}
stage_nested-network() {
    build release && python3 -B tests/support/test_nested_network.py --build build/release
}
stage_guest-network() {
    build release && python3 -B tests/support/test_guest_network.py --build build/release
}
stage_control() {
    build release && python3 -B tests/support/test_control.py --build build/release
}
stage_service() {
    build release && python3 -B tests/support/test_service.py --build build/release
}
stage_clients() {
    install_packages tests/support/client_packages.txt && build release &&
        python3 -B tests/support/test_clients.py --build build/release
}
stage_clients-long() {
    install_packages tests/support/client_packages.txt && build release &&
        python3 -B tests/support/test_clients.py --build build/release --long
}
stage_trouble() {
    build release && python3 -B tests/support/test_trouble.py --build build/release
}
stage_trouble-long() {
    build release && python3 -B tests/support/test_trouble.py --build build/release --long
}
stage_crash-reports() {
    build release && python3 -B tests/support/test_crash_reports.py --build build/release
}
stage_debug() {
    build release && python3 -B tests/support/test_debug.py --build build/release
}
stage_observing() {
    build release && python3 -B tests/support/test_observing.py --build build/release
}
stage_disk-ends() {
    build release && python3 -B tests/support/test_disk_ends.py --build build/release
}
# 30 kills of the launcher, and 300.
stage_crash-short() {
    build release && python3 -B tests/support/test_crash.py --build build/release --runs 15
}
stage_crash() {
    build release && python3 -B tests/support/test_crash.py --build build/release --runs 150
}
stage_large-disks() {
    build release && python3 -B tests/support/test_large_disks.py --build build/release
}
stage_sqlite() {
    build release && python3 -B tests/support/test_sqlite.py --build build/release
}
stage_apps() {
    build release && tests/support/apps.sh build/release $(all_apps)
}
stage_guest_in() {
    build release && python3 -B tests/guest/run.py --build build/release --environment "$@"
}
stage_native() { stage_guest_in native "$@"; }
stage_kvm() { stage_guest_in kvm "$@"; }
stage_qemu() { stage_guest_in qemu "$@"; }
# The tests with several vCPUs on KVM too.
stage_smp() { stage_guest_in smp "$@"; }
# Ten million rounds of futexes between two vCPUs.
stage_smp-rounds() {
    build release && python3 -B tests/support/test_futex_rounds.py --build build/release
}
stage_nested() { stage_guest_in nested "$@"; }
stage_nested-vcpus() {
    build release && python3 -B tests/pair/nested_tiny_guests.py --build build/release
}

# run_tests [STAGE...] [NAME...]: the sum of all stages is the last line; fails when anything failed.
run_tests() {
    local stages=() passed=0 failed=0 skipped=0 stage log begin
    while [ $# -gt 0 ]; do
        if [ "$1" = guest ]; then
            stages+=(native kvm qemu nested)
        elif [[ " ${all_stages[*]} ${long_stages[*]} " == *" $1 "* ]]; then
            stages+=("$1")
        else
            break
        fi
        shift
    done
    if [ ${#stages[@]} = 0 ]; then
        [ $# = 0 ] || misused "there is no test stage '$1'; there are: guest ${all_stages[*]} ${long_stages[*]}"
        stages=("${all_stages[@]}")
    fi
    set_up
    mkdir -p build
    log=$(mktemp build/stage.XXXXXX)
    for stage in "${stages[@]}"; do
        echo "== $stage"
        begin=$SECONDS
        "stage_$stage" "$@" </dev/null 2>&1 | tee "$log" || true
        if [[ $(tail -n 1 "$log") =~ $count_line ]]; then
            passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2])) skipped=$((skipped + BASH_REMATCH[3]))
        else
            echo "FAILED $stage: it ended without a result"
            failed=$((failed + 1))
        fi
        echo "-- $stage took $((SECONDS - begin)) s"
    done
    rm -f "$log"
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ]
}
