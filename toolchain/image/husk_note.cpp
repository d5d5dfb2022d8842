// SPDX-License-Identifier: Apache-2.0
#include "toolchain/image/husk_note.hpp"

#include <algorithm>
#include <cstring>

#include <husk/abi/version.hpp>

#include "toolchain/image/error.hpp"

namespace husk::toolchain {

RuntimeInfo read_runtime_info(const ElfFile& file, const std::string& name) {
    const auto at = std::find_if(file.notes().begin(), file.notes().end(), [](const ElfNote& note) {
        return note.name == abi::note_name && note.type == abi::note_type_image;
    });
    if (at == file.notes().end()) {
        throw Error(name + " does not contain the Husk runtime: link it with husk-cc or husk-c++");
    }
    RuntimeInfo info;
    if (at->descriptor.size() < sizeof info.note)
        throw Error(name + " has a Husk note that is too short: link it again");
    std::memcpy(&info.note, at->descriptor.data(), sizeof info.note);
    if (info.note.abi_number != abi::abi_number) {
        throw Error(name + " contains a Husk runtime with ABI number " + std::to_string(info.note.abi_number) +
                    ", this tool serves " + std::to_string(abi::abi_number) +
                    ": link it with this installation's husk-cc");
    }

    const std::string damaged = name + " has a damaged patch table: link it again";
    const auto table_offset = file.find_offset(info.note.patch_table, sizeof info.table);
    if (!table_offset) throw Error(damaged);
    info.table_offset = *table_offset;
    std::memcpy(&info.table, file.file_bytes().data() + info.table_offset, sizeof info.table);
    const std::uint64_t table_bytes = sizeof info.table + std::uint64_t{info.table.capacity} * sizeof(abi::PatchEntry);
    const auto stub_room_offset = file.find_offset(info.table.stub_room, info.table.stub_room_bytes);
    if (info.table.magic != abi::patch_table_magic || info.table.count > info.table.capacity || !stub_room_offset ||
        !file.find_offset(info.note.patch_table, table_bytes) ||
        info.note.runtime_text_begin > info.note.runtime_text_end) {
        throw Error(damaged);
    }
    info.stub_room_offset = *stub_room_offset;
    return info;
}

}  // namespace husk::toolchain
