// SPDX-License-Identifier: Apache-2.0
#include "guest-runtime/base/alone.hpp"

namespace husk {

constinit OthersMayRun others_may_run;

}  // namespace husk
