// SPDX-License-Identifier: Apache-2.0
#include "launcher/cli/doctor.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

#include "launcher/backend/interface_control.hpp"
#include "launcher/backend/user_network.hpp"
#include "launcher/config/text.hpp"
#include "launcher/host/error.hpp"
#include "launcher/host/file_descriptor.hpp"
#include "launcher/kvm/host_cpu.hpp"
#include "launcher/kvm/system.hpp"
#include "launcher/qemu/find_qemu.hpp"

namespace husk::cli {

namespace {

using config::fill_in;

std::string first_line(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::string text;
    std::getline(file, text);
    return text;
}

Finding examine_kvm() {
    try {
        const kvm::System system = kvm::System::open();
        static_cast<void>(system.create_vm());
        const bool hardware = kvm::probe_kind() == kvm::Kind::hw;
        return {true, "KVM",
                hardware ? "usable, kind hw (VMX or SVM)"
                         : "usable, kind pvm (no VMX or SVM: the kernel shadows page tables; system calls are patched)",
                ""};
    } catch (const host::Error& error) {
        return {false, "KVM", error.what(), "until then 'husk run' uses QEMU when it is installed, which is slower"};
    }
}

Finding examine_pool(std::string_view name, std::string_view folder, std::string_view sysctl_advice) {
    const std::filesystem::path path = std::filesystem::path("/sys/kernel/mm/hugepages") / folder;
    const std::string all = first_line(path / "nr_hugepages");
    const std::string free = first_line(path / "free_hugepages");
    if (all.empty()) return {false, std::string(name), "not supported by this kernel or processor", ""};
    if (all == "0") return {false, std::string(name), "none reserved", std::string(sysctl_advice)};
    return {free != "0", std::string(name), fill_in("{} reserved, {} free", all, free),
            free == "0" ? std::string(sysctl_advice) : std::string()};
}

Finding examine_transparent() {
    const std::string modes = first_line("/sys/kernel/mm/transparent_hugepage/enabled");
    const bool good = modes.find("[always]") != std::string::npos || modes.find("[madvise]") != std::string::npos;
    return {good, "transparent huge pages", modes.empty() ? "not built into this kernel" : modes,
            good ? "" : "as root: echo madvise > /sys/kernel/mm/transparent_hugepage/enabled"};
}

Finding examine_tap() {
    constexpr const char* device = "/dev/net/tun";
    if (access(device, F_OK) != 0) return {false, "tap network", "no /dev/net/tun", "as root: modprobe tun"};
    const host::FileDescriptor tun(open(device, O_RDWR | O_CLOEXEC));
    if (!tun.is_open()) {
        return {false, "tap network", "no permission to open /dev/net/tun", "as root: chmod 0666 /dev/net/tun"};
    }
    if (geteuid() == 0) return {true, "tap network", "usable; husk makes taps that are missing", ""};
    return {true, "tap network", "/dev/net/tun can be opened, for taps that were made for this user",
            "as root, once: ip tuntap add tap0 mode tap user NAME && ip link set tap0 up"};
}

Finding examine_bridge() {
    if (!backend::is_bridge(std::string(backend::default_bridge))) {
        return {false, "bridge network", fill_in("no bridge {}", backend::default_bridge),
                "as root: husk net up, or give another bridge's name"};
    }
    if (geteuid() == 0) return {true, "bridge network", fill_in("bridge {} is there", backend::default_bridge), ""};
    return {false, "bridge network",
            fill_in("bridge {} is there, but only root may let a tap join", backend::default_bridge),
            fill_in("run husk as root, or make a tap that is a member and use --net tap:NAME")};
}

Finding examine_user_network() {
    const std::filesystem::path program = backend::find_user_network();
    if (program.empty()) {
        return {false, "user network", fill_in("{} is not beside husk", backend::user_network_program),
                "install Husk whole: ./dev install PREFIX"};
    }
    return {true, "user network", program.native(), ""};
}

Finding examine_vhost_net() {
    const bool is_there = access("/dev/vhost-net", F_OK) == 0;
    if (!is_there) return {false, "vhost-net", "no /dev/vhost-net", "as root: modprobe vhost_net"};
    if (access("/dev/vhost-net", R_OK | W_OK) != 0)
        return {false, "vhost-net", "no permission on /dev/vhost-net", "run husk as root"};
    return {true, "vhost-net", "/dev/vhost-net, for --net tap:NAME,vhost", ""};
}

Finding examine_qemu() {
    if (const auto qemu = qemu::find_qemu()) return {true, "QEMU", qemu->native(), ""};
    return {false, "QEMU", "not installed", "as root: apt install qemu-system-x86"};
}

}  // namespace

Diagnosis examine_host() {
    Diagnosis diagnosis;
    diagnosis.findings = {
        examine_kvm(),
        examine_pool("huge pages 2M", "hugepages-2048kB", "as root: sysctl vm.nr_hugepages=128 (that is 256 MiB)"),
        examine_pool("huge pages 1G", "hugepages-1048576kB",
                     "as root: echo 1 > /sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages, best at boot"),
        examine_transparent(),
        examine_tap(),
        examine_bridge(),
        examine_user_network(),
        examine_vhost_net(),
        examine_qemu(),
    };
    diagnosis.can_run = diagnosis.findings.front().good || diagnosis.findings.back().good;
    return diagnosis;
}

std::string to_text(const Diagnosis& diagnosis) {
    std::string text;
    for (const Finding& finding : diagnosis.findings) {
        text += fill_in("{} {}: {}\n", finding.good ? "[yes]" : "[no] ", finding.subject, finding.state);
        if (!finding.advice.empty()) text += fill_in("        -> {}\n", finding.advice);
    }
    text +=
        diagnosis.can_run ? "A VM can run on this host.\n" : "No VM can run on this host: mend KVM or install QEMU.\n";
    return text;
}

}  // namespace husk::cli
