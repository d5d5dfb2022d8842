// SPDX-License-Identifier: Apache-2.0
#include "launcher/kvm/cpu_model_cache.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

using namespace husk;

namespace {

constexpr std::uint64_t fingerprint = 0x1234;

struct Folder {
    Folder() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
    ~Folder() { std::filesystem::remove_all(path); }
    std::string path = "/tmp/husk-cache-test-XXXXXX";
    std::string file = path;
};

struct Cached : Folder {
    Cached() {
        file = path + "/a/b/cpu-model";
        model.kind = kvm::Kind::pvm;
        model.xcr0 = 7;
        model.xsave_size_bytes = 832;
        model.for_kvm.count = 1;
        model.for_kvm.entries[0] = {7, 1, 1, 2, 3, 4, 5, {}};
        model.guest_count = 2;
        model.guest_entries[0] = {1, 0, 0, 1, 2, 3, 4};
        model.guest_entries[1] = {2, 0, 0, 5, 6, 7, 8};
        REQUIRE(kvm::write_cpu_model(file, model, fingerprint));
    }
    [[nodiscard]] bool is_read(std::uint64_t host = fingerprint) const {
        kvm::CpuModel ignored;
        return kvm::try_read_cpu_model(file.c_str(), host, ignored);
    }
    [[nodiscard]] std::string content() const {
        std::ifstream stream(file, std::ios::binary);
        return {std::istreambuf_iterator<char>(stream), {}};
    }
    void replace(const std::string& content) const {
        std::ofstream(file, std::ios::binary | std::ios::trunc) << content;
    }
    kvm::CpuModel model;
};

}  // namespace

TEST_CASE("a written model is read back, through folders made on the way") {
    const Cached cached;
    kvm::CpuModel model;
    REQUIRE(kvm::try_read_cpu_model(cached.file.c_str(), fingerprint, model));
    CHECK(model.kind == kvm::Kind::pvm);
    CHECK(model.xsave_size_bytes == 832);
    CHECK(model.for_kvm.entries[0].edx == 5);
    REQUIRE(model.guest_cpuid().size() == 2);
    CHECK(model.guest_cpuid()[1].edx == 8);
}

TEST_CASE("another host's model is ignored") {
    const Cached cached;
    CHECK_FALSE(cached.is_read(fingerprint + 1));
}

TEST_CASE("a file with any byte changed, cut off or too long is ignored") {
    const Cached cached;
    const std::string good = cached.content();
    for (std::size_t i = 0; i < good.size(); ++i) {
        std::string bad = good;
        bad[i] = static_cast<char>(bad[i] ^ 0x10);
        cached.replace(bad);
        CHECK_FALSE(cached.is_read());
        cached.replace(good.substr(0, i));
        CHECK_FALSE(cached.is_read());
    }
    cached.replace(good + "x");
    CHECK_FALSE(cached.is_read());
    cached.replace(good);
    CHECK(cached.is_read());
}

TEST_CASE("a file that others may have written is ignored") {
    const Cached cached;
    REQUIRE(::chmod(cached.file.c_str(), 0622) == 0);
    CHECK_FALSE(cached.is_read());
    REQUIRE(::chmod(cached.file.c_str(), 0600) == 0);
    CHECK(cached.is_read());
    if (::geteuid() == 0) {
        REQUIRE(::chown(cached.file.c_str(), 65534, 65534) == 0);
        CHECK_FALSE(cached.is_read());
    }
}

TEST_CASE("a link or a folder in its place is ignored") {
    const Cached cached;
    const std::string link = cached.path + "/link";
    REQUIRE(::symlink(cached.file.c_str(), link.c_str()) == 0);
    kvm::CpuModel ignored;
    CHECK_FALSE(kvm::try_read_cpu_model(link.c_str(), fingerprint, ignored));
    CHECK_FALSE(kvm::try_read_cpu_model(cached.path.c_str(), fingerprint, ignored));
}
