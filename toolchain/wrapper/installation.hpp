// SPDX-License-Identifier: Apache-2.0
// Where the parts of the toolchain lie, found from the running program so that a prefix can be moved.
#pragma once

#include <filesystem>

namespace husk::toolchain {

struct Installation {
    std::filesystem::path image_tool;
    std::filesystem::path guest_object;
    std::filesystem::path specs;
    std::filesystem::path linker_script;

    // `program` is PREFIX/bin/husk-cc.
    static Installation around(const std::filesystem::path& program) {
        const auto prefix = program.parent_path().parent_path();
        return {prefix / "bin/husk-image", prefix / "lib/husk/husk_guest.o", prefix / "lib/husk/husk.specs",
                prefix / "lib/husk/image.ld"};
    }
};

}  // namespace husk::toolchain
