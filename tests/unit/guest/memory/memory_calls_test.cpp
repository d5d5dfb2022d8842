// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/syscall/memory_calls.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include <doctest/doctest.h>

#include "guest-runtime/memory/file_mapping.hpp"
#include "guest-runtime/memory/frames.hpp"
#include "tests/unit/guest/memory/fake_machine.hpp"

namespace husk {

namespace {

// One page; descriptor 5 is open for reading, 6 for both.
class OnePage final : public memory::PageSource {
public:
    Result<abi::GuestPhys> page(std::uint64_t index, bool) override {
        if (index != 0) return Errno::enxio;
        return memory::allocate_frames(0, memory::Contents::zero);
    }
};

sys::Call call(std::uint64_t a = 0, std::uint64_t b = 0, std::uint64_t c = 0, std::uint64_t d = 0, std::uint64_t e = 0,
               std::uint64_t f = 0) {
    sys::Call made{};
    made.rdi = a;
    made.rsi = b;
    made.rdx = c;
    made.r10 = d;
    made.r8 = e;
    made.r9 = f;
    return made;
}

constexpr std::uint64_t anonymous = MAP_PRIVATE | MAP_ANONYMOUS;

}  // namespace

Result<RefPtr<memory::PageSource>> fs::page_source_of(int fd, bool writable_shared, memory::Protection) {
    if (fd != 5 && fd != 6) return Errno::ebadf;
    if (writable_shared && fd == 5) return Errno::eacces;
    return RefPtr<memory::PageSource>::adopt(new OnePage);
}

// The kernel side of a copy to the application; address 1 stands for one that is not mapped.
Result<> copy_out(std::uint64_t to_user, const void* from, std::size_t size_bytes) {
    if (to_user == 1) return Errno::efault;
    // SAFETY: the tests pass addresses of their own arrays.
    std::memcpy(reinterpret_cast<void*>(to_user), from, size_bytes);
    return {};
}

namespace sys {

TEST_CASE("mmap refuses what Linux refuses, with the same errno") {
    test::FakeMachine machine(64 << 20);
    CHECK(sys_mmap(call(0, 0, 3, anonymous)).raw() == -EINVAL);
    CHECK(sys_mmap(call(0, 4096, 3, MAP_ANONYMOUS)).raw() == -EINVAL);
    CHECK(sys_mmap(call(0, 4096, 3, MAP_SHARED_VALIDATE | MAP_ANONYMOUS)).raw() == -EINVAL);
    CHECK(sys_mmap(call(0, 4096, 3, anonymous, 0, 1)).raw() == -EINVAL);
    CHECK(sys_mmap(call(0, 4096, 3, MAP_PRIVATE, 99)).raw() == -EBADF);
    CHECK(sys_mmap(call(0, 0, 3, MAP_PRIVATE, 99)).raw() == -EBADF);
    CHECK(sys_mmap(call(0, 4096, 3, MAP_SHARED, 5)).raw() == -EACCES);
    CHECK(sys_mmap(call(0, 1ull << 47, 3, anonymous)).raw() == -ENOMEM);
    CHECK(sys_mmap(call(0, UINT64_MAX, 3, anonymous)).raw() == -ENOMEM);
    CHECK(sys_mmap(call(0, 8192, 3, MAP_PRIVATE, 5, UINT64_MAX - 4095)).raw() == -EOVERFLOW);
    CHECK(sys_mmap(call(0, 2 << 20, 3, anonymous | MAP_HUGETLB)).raw() == -ENOMEM);
    CHECK(sys_mmap(call(0, 4096, 3, anonymous | MAP_32BIT)).raw() < (2ll << 30));
    CHECK(sys_mmap(call(0, 4096, 3, anonymous | MAP_32BIT)).raw() > 0);
}

TEST_CASE("a shared mapping of a descriptor open for reading stays read-only") {
    test::FakeMachine machine(64 << 20);
    auto at = static_cast<std::uint64_t>(sys_mmap(call(0, 4096, PROT_READ, MAP_SHARED, 5)).raw());
    CHECK(sys_mprotect(call(at, 4096, PROT_READ | PROT_WRITE)).raw() == -EACCES);
    CHECK(sys_mprotect(call(at, 4096, 64)).raw() == -EINVAL);
    auto both = static_cast<std::uint64_t>(sys_mmap(call(0, 4096, PROT_READ, MAP_SHARED, 6)).raw());
    CHECK(sys_mprotect(call(both, 4096, PROT_READ | PROT_WRITE)).raw() == 0);
}

TEST_CASE("mincore, msync, mlock and mremap check their arguments") {
    test::FakeMachine machine(64 << 20);
    auto at = static_cast<std::uint64_t>(sys_mmap(call(0, 1 << 20, 3, anonymous)).raw());
    REQUIRE(machine.write(at + 4096, 1) == memory::FaultAnswer::resolved);
    unsigned char resident[256];
    auto vector = reinterpret_cast<std::uint64_t>(resident);  // SAFETY: passed on as the caller's address
    CHECK(sys_mincore(call(at, 1 << 20, vector)).raw() == 0);
    CHECK(resident[1] == 1);
    CHECK(resident[200] == 0);
    CHECK(sys_mincore(call(at + 1, 4096, vector)).raw() == -EINVAL);
    CHECK(sys_mincore(call(at, 2 << 20, vector)).raw() == -ENOMEM);
    CHECK(sys_mincore(call(at, 4096, 1)).raw() == -EFAULT);
    CHECK(sys_mincore(call(at, UINT64_MAX, vector)).raw() == -ENOMEM);

    CHECK(sys_msync(call(at, 4096, MS_SYNC)).raw() == 0);
    CHECK(sys_msync(call(at, 4096, MS_SYNC | MS_ASYNC)).raw() == -EINVAL);
    CHECK(sys_msync(call(at + 1, 4096, MS_SYNC)).raw() == -EINVAL);
    CHECK(sys_msync(call(at, 2 << 20, MS_SYNC)).raw() == -ENOMEM);

    CHECK(sys_mlock(call(at + 5, 1 << 19)).raw() == 0);
    CHECK(machine.peek(at + (1 << 19)).has_value());
    CHECK(sys_mlock(call(at, 2 << 20)).raw() == -ENOMEM);
    CHECK(sys_mlock2(call(at, 4096, 8)).raw() == -EINVAL);
    CHECK(sys_mlockall(call(0)).raw() == -EINVAL);
    CHECK(sys_mlockall(call(1)).raw() == 0);

    CHECK(sys_mremap(call(at, 4096, 4096, MREMAP_FIXED, at)).raw() == -EINVAL);
    CHECK(sys_mremap(call(at, 4096, 4096, 8)).raw() == -EINVAL);
    CHECK(sys_mremap(call(at, 1 << 20, 4096, 0)).raw() == static_cast<long>(at));
    CHECK(sys_munmap(call(at, 4096)).raw() == 0);
    CHECK(sys_munmap(call(at, 0)).raw() == -EINVAL);
}

}  // namespace sys

}  // namespace husk
