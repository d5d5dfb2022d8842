// SPDX-License-Identifier: Apache-2.0
// What stands behind a file mapping: something that hands out the frames of its pages.
#pragma once

#include <cstdint>

#include <husk/abi/guest_address.hpp>

#include "guest-runtime/base/ref_ptr.hpp"
#include "guest-runtime/base/result.hpp"

namespace husk::memory {

class PageSource : public RefCounted {
public:
    // The frame of page `index`, with a reference (frames.hpp) that the caller owns. ENXIO beyond the end of the
    // object: the access dies of SIGBUS. for_write: the page will be written through a shared mapping.
    virtual Result<abi::GuestPhys> page(std::uint64_t index, bool for_write) = 0;
    // What was stored into these pages reaches what stands behind the object; may sleep.
    virtual Result<> write_back(std::uint64_t /*first*/, std::uint64_t /*pages*/) { return {}; }
};

}  // namespace husk::memory
