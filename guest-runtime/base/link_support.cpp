// SPDX-License-Identifier: Apache-2.0
// Functions that the compiler and header-only parts of libstdc++ call when something is beyond repair.
#include "guest-runtime/base/panic.hpp"

namespace std {

void __throw_out_of_range_fmt(const char*, ...) { husk::panic("a position is out of range"); }
void __throw_length_error(const char*) { husk::panic("a length is out of range"); }

}  // namespace std

extern "C" void __cxa_pure_virtual() { husk::panic("a pure virtual function was called"); }
