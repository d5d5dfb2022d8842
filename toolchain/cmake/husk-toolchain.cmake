# SPDX-License-Identifier: Apache-2.0
# CMake toolchain file: every executable of a project becomes an image.
#   cmake -S . -B build -DCMAKE_TOOLCHAIN_FILE=PREFIX/share/husk/cmake/husk-toolchain.cmake
get_filename_component(_husk_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

set(CMAKE_C_COMPILER "${_husk_prefix}/bin/husk-cc")
set(CMAKE_CXX_COMPILER "${_husk_prefix}/bin/husk-c++")
set(HUSK_COMPILER_MAKES_IMAGES ON)
list(PREPEND CMAKE_PREFIX_PATH "${_husk_prefix}")

# Images are static: find and build static libraries.
set(CMAKE_USER_MAKE_RULES_OVERRIDE "${CMAKE_CURRENT_LIST_DIR}/husk-static-libraries.cmake")
set(BUILD_SHARED_LIBS OFF CACHE BOOL "Images are static programs")
set(Boost_USE_STATIC_LIBS ON)
set(OPENSSL_USE_STATIC_LIBS ON)
set(ZLIB_USE_STATIC_LIBS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE OFF)

# The plug-in aware tools that link-time optimisation of static libraries needs carry the real compiler's name.
find_program(CMAKE_C_COMPILER_AR gcc-ar)
find_program(CMAKE_CXX_COMPILER_AR gcc-ar)
find_program(CMAKE_C_COMPILER_RANLIB gcc-ranlib)
find_program(CMAKE_CXX_COMPILER_RANLIB gcc-ranlib)
