// SPDX-License-Identifier: Apache-2.0
// Order for a handful of elements, in a tenth of std::sort's code.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

namespace husk {

// Elements that `before` finds equal keep their order. Takes time in proportion to the square of their number.
template <class T, class Before>
void insertion_sort(std::span<T> elements, Before before) {
    for (std::size_t end = 1; end < elements.size(); ++end) {
        for (std::size_t i = end; i != 0 && before(elements[i], elements[i - 1]); --i)
            std::swap(elements[i], elements[i - 1]);
    }
}

}  // namespace husk
