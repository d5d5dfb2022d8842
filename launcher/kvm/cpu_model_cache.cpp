// SPDX-License-Identifier: Apache-2.0
#include "launcher/kvm/cpu_model_cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
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

constexpr std::size_t largest_file_bytes =
    sizeof(Header) + cpuid_capacity * (sizeof(kvm_cpuid_entry2) + sizeof(abi::CpuidEntry));

std::uint64_t checksum_of(const char* file, std::size_t size_bytes) {
    Fingerprint fingerprint;
    fingerprint.add(file + offsetof(Header, xcr0), size_bytes - offsetof(Header, xcr0));
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

std::optional<CpuModel> try_read_cpu_model(const char* path, std::uint64_t fingerprint) {
    const host::FileDescriptor file(::open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!file.is_open() || !is_ours(file.get())) return std::nullopt;
    char bytes[largest_file_bytes];
    const ssize_t read_bytes = ::read(file.get(), bytes, sizeof bytes);
    if (read_bytes < static_cast<ssize_t>(sizeof(Header))) return std::nullopt;
    const std::size_t size_bytes = static_cast<std::size_t>(read_bytes);

    Header header;
    std::memcpy(&header, bytes, sizeof header);
    if (header.magic != file_magic || header.fingerprint != fingerprint) return std::nullopt;
    if (header.for_kvm_count > cpuid_capacity || header.guest_count > cpuid_capacity || header.kind > 1)
        return std::nullopt;
    const std::size_t for_kvm_bytes = header.for_kvm_count * sizeof(kvm_cpuid_entry2);
    const std::size_t guest_bytes = header.guest_count * sizeof(abi::CpuidEntry);
    if (size_bytes != sizeof header + for_kvm_bytes + guest_bytes) return std::nullopt;
    if (header.checksum != checksum_of(bytes, size_bytes)) return std::nullopt;

    std::optional<CpuModel> model(std::in_place);
    model->kind = static_cast<Kind>(header.kind);
    model->xcr0 = header.xcr0;
    model->xsave_size_bytes = header.xsave_size_bytes;
    model->for_kvm.count = header.for_kvm_count;
    model->guest_count = header.guest_count;
    std::memcpy(model->for_kvm.entries.data(), bytes + sizeof header, for_kvm_bytes);
    std::memcpy(model->guest_entries.data(), bytes + sizeof header + for_kvm_bytes, guest_bytes);
    return model;
}

bool write_cpu_model(const std::string& path, const CpuModel& model, std::uint64_t fingerprint) {
    const Header header{file_magic,
                        fingerprint,
                        0,
                        model.xcr0,
                        static_cast<std::uint32_t>(model.kind),
                        model.xsave_size_bytes,
                        model.for_kvm.count,
                        model.guest_count};
    const std::size_t for_kvm_bytes = header.for_kvm_count * sizeof(kvm_cpuid_entry2);
    const std::size_t guest_bytes = header.guest_count * sizeof(abi::CpuidEntry);
    std::string bytes(sizeof header + for_kvm_bytes + guest_bytes, '\0');
    std::memcpy(bytes.data(), &header, sizeof header);
    std::memcpy(bytes.data() + sizeof header, model.for_kvm.entries.data(), for_kvm_bytes);
    std::memcpy(bytes.data() + sizeof header + for_kvm_bytes, model.guest_entries.data(), guest_bytes);
    const std::uint64_t checksum = checksum_of(bytes.data(), bytes.size());
    std::memcpy(bytes.data() + offsetof(Header, checksum), &checksum, sizeof checksum);

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

CpuModel load_cpu_model(const System& system) {
    const std::string path = cache_path();
    const std::uint64_t fingerprint = host_fingerprint();
    if (!path.empty()) {
        if (auto model = try_read_cpu_model(path.c_str(), fingerprint)) return *model;
    }
    const CpuModel model = probe_cpu_model(system);
    if (!path.empty()) write_cpu_model(path, model, fingerprint);
    return model;
}

}  // namespace husk::kvm
