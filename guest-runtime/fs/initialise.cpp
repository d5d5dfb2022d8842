// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/fs/initialise.hpp"

#include "guest-runtime/base/panic.hpp"
#include "guest-runtime/fs/console_file.hpp"
#include "guest-runtime/fs/console_port.hpp"
#include "guest-runtime/fs/descriptor_table.hpp"
#include "guest-runtime/fs/layout.hpp"
#include "guest-runtime/fs/mount_table.hpp"
#include "guest-runtime/fs/process_view.hpp"
#include "guest-runtime/fs/system_facts.hpp"

namespace husk::fs {

namespace {

// Descriptors 0, 1 and 2, apart from those that the launcher's caller had closed.
Result<> open_standard_streams() {
    for (int stream : {0, 1, 2}) {
        abi::StreamKind kind = console_kind(stream);
        if (kind == abi::StreamKind::closed) continue;
        RefPtr<Inode> inode = HUSK_TRY(console_inode(stream));
        std::uint32_t access = stream == 0 ? open_flag::read_only : open_flag::write_only;
        if (kind == abi::StreamKind::tty) access = open_flag::read_write;
        RefPtr<File> file = HUSK_TRY(inode->open(access));
        HUSK_TRY(descriptors().put(stream, std::move(file), false));
    }
    return {};
}

}  // namespace

void initialise() {
    check(build_layout().ok(), "no memory for the root of the file tree");
    check(make_descriptor_table().ok(), "no memory for the table of descriptors");
    check(open_standard_streams().ok(), "no memory for the standard streams");
    enter_working_directory();
}

void enter_working_directory() {
    auto start = make_directories(facts::working_directory());
    set_working_directory(start.ok() ? std::move(start).value() : root_inode());
}

}  // namespace husk::fs
