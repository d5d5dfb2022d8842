// SPDX-License-Identifier: Apache-2.0
// The function names of an image, for backtraces.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "launcher/host/file_descriptor.hpp"

namespace husk::image {

struct Symbol {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;  // begin: the size is not known
    std::string name;       // mangled
};

class SymbolTable final {
public:
    explicit SymbolTable(std::vector<Symbol> symbols);

    // The function that holds the address, or nullptr.
    [[nodiscard]] const Symbol* find(std::uint64_t address) const;

private:
    std::vector<Symbol> symbols_;  // by address
};

// Empty when the image is stripped.
[[nodiscard]] SymbolTable read_symbols(const host::FileDescriptor& file);

}  // namespace husk::image
