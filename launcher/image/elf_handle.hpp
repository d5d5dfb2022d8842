// SPDX-License-Identifier: Apache-2.0
// An open file as libelf sees it.
#pragma once

#include <libelf.h>

#include <memory>

#include "launcher/host/file_descriptor.hpp"

namespace husk::image {

struct ElfEnd {
    void operator()(Elf* elf) const { elf_end(elf); }
};
using ElfHandle = std::unique_ptr<Elf, ElfEnd>;

// Null when libelf cannot read it; `file` must stay open.
[[nodiscard]] inline ElfHandle open_elf(const host::FileDescriptor& file) {
    elf_version(EV_CURRENT);
    return ElfHandle(elf_begin(file.get(), ELF_C_READ, nullptr));
}

}  // namespace husk::image
