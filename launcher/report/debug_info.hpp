// SPDX-License-Identifier: Apache-2.0
// An image's unwind table and line numbers; libdw ends here.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "launcher/host/file_descriptor.hpp"
#include "launcher/report/frame_rules.hpp"

namespace husk::report {

struct SourceLine {
    std::string file;
    int line = 0;
};

class DebugInfo final {
public:
    // `file` must stay open. What the image does not have is simply not found.
    explicit DebugInfo(const host::FileDescriptor& file);
    ~DebugInfo();
    DebugInfo(const DebugInfo&) = delete;
    DebugInfo& operator=(const DebugInfo&) = delete;

    [[nodiscard]] std::optional<FrameRules> find_rules(std::uint64_t pc) const;
    [[nodiscard]] std::optional<SourceLine> find_line(std::uint64_t pc) const;

private:
    struct Handles;
    std::unique_ptr<Handles> handles_;
};

}  // namespace husk::report
