// SPDX-License-Identifier: Apache-2.0
// The file tree and the standard descriptors as the application finds them.
#pragma once

namespace husk::fs {

// Once, after memory and before the first thread of the application. Panics when there is no memory for it.
void initialise();

// Begins in the directory that the launcher named, made when it is not there. Again after the disks are mounted: they
// may cover where it was.
void enter_working_directory();

}  // namespace husk::fs
