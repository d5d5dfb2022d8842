// SPDX-License-Identifier: Apache-2.0
#include "launcher/kvm/system.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <string>

#include "launcher/host/errno_error.hpp"

namespace husk::kvm {

System System::open() {
    host::FileDescriptor fd(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
    if (!fd.is_open()) {
        const int error = errno;
        if (error == EACCES || error == EPERM)
            throw host::Error(
                host::ExitCode::kvm_permission,
                "no permission to open /dev/kvm: add yourself to its group (as root: usermod -aG kvm \"$USER\", "
                "then log in again), or use --accel qemu");
        if (error == ENOENT || error == ENODEV || error == ENXIO)
            throw host::Error(
                host::ExitCode::no_kvm,
                "this machine has no usable /dev/kvm: load the module (modprobe kvm_intel or kvm_amd), enable "
                "virtualisation in its firmware, or use --accel qemu");
        throw host::errno_error("cannot open /dev/kvm", error);
    }
    const int version = ::ioctl(fd.get(), KVM_GET_API_VERSION, 0);
    if (version != KVM_API_VERSION)
        throw host::Error(host::ExitCode::no_kvm, "/dev/kvm speaks API version " + std::to_string(version) +
                                                      " instead of " + std::to_string(KVM_API_VERSION) +
                                                      ": it is not Linux's KVM");
    return System(std::move(fd));
}

host::FileDescriptor System::create_vm() const {
    for (;;) {
        host::FileDescriptor vm(::ioctl(fd_.get(), KVM_CREATE_VM, 0));
        if (vm.is_open()) return vm;
        // The kernel gives up on a signal while it sets up the VM; nothing is lost by asking again.
        if (errno != EINTR) throw host::errno_error("cannot create a virtual machine (KVM_CREATE_VM)");
    }
}

CpuidTable System::supported_cpuid() const {
    CpuidTable table;
    table.count = cpuid_capacity;
    if (::ioctl(fd_.get(), request::get_supported_cpuid, &table) != 0)
        throw host::errno_error("cannot read KVM's CPU model (KVM_GET_SUPPORTED_CPUID)");
    return table;
}

std::size_t System::vcpu_run_bytes() const {
    const int bytes = ::ioctl(fd_.get(), KVM_GET_VCPU_MMAP_SIZE, 0);
    if (bytes < static_cast<int>(sizeof(kvm_run)))
        throw host::errno_error("cannot size a virtual CPU (KVM_GET_VCPU_MMAP_SIZE)");
    return static_cast<std::size_t>(bytes);
}

std::uint32_t System::vcpus_max() const {
    // Without the first, the second is the limit, and without both it is 4 [kvm-api 4.7].
    for (const int capability : {KVM_CAP_MAX_VCPUS, KVM_CAP_NR_VCPUS}) {
        const int count = ::ioctl(fd_.get(), KVM_CHECK_EXTENSION, capability);
        if (count > 0) return static_cast<std::uint32_t>(count);
    }
    return 4;
}

}  // namespace husk::kvm
