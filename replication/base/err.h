/* Errors as values: a negative code plus bounded text. Pure.
 *
 * Fallible functions return int: 0, or a negative code of enum err_code (must be checked), and put
 * detail into a caller-owned struct err. Each layer may prefix the text once with err_wrap(). */
#ifndef TANIST_BASE_ERR_H
#define TANIST_BASE_ERR_H

#include "attrs.h"

/* X(name, value, token) */
#define ERR_CODES(X)                                                                \
    X(ERR_NOMEM, -1, "out-of-memory")                                               \
    X(ERR_INVALID, -2, "invalid") /* the caller's or user's value is wrong */       \
    X(ERR_PROTO, -3, "protocol")  /* the peer broke its protocol */                 \
    X(ERR_IO, -4, "io")           /* a system call failed */                        \
    X(ERR_EOF, -5, "closed")      /* the peer closed in order */                    \
    X(ERR_TIMEOUT, -6, "timeout")                                                   \
    X(ERR_AUTH, -7, "authentication")                                               \
    X(ERR_TLS, -8, "tls")                                                           \
    X(ERR_LIMIT, -9, "limit") /* a stated bound was reached */                      \
    X(ERR_NOTFOUND, -10, "not-found")                                               \
    X(ERR_STATE, -11, "state")     /* not possible in the present state */          \
    X(ERR_SERVER, -12, "server")   /* a PostgreSQL server answered with an error */ \
    X(ERR_REFUSED, -13, "refused") /* policy says no; the text says why */          \
    X(ERR_CANCELED, -14, "canceled")                                                \
    X(ERR_AGAIN, -15, "again") /* would block; nothing was lost */

enum err_code {
#define X(name, value, token) name = (value),
    ERR_CODES(X)
#undef X
};

enum { ERR_TEXT_MAX = 256 };

struct err {
    int code;         /* 0 when no error */
    char sqlstate[6]; /* empty unless a server or the proxy gave one */
    char text[ERR_TEXT_MAX];
};

/* Stable token of a code for logs ("io"); "ok" for 0; never NULL. */
const char *err_token(int code);

/* Sets code and text (truncated to fit), returns code. e may be NULL. */
int err_set(struct err *e, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* As err_set with strerror(errnum) appended: "text: No such file or directory". */
int err_errno(struct err *e, int errnum, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Prefixes the text: "prefix: text". Returns e->code (ERR_INVALID if e is NULL). */
int err_wrap(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

void err_clear(struct err *e);

#endif
