# SPDX-License-Identifier: Apache-2.0
# GoogleTest: some of its own tests, results compared with the native run. A death test needs a second process.
# Written, and not run through yet: ./dev apps runs it only by name.
unproven=1
package=googletest proof=CMakeLists.txt

tests=(googletest-filepath-test googletest-message-test googletest-options-test googletest-port-test
    googletest-test-part-test gtest_environment_test gtest_repeat_test gtest_skip_test gtest_stress_test)

build_app() {
    cmake -S . -B build -G Ninja -DBUILD_GMOCK=OFF -Dgtest_build_tests=ON -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS=-g0
    cmake --build build -j2 --target "${tests[@]}" googletest-death-test-test
}

# Without times, and without what depends on where the program lies.
comparable() { sed -E 's/ \([0-9]+ ms( total)?\)//'; }

check_app() {
    for test in "${tests[@]}"; do
        expect "$test" same_but_deaths "$(find build -type f -name "$test")"
    done
    known_failure "a death test needs a second process" "child_pid != -1" vm "$(find build -type f -name googletest-death-test-test)"
}

same_but_deaths() { succeeds "$1" --gtest_filter=-*Death*:*death*; }
