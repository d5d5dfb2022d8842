// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/boot/application_stack.hpp"

#include <array>

#include <elf.h>

#include "guest-runtime/base/random.hpp"
#include "guest-runtime/base/user_memory.hpp"
#include "guest-runtime/boot/own_image.hpp"
#include "guest-runtime/memory/address_space.hpp"
#include "guest-runtime/thread/vector_state.hpp"

extern "C" void _start();  // glibc's: the image's ELF entry

namespace husk::boot {

namespace {

constexpr std::uint64_t stack_bytes = 8ull << 20;
constexpr std::uint64_t hwcap2_fsgsbase = 2;
constexpr std::uint64_t clock_ticks = 100;

struct AuxiliaryEntry {
    std::uint64_t type, value;
};
constinit std::array<AuxiliaryEntry, 20> auxiliary{};

// Writes downwards from the top of the stack.
class StackWriter {
public:
    explicit StackWriter(std::uint64_t top) : rsp_(top) {}

    Result<std::uint64_t> bytes(const void* from, std::size_t size_bytes, std::uint64_t alignment = 1) {
        rsp_ = abi::align_down(rsp_ - size_bytes, alignment);
        HUSK_TRY(copy_out(rsp_, from, size_bytes));
        return rsp_;
    }
    Result<> word(std::uint64_t value) {
        HUSK_TRY(bytes(&value, sizeof value));
        return {};
    }
    // Pointers to the strings of a block whose first byte lies at `address`, the last string first, behind a null.
    Result<> pointers(std::string_view block, std::uint64_t address) {
        HUSK_TRY(word(0));
        std::size_t end = block.size();
        while (end > 0) {
            std::size_t begin = end - 1;
            while (begin > 0 && block[begin - 1] != '\0') --begin;
            HUSK_TRY(word(address + begin));
            end = begin;
        }
        return {};
    }
    void align_for(std::size_t words_to_come) {
        rsp_ = abi::align_down(rsp_, 16);
        if (words_to_come % 2 != 0) rsp_ -= sizeof(std::uint64_t);
    }
    [[nodiscard]] std::uint64_t rsp() const { return rsp_; }

private:
    std::uint64_t rsp_;
};

}  // namespace

Result<ApplicationStart> build_application_stack(const BootView& boot) {
    if (boot.arguments.size() + boot.environment.size() > stack_bytes / 4) return Errno::e2big;
    memory::MapRequest request;
    request.size_bytes = stack_bytes;
    request.protection = 3;
    request.stack = request.no_reserve = true;
    std::uint64_t bottom = HUSK_TRY(memory::map_main_stack(request));

    StackWriter stack(bottom + stack_bytes);
    HUSK_TRY(stack.word(0));
    std::uint64_t environment = HUSK_TRY(stack.bytes(boot.environment.data(), boot.environment.size()));
    std::uint64_t arguments = HUSK_TRY(stack.bytes(boot.arguments.data(), boot.arguments.size()));
    constexpr char platform[] = "x86_64";
    std::uint64_t platform_name = HUSK_TRY(stack.bytes(platform, sizeof platform));
    std::array<std::byte, 16> random;
    fill_random(random);
    std::uint64_t random_bytes = HUSK_TRY(stack.bytes(random.data(), random.size(), 16));

    // SAFETY: addresses only.
    auto entry = reinterpret_cast<std::uint64_t>(&_start);
    auto headers = reinterpret_cast<std::uint64_t>(program_headers().data());
    constexpr std::uint64_t least_signal_frame_bytes = 2048;
    auxiliary = {{{AT_HWCAP, feature_leaf(boot.cpuid).edx},
                  {AT_PAGESZ, abi::page_size},
                  {AT_CLKTCK, clock_ticks},
                  {AT_PHDR, headers},
                  {AT_PHENT, sizeof(Elf64_Phdr)},
                  {AT_PHNUM, program_headers().size()},
                  {AT_BASE, 0},
                  {AT_FLAGS, 0},
                  {AT_ENTRY, entry},
                  {AT_UID, 0},
                  {AT_EUID, 0},
                  {AT_GID, 0},
                  {AT_EGID, 0},
                  {AT_SECURE, 0},
                  {AT_RANDOM, random_bytes},
                  {AT_HWCAP2, hwcap2_fsgsbase},
                  {AT_EXECFN, arguments},
                  {AT_PLATFORM, platform_name},
                  {AT_MINSIGSTKSZ, least_signal_frame_bytes + thread::vector_area_bytes()},
                  {AT_NULL, 0}}};

    std::size_t argument_count = boot.info->arguments.count;
    std::size_t words = 1 + argument_count + 1 + boot.info->environment.count + 1 + 2 * auxiliary.size();
    stack.align_for(words);
    HUSK_TRY(stack.bytes(auxiliary.data(), sizeof auxiliary));
    HUSK_TRY(stack.pointers(boot.environment, environment));
    HUSK_TRY(stack.pointers(boot.arguments, arguments));
    HUSK_TRY(stack.word(argument_count));
    return ApplicationStart{entry, stack.rsp()};
}

std::span<const std::byte> auxiliary_vector() { return std::as_bytes(std::span(auxiliary)); }

}  // namespace husk::boot
