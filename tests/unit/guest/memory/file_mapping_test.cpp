// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <vector>

#include <doctest/doctest.h>

#include "guest-runtime/memory/address_space.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "tests/unit/guest/memory/fake_machine.hpp"

namespace husk::memory {

namespace {

constexpr std::uint64_t page = abi::page_size;
constexpr Protection read_write = protection::read | protection::write;

// A file of some pages; page i begins with 100 + i.
class FakeFile final : public PageSource {
public:
    explicit FakeFile(std::uint64_t pages, int& alive) : alive_(alive) {
        ++alive_;
        for (std::uint64_t i = 0; i < pages; ++i) {
            frames_.push_back(allocate_frames(0, Contents::zero).value());
            *frame_pointer<std::uint8_t>(frames_[i]) = static_cast<std::uint8_t>(100 + i);
        }
    }
    ~FakeFile() override {
        for (abi::GuestPhys frame : frames_) release_frames(frame, 0);
        --alive_;
    }
    Result<abi::GuestPhys> page(std::uint64_t index, bool for_write) override {
        if (index >= frames_.size()) return Errno::enxio;
        writes += for_write ? 1 : 0;
        retain_frames(frames_[index]);
        return frames_[index];
    }
    [[nodiscard]] std::uint8_t byte(std::uint64_t index) const { return *frame_pointer<std::uint8_t>(frames_[index]); }

    unsigned writes = 0;

private:
    std::vector<abi::GuestPhys> frames_;
    int& alive_;
};

std::uint64_t map_file(const RefPtr<FakeFile>& file, std::uint64_t pages, Protection wanted, bool shared,
                       std::uint64_t first = 0) {
    MapRequest request{.size_bytes = pages * page, .protection = wanted, .shared = shared};
    request.source = file;
    request.source_offset = first * page;
    return map(request).value();
}

}  // namespace

TEST_CASE("a private file mapping shows the file until it is written, and never changes the file") {
    int alive = 0;  // the machine's end ends what is mapped
    test::FakeMachine machine(64 << 20);
    std::uint64_t free = frame_counts().free;
    {
        auto file = RefPtr<FakeFile>::adopt(new FakeFile(4, alive));
        std::uint64_t at = map_file(file, 5, read_write, false);
        std::uint8_t value = 0;
        CHECK(machine.read(at + 2 * page, value) == FaultAnswer::resolved);
        CHECK(value == 102);
        CHECK(machine.write(at + 2 * page, 7) == FaultAnswer::resolved);
        CHECK(machine.write(at + 3 * page, 8) == FaultAnswer::resolved);  // not read before
        CHECK(machine.peek(at + 2 * page) == 7);
        CHECK(machine.peek(at + 3 * page) == 8);
        CHECK(file->byte(2) == 102);
        CHECK(file->byte(3) == 103);
        CHECK(file->writes == 0);
        CHECK(machine.read(at + 4 * page, value) == FaultAnswer::beyond_object);
        // Dropped pages come from the file again.
        REQUIRE(advise(at, 4 * page, 4).ok());
        CHECK(machine.read(at + 2 * page, value) == FaultAnswer::resolved);
        CHECK(value == 102);
        // Splitting the range keeps each page's place in the file.
        REQUIRE(unmap(at + page, page).ok());
        CHECK(machine.read(at + 3 * page, value) == FaultAnswer::resolved);
        CHECK(value == 103);
        REQUIRE(unmap(at, 5 * page).ok());
    }
    CHECK(alive == 0);
    CHECK(free - frame_counts().free < 8);
    CHECK(frame_counts().promised == 0);
}

TEST_CASE("a shared file mapping writes the file's own pages and says so first") {
    int alive = 0;  // the machine's end ends what is mapped
    test::FakeMachine machine(64 << 20);
    auto file = RefPtr<FakeFile>::adopt(new FakeFile(4, alive));
    std::uint64_t at = map_file(file, 3, read_write, true, 1);
    std::uint8_t value = 0;
    CHECK(machine.read(at, value) == FaultAnswer::resolved);
    CHECK(value == 101);
    CHECK(file->writes == 0);
    CHECK(machine.write(at, 55) == FaultAnswer::resolved);
    CHECK(file->writes == 1);
    CHECK(file->byte(1) == 55);
    REQUIRE(protect(at, 3 * page, protection::read).ok());
    CHECK(machine.write(at, 56) == FaultAnswer::not_allowed);
    REQUIRE(protect(at, 3 * page, read_write).ok());
    CHECK(machine.write(at, 56) == FaultAnswer::resolved);
    CHECK(file->byte(1) == 56);
    CHECK(frame_counts().promised == 0);

    std::uint64_t moved = remap(at, 3 * page, 3 * page, true, at + 64 * page).value();
    CHECK(machine.peek(moved) == 56);
    CHECK(machine.read(moved + page, value) == FaultAnswer::resolved);
    CHECK(value == 102);
    file = nullptr;
    CHECK(alive == 1);
    REQUIRE(unmap(moved, 3 * page).ok());
    CHECK(alive == 0);
}

TEST_CASE("a shared mapping of a descriptor that is not open for writing never becomes writable") {
    int alive = 0;  // the machine's end ends what is mapped
    test::FakeMachine machine(64 << 20);
    MapRequest request{.size_bytes = page, .protection = protection::read, .shared = true};
    request.source = RefPtr<FakeFile>::adopt(new FakeFile(1, alive));
    request.allowed = protection::read | protection::execute;
    std::uint64_t at = map(request).value();
    CHECK(protect(at, page, read_write).error() == Errno::eacces);
    CHECK(protect(at, page, protection::none).ok());
}

}  // namespace husk::memory
