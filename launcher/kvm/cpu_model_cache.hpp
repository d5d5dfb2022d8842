// SPDX-License-Identifier: Apache-2.0
// The CPU model of the last run, kept in a file of the user's cache folder: reading it takes 10 us instead of 1 ms.
#pragma once

#include <string>

#include "launcher/kvm/cpu_model.hpp"

namespace husk::kvm {

// Fills `model` from the cache where that holds this host's, else by asking, and caches the answer. A cache that cannot
// be written is no error. In place, because a model is large and a page that is touched costs 1 us.
void load_cpu_model(const System& system, CpuModel& model);

// Parts of the above. The file is ignored when it is another user's, writable by others, damaged, or of another host.
// Then `model` may be changed, and the result is false.
[[nodiscard]] bool try_read_cpu_model(const char* path, std::uint64_t fingerprint, CpuModel& model);
bool write_cpu_model(const std::string& path, const CpuModel& model, std::uint64_t fingerprint);

}  // namespace husk::kvm
