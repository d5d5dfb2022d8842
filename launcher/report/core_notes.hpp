// SPDX-License-Identifier: Apache-2.0
// The notes of a core file: every thread's registers and what the process was.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "launcher/image/image.hpp"
#include "launcher/report/crash.hpp"

namespace husk::report {

// The state components that an XSAVE image has room for, and its size in standard format [sdm1 13.4].
struct XsaveLayout {
    std::uint64_t xcr0 = 0;
    std::uint32_t size_bytes = 0;  // 0: no image can be had
};

// A thread's XSAVE image, or nothing when it has none.
using ReadXsave = std::function<std::vector<std::byte>(const abi::CrashThread&, std::uint32_t size_bytes)>;

// The bytes of a PT_NOTE segment, the thread that died first [linux fs/binfmt_elf.c].
[[nodiscard]] std::vector<std::byte> make_core_notes(const Crash& crash, const image::Image& image,
                                                     const std::string& image_path, const XsaveLayout& layout,
                                                     const ReadXsave& read_xsave);

}  // namespace husk::report
