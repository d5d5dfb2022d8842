# SPDX-License-Identifier: Apache-2.0
# JsonCpp, which is built by Meson: its own unit tests, and documents that are right and wrong.
package=libjsoncpp proof=meson.build needs="meson ninja-build"

build_app() {
    meson setup build -Ddefault_library=static
    ninja -C build -j2 jsoncpp_test jsontestrunner
}

check_app() {
    expect "its unit tests pass" succeeds build/jsoncpp_test
    vm_options=(--dir "$here/test:$here/test")
    for document in pass1 pass2 fail2 fail11 fail19 fail33; do
        expect "$document.json is judged as natively" same build/jsontestrunner --json-checker "$here/test/jsonchecker/$document.json"
    done
}
