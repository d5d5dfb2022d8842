// SPDX-License-Identifier: Apache-2.0
#include "launcher/kvm/cpu_model_cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>

#include "launcher/host/file_descriptor.hpp"
#include "launcher/kvm/fingerprint.hpp"
#include "launcher/kvm/host_cpu.hpp"

namespace husk::kvm {

namespace {

constexpr std::uint64_t file_magic = 0x0075'7043'6b73'7501;  // the low byte is the version of this format

// The file: this header, then for_kvm_count entries of KVM's, then guest_count of the contract's.
struct Header {
    std::uint64_t magic;
    std::uint64_t fingerprint;  // of the host
    std::uint64_t checksum;     // of all that follows it in the file
    std::uint64_t xcr0;
    std::uint32_t kind;
    std::uint32_t xsave_size_bytes;
    std::uint32_t for_kvm_count;
    std::uint32_t guest_count;
};
static_assert(sizeof(Header) == 48 && offsetof(Header, xcr0) == 24);

std::uint64_t checksum_of(const Header& header, const CpuModel& model) {
    Fingerprint fingerprint;
    fingerprint.add(&header.xcr0, sizeof header - offsetof(Header, xcr0));
    fingerprint.add(model.for_kvm.entries.data(), model.for_kvm.count * sizeof(kvm_cpuid_entry2));
    fingerprint.add(model.guest_entries.data(), model.guest_count * sizeof(abi::CpuidEntry));
    return fingerprint.value();
}

bool is_ours(int fd) {
    struct stat status {};
    return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == ::geteuid() &&
           (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

bool make_folders(std::string path) {
    for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
        path[slash] = '\0';
        if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return false;
        path[slash] = '/';
    }
    return true;
}

std::string cache_path() {
    if (const char* folder = std::getenv("XDG_CACHE_HOME"); folder != nullptr && folder[0] == '/')
        return std::string(folder) + "/husk/cpu-model";
    if (const char* home = std::getenv("HOME"); home != nullptr && home[0] == '/')
        return std::string(home) + "/.cache/husk/cpu-model";
    return {};
}

}  // namespace

bool try_read_cpu_model(const char* path, std::uint64_t fingerprint, CpuModel& model) {
    const host::FileDescriptor file(::open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!file.is_open() || !is_ours(file.get())) return false;
    Header header;
    if (::read(file.get(), &header, sizeof header) != static_cast<ssize_t>(sizeof header)) return false;
    if (header.magic != file_magic || header.fingerprint != fingerprint) return false;
    if (header.for_kvm_count > cpuid_capacity || header.guest_count > cpuid_capacity || header.kind > 1) return false;
    model.kind = static_cast<Kind>(header.kind);
    model.xcr0 = header.xcr0;
    model.xsave_size_bytes = header.xsave_size_bytes;
    model.for_kvm.count = header.for_kvm_count;
    model.guest_count = header.guest_count;

    char one_too_many = 0;
    const std::span<kvm_cpuid_entry2> for_kvm(model.for_kvm.entries.data(), header.for_kvm_count);
    const std::span<abi::CpuidEntry> guest(model.guest_entries.data(), header.guest_count);
    const iovec parts[] = {
        {for_kvm.data(), for_kvm.size_bytes()}, {guest.data(), guest.size_bytes()}, {&one_too_many, 1}};
    if (::readv(file.get(), parts, 3) != static_cast<ssize_t>(for_kvm.size_bytes() + guest.size_bytes())) return false;
    return header.checksum == checksum_of(header, model);
}

bool write_cpu_model(const std::string& path, const CpuModel& model, std::uint64_t fingerprint) {
    Header header{file_magic,
                  fingerprint,
                  0,
                  model.xcr0,
                  static_cast<std::uint32_t>(model.kind),
                  model.xsave_size_bytes,
                  model.for_kvm.count,
                  model.guest_count};
    header.checksum = checksum_of(header, model);
    const std::size_t for_kvm_bytes = header.for_kvm_count * sizeof(kvm_cpuid_entry2);
    const std::size_t guest_bytes = header.guest_count * sizeof(abi::CpuidEntry);
    std::string bytes(sizeof header + for_kvm_bytes + guest_bytes, '\0');
    std::memcpy(bytes.data(), &header, sizeof header);
    std::memcpy(bytes.data() + sizeof header, model.for_kvm.entries.data(), for_kvm_bytes);
    std::memcpy(bytes.data() + sizeof header + for_kvm_bytes, model.guest_entries.data(), guest_bytes);

    // Written aside and renamed: another launcher sees the old file or the new one.
    if (!make_folders(path)) return false;
    const std::string aside = path + "." + std::to_string(::getpid());
    host::FileDescriptor file(::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file.is_open()) return false;
    const bool written = ::write(file.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
    file.close();
    if (written && ::rename(aside.c_str(), path.c_str()) == 0) return true;
    ::unlink(aside.c_str());
    return false;
}

void load_cpu_model(const System& system, CpuModel& model) {
    const std::string path = cache_path();
    const std::uint64_t fingerprint = host_fingerprint();
    if (!path.empty() && try_read_cpu_model(path.c_str(), fingerprint, model)) return;
    model = probe_cpu_model(system);
    if (!path.empty()) write_cpu_model(path, model, fingerprint);
}

}  // namespace husk::kvm
