// SPDX-License-Identifier: Apache-2.0
#include "launcher/image/symbols.hpp"

#include <doctest/doctest.h>

using husk::image::Symbol;
using husk::image::SymbolTable;

TEST_CASE("an address belongs to the function that holds it") {
    const SymbolTable table(
        {{0x200, 0x210, "second"}, {0x100, 0x180, "first"}, {0x300, 0x300, "unsized"}, {0x100, 0x100, "label"}});
    CHECK(table.find(0xff) == nullptr);
    REQUIRE(table.find(0x17f) != nullptr);
    CHECK(table.find(0x17f)->name == "first");
    CHECK(table.find(0x180) == nullptr);
    CHECK(table.find(0x200)->name == "second");
    CHECK(table.find(0x400)->name == "unsized");
}
