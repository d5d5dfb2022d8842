/* SPDX-License-Identifier: Apache-2.0 */
/* What lwIP wants to know of compiler and platform. */
#ifndef HUSK_NET_LWIP_ARCH_CC_H
#define HUSK_NET_LWIP_ARCH_CC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
void* husk_lwip_allocate(size_t size_bytes);
void* husk_lwip_allocate_zeroed(size_t count, size_t size_bytes);
void husk_lwip_release(void* block);
uint32_t husk_lwip_random(void);
__attribute__((noreturn, cold)) void husk_lwip_assertion_failed(const char* file, unsigned line);
#ifdef __cplusplus
}
#endif

#define LWIP_RAND() husk_lwip_random()
#define LWIP_PLATFORM_DIAG(arguments)
/* Its words are left out: file and line lead to them, and they were 8 KiB of each image. */
#define LWIP_PLATFORM_ASSERT(what) husk_lwip_assertion_failed(__FILE__, __LINE__)
/* Keeps lwIP from declaring an ssize_t of its own. */
#ifndef SSIZE_MAX
#define SSIZE_MAX INT64_MAX
#endif
#define LWIP_NO_CTYPE_H 1
#define LWIP_NO_INTTYPES_H 1
#define X8_F "x"
#define U16_F "u"
#define S16_F "d"
#define X16_F "x"
#define U32_F "u"
#define S32_F "d"
#define X32_F "x"
#define SZT_F "zu"

#endif
