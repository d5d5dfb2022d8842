# SPDX-License-Identifier: Apache-2.0
# What lets clang 14 compile code that is written for g++ 12 and its library.
# glibc's sys/platform/x86.h has C's name for it.
add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-D_Bool=bool>)
# It does not look into other files for uses of private fields, has other pragmas than g++, and its -Wconversion means more.
target_compile_options(husk_warnings INTERFACE -Wno-unused-private-field -Wno-unknown-pragmas -Wno-unknown-warning-option
  -Wno-tautological-compare -Wno-sign-conversion)
