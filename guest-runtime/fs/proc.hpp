// SPDX-License-Identifier: Apache-2.0
// The tables of /proc.
#pragma once

#include "guest-runtime/fs/generated_tree.hpp"

namespace husk::fs {

extern const GeneratedNode proc_tree;
// /proc/<pid>, under the name of the one process.
extern const GeneratedNode proc_process;
extern const GeneratedMembers proc_processes;
// What /proc holds about the machine, beside the process.
namespace proc {
void write_cpuinfo(Text& to, std::uint64_t);
void write_meminfo(Text& to, std::uint64_t);
void write_partitions(Text& to, std::uint64_t);
void write_stat(Text& to, std::uint64_t);
void write_mounts(Text& to, std::uint64_t);
}  // namespace proc

}  // namespace husk::fs
