// SPDX-License-Identifier: Apache-2.0
// The file tree and the standard descriptors as the application finds them.
#pragma once

namespace husk::fs {

// Once, after memory and before the first thread of the application. Panics when there is no memory for it.
void initialise();

}  // namespace husk::fs
