// SPDX-License-Identifier: Apache-2.0
// Boost.JSON's own code, which it hands out as a header to be compiled in one place.
#include <boost/json/src.hpp>
