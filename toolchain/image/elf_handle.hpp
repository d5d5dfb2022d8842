// SPDX-License-Identifier: Apache-2.0
// libelf's handle, which ends itself.
#pragma once

#include <gelf.h>

#include <memory>

namespace husk::toolchain {

struct ElfCloser {
    void operator()(Elf* elf) const { elf_end(elf); }
};
using ElfHandle = std::unique_ptr<Elf, ElfCloser>;

}  // namespace husk::toolchain
