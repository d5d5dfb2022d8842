// SPDX-License-Identifier: Apache-2.0
// A new object handed out as its interface.
#pragma once

#include "guest-runtime/base/ref_ptr.hpp"

namespace husk::fs {

// A new T as a Base, or ENOMEM.
template <class Base, class T, class... Arguments>
Result<RefPtr<Base>> make_ref_as(Arguments&&... arguments) {
    Base* object = new (std::nothrow) T(std::forward<Arguments>(arguments)...);
    if (object == nullptr) return Errno::enomem;
    return RefPtr<Base>::adopt(object);
}

}  // namespace husk::fs
