# SPDX-License-Identifier: Apache-2.0
# GoogleTest: some of its own tests, results compared with the native run. A death test needs a second process.
package=googletest proof=CMakeLists.txt

tests=(googletest-filepath-test googletest-message-test googletest-options-test googletest-port-test
    googletest-test-part-test gtest_environment_test gtest_skip_test)

build_app() {
    cmake -S . -B build -G Ninja -DBUILD_GMOCK=OFF -Dgtest_build_tests=ON -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS=-g0
    cmake --build build -j2 --target "${tests[@]}" gtest_stress_test googletest-death-test-test
}

# Without times, and without what depends on where the program lies.
comparable() { sed -E 's/ \([0-9]+ ms( total)?\)//'; }

check_app() {
    vm_options=(--cwd /tmp)
    for test in "${tests[@]}"; do
        expect "$test" same_but_deaths "$(find build -type f -name "$test")"
    done
    # Its threads write in any order.
    expect gtest_stress_test vm "$(find build -type f -name gtest_stress_test)"
    known_failure "a death test needs a second process" "one process" vm "$(find build -type f -name googletest-death-test-test)"
}

same_but_deaths() { succeeds "$1" --gtest_filter=-*Death*:*death*; }
