// SPDX-License-Identifier: Apache-2.0
// The one exception of the launcher: a sentence for the user and the exit code that goes with it.
#pragma once

#include <stdexcept>
#include <string>

namespace husk::host {

// What `husk` exits with when it is the launcher that failed. 0..63 and 128..255 are left to applications.
enum class ExitCode : int {
    usage = 64,             // command line
    config_file = 65,       // husk.toml
    image_unreadable = 66,  // missing, no permission, a directory
    not_elf = 67,
    truncated_elf = 68,
    dynamic_elf = 69,
    wrong_machine = 70,   // 32-bit, other architecture, not an executable
    not_husk_image = 71,  // no note
    abi_mismatch = 72,
    bad_segments = 73,  // overlapping, absurd, outside guest memory
    no_kvm = 74,        // no /dev/kvm
    kvm_permission = 75,
    memory_too_small = 76,
    no_huge_pages = 77,
    host_failure = 78,  // a system call of the host failed
    guest_fault = 79,   // triple fault or an exit that no correct guest makes
    runtime_panic = 80,
    no_qemu = 81,
    patch_table = 82,      // a patch table that does not fit its image
    disk_unreadable = 83,  // missing, no permission, a directory
    disk_in_use = 84,
    bad_disk = 85,     // no whole sectors, an overlay of another disk, no O_DIRECT
    disk_tools = 86,   // mke2fs is missing or failed
    placement = 87,    // a CPU or a node that is not there
    name_in_use = 88,  // another VM has the --name
    no_such_vm = 89,   // none of that name runs
    net_missing = 90,  // a tap, a bridge, or what they need, that is not there
    net_permission = 91,
    net_busy = 92,      // a tap in use, a port in use
    net_peer = 93,      // the other end of a stream cannot be reached
    user_network = 94,  // husk-user-net is missing or does not start
    timeout = 124,      // --timeout, as timeout(1)
};

// `what()` is one sentence: what failed and what to do about it.
class Error : public std::runtime_error {
public:
    Error(ExitCode code, const std::string& sentence) : std::runtime_error(sentence), code_(code) {}
    [[nodiscard]] ExitCode code() const { return code_; }

private:
    ExitCode code_;
};

}  // namespace husk::host
