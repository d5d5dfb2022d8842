// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/base/alone.hpp"

namespace husk {

constinit bool others_may_run = false;

}  // namespace husk
