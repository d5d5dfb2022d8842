// SPDX-License-Identifier: Apache-2.0
#include "launcher/debug/register_table.hpp"

#include <array>

#include <husk/abi/crash_record.hpp>

namespace husk::debug {

namespace {

using abi::CrashRegisters;

constexpr std::size_t tag_byte = 4;

constexpr Register general(std::string_view name, std::size_t offset, std::string_view type = "int64") {
    return {name, 8, type, Place::general, offset, 8};
}
constexpr Register general32(std::string_view name, std::size_t offset, std::string_view type = "int32") {
    return {name, 4, type, Place::general, offset, 4};
}
constexpr Register control(std::string_view name, std::size_t offset, unsigned bytes_kept) {
    return {name, 4, "int", Place::xsave, offset, bytes_kept};
}

#define HUSK_GENERAL(name) general(#name, offsetof(CrashRegisters, name))
#define HUSK_SEGMENT(name) general32(#name, offsetof(CrashRegisters, name))
constexpr std::array core_registers{HUSK_GENERAL(rax),
                                    HUSK_GENERAL(rbx),
                                    HUSK_GENERAL(rcx),
                                    HUSK_GENERAL(rdx),
                                    HUSK_GENERAL(rsi),
                                    HUSK_GENERAL(rdi),
                                    general("rbp", offsetof(CrashRegisters, rbp), "data_ptr"),
                                    general("rsp", offsetof(CrashRegisters, rsp), "data_ptr"),
                                    HUSK_GENERAL(r8),
                                    HUSK_GENERAL(r9),
                                    HUSK_GENERAL(r10),
                                    HUSK_GENERAL(r11),
                                    HUSK_GENERAL(r12),
                                    HUSK_GENERAL(r13),
                                    HUSK_GENERAL(r14),
                                    HUSK_GENERAL(r15),
                                    general("rip", offsetof(CrashRegisters, rip), "code_ptr"),
                                    general32("eflags", offsetof(CrashRegisters, rflags), "i386_eflags"),
                                    HUSK_SEGMENT(cs),
                                    HUSK_SEGMENT(ss),
                                    HUSK_SEGMENT(ds),
                                    HUSK_SEGMENT(es),
                                    HUSK_SEGMENT(fs),
                                    HUSK_SEGMENT(gs)};
constexpr std::array linux_registers{HUSK_GENERAL(orig_rax)};
constexpr std::array segment_registers{HUSK_GENERAL(fs_base), HUSK_GENERAL(gs_base)};
#undef HUSK_GENERAL
#undef HUSK_SEGMENT

constexpr std::array x87_registers{Register{"st0", 10, "i387_ext", Place::xsave, x87_stack, 10},
                                   Register{"st1", 10, "i387_ext", Place::xsave, x87_stack + 16, 10},
                                   Register{"st2", 10, "i387_ext", Place::xsave, x87_stack + 32, 10},
                                   Register{"st3", 10, "i387_ext", Place::xsave, x87_stack + 48, 10},
                                   Register{"st4", 10, "i387_ext", Place::xsave, x87_stack + 64, 10},
                                   Register{"st5", 10, "i387_ext", Place::xsave, x87_stack + 80, 10},
                                   Register{"st6", 10, "i387_ext", Place::xsave, x87_stack + 96, 10},
                                   Register{"st7", 10, "i387_ext", Place::xsave, x87_stack + 112, 10},
                                   control("fctrl", 0, 2),
                                   control("fstat", 2, 2),
                                   Register{"ftag", 4, "int", Place::tags, tag_byte, 1},
                                   control("fiseg", 12, 2),
                                   control("fioff", 8, 4),
                                   control("foseg", 20, 2),
                                   control("fooff", 16, 4),
                                   control("fop", 6, 2)};

constexpr std::array<std::string_view, 16> xmm_names{"xmm0",  "xmm1",  "xmm2",  "xmm3", "xmm4",  "xmm5",
                                                     "xmm6",  "xmm7",  "xmm8",  "xmm9", "xmm10", "xmm11",
                                                     "xmm12", "xmm13", "xmm14", "xmm15"};
constexpr std::array<std::string_view, 16> ymm_names{"ymm0h",  "ymm1h",  "ymm2h",  "ymm3h", "ymm4h",  "ymm5h",
                                                     "ymm6h",  "ymm7h",  "ymm8h",  "ymm9h", "ymm10h", "ymm11h",
                                                     "ymm12h", "ymm13h", "ymm14h", "ymm15h"};
constexpr unsigned vector_bytes = 16;

constexpr std::string_view core_types =
    R"(<flags id="i386_eflags" size="4"><field name="" start="22" end="31"/><field name="CF" start="0" end="0"/>)"
    R"(<field name="" start="1" end="1"/><field name="PF" start="2" end="2"/><field name="AF" start="4" end="4"/>)"
    R"(<field name="ZF" start="6" end="6"/><field name="SF" start="7" end="7"/><field name="TF" start="8" end="8"/>)"
    R"(<field name="IF" start="9" end="9"/><field name="DF" start="10" end="10"/><field name="OF" start="11" end="11"/>)"
    R"(<field name="NT" start="14" end="14"/><field name="RF" start="16" end="16"/><field name="AC" start="18" end="18"/>)"
    R"(<field name="ID" start="21" end="21"/></flags>)";
constexpr std::string_view sse_types =
    R"(<vector id="v4f" type="ieee_single" count="4"/><vector id="v2d" type="ieee_double" count="2"/>)"
    R"(<vector id="v16i8" type="int8" count="16"/><vector id="v8i16" type="int16" count="8"/>)"
    R"(<vector id="v4i32" type="int32" count="4"/><vector id="v2i64" type="int64" count="2"/>)"
    R"(<union id="vec128"><field name="v4_float" type="v4f"/><field name="v2_double" type="v2d"/>)"
    R"(<field name="v16_int8" type="v16i8"/><field name="v8_int16" type="v8i16"/><field name="v4_int32" type="v4i32"/>)"
    R"(<field name="v2_int64" type="v2i64"/><field name="uint128" type="uint128"/></union>)";

std::vector<Feature> make_features() {
    std::vector<Register> core(core_registers.begin(), core_registers.end());
    core.insert(core.end(), x87_registers.begin(), x87_registers.end());
    std::vector<Register> sse, avx;
    for (unsigned i = 0; i < xmm_names.size(); ++i) {
        sse.push_back({xmm_names[i], vector_bytes, "vec128", Place::xsave, xmm_begin + vector_bytes * i, vector_bytes});
        avx.push_back(
            {ymm_names[i], vector_bytes, "uint128", Place::xsave, ymm_begin + vector_bytes * i, vector_bytes});
    }
    sse.push_back(control("mxcsr", mxcsr_offset, 4));
    return {{"org.gnu.gdb.i386.core", core_types, core},
            {"org.gnu.gdb.i386.sse", sse_types, sse},
            {"org.gnu.gdb.i386.linux", "", {linux_registers.begin(), linux_registers.end()}},
            {"org.gnu.gdb.i386.segments", "", {segment_registers.begin(), segment_registers.end()}},
            {"org.gnu.gdb.i386.avx", "", avx}};  // last: it may be left out
}

}  // namespace

const std::vector<Feature>& features() {
    static const std::vector<Feature> all = make_features();
    return all;
}

const Register* find_register(std::size_t number) {
    for (const Feature& feature : features()) {
        if (number < feature.registers.size()) return &feature.registers[number];
        number -= feature.registers.size();
    }
    return nullptr;
}

}  // namespace husk::debug
