# SPDX-License-Identifier: Apache-2.0
# Read by CMake after its platform files: only static libraries are of use to an image.
set(CMAKE_FIND_LIBRARY_SUFFIXES ".a")
set_property(GLOBAL PROPERTY TARGET_SUPPORTS_SHARED_LIBS FALSE)
