#include "msgtype.h"

#define SHORT MSGTYPE_SHORT_MAX
#define LONG  MSGTYPE_LONG_MAX

/* Bytes without a row must have body_min > body_max. Naming each of them would be noise, so the range initialiser (a
 * gcc and clang extension) fills the table first and the rows override it; hence the silenced warnings. */
#if defined(__clang__)
#pragma clang diagnostic ignored "-Winitializer-overrides"
#pragma clang diagnostic ignored "-Wgnu-designator"
#else
#pragma GCC diagnostic ignored "-Woverride-init"
#pragma GCC diagnostic ignored "-Wpedantic"
#endif

const struct msgtype msgtype_table[FRAME_DIR_NR][256] = {
    [FRAME_FRONTEND] = {[0 ... 255] = {.name = NULL, .body_min = 1, .body_max = 0},
#define X(NAME, byte, text, size, least) [byte] = {text, least, size},
                        MSGTYPE_FRONTEND(X)
#undef X
    },
    [FRAME_BACKEND] = {[0 ... 255] = {.name = NULL, .body_min = 1, .body_max = 0},
#define X(NAME, byte, text, size, least) [byte] = {text, least, size},
                       MSGTYPE_BACKEND(X)
#undef X
    },
};
