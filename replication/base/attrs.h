/* Compiler attributes, checked in one place so that gcc and clang agree. Pure; no runtime code. */
#ifndef TANIST_BASE_ATTRS_H
#define TANIST_BASE_ATTRS_H

#include <alloca.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST_CHECK             __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN               __attribute__((noreturn))
#define UNUSED                 __attribute__((unused))
#define ALWAYS_INLINE          inline __attribute__((always_inline))
#define LIKELY(x)              __builtin_expect(!!(x), 1)
#define UNLIKELY(x)            __builtin_expect(!!(x), 0)

#define ARRAY_LEN(a)           (sizeof(a) / sizeof((a)[0]))

/* The struct that holds `member` at `ptr`. */
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* These have bounded or checked replacements: str_*, snprintf, conf's parsers. Their own headers are included above,
 * because a poisoned name may not even be declared afterwards. */
#undef alloca
#undef strcpy
#undef strcat
#undef sprintf
#ifndef __cplusplus
#pragma GCC poison strcpy strcat sprintf strtok gets atoi atol alloca
#endif

#endif
