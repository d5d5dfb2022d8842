// SPDX-License-Identifier: Apache-2.0
// What mmap asks of the file system: the pages behind a descriptor.
#pragma once

#include "guest-runtime/base/ref_ptr.hpp"
#include "guest-runtime/base/result.hpp"
#include "guest-runtime/memory/page_entry.hpp"
#include "guest-runtime/memory/page_source.hpp"

namespace husk::fs {

// Implemented by the file system. writable_shared: stores through the mapping, now or after an mprotect, reach the
// file. EBADF, EACCES when the descriptor is not open for it (reading is always needed), ENODEV when the file cannot be
// mapped. A null pointer stands for zeroes: a mapping of /dev/zero is anonymous memory.
Result<RefPtr<memory::PageSource>> page_source_of(int fd, bool writable_shared, memory::Protection wanted);

}  // namespace husk::fs
