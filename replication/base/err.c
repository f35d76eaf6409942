#include "err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *err_token(int code)
{
    switch (code) {
    case 0:
        return "ok";
#define X(name, value, token) \
    case value:               \
        return token;
        ERR_CODES(X)
#undef X
    default:
        return "unknown";
    }
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX]; /* apart, because an argument may be e's own text */
    if (!e)
        return code;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    e->code = code;
    e->sqlstate[0] = '\0';
    memcpy(e->text, text, sizeof(e->text));
    return code;
}

int err_errno(struct err *e, int errnum, const char *fmt, ...)
{
    if (!e)
        return ERR_IO;
    va_list ap;
    va_start(ap, fmt);
    e->code = ERR_IO;
    e->sqlstate[0] = '\0';
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);

    char reason[128];
    size_t n = strlen(e->text);
    snprintf(e->text + n, sizeof(e->text) - n, ": %s", strerror_r(errnum, reason, sizeof(reason)));
    return e->code;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    if (!e)
        return ERR_INVALID;
    char prefix[ERR_TEXT_MAX], whole[2 * ERR_TEXT_MAX + 2];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(prefix, sizeof(prefix), fmt, ap);
    va_end(ap);
    snprintf(whole, sizeof(whole), "%s: %s", prefix, e->text);
    memcpy(e->text, whole, sizeof(e->text) - 1);
    e->text[sizeof(e->text) - 1] = '\0';
    return e->code;
}

void err_clear(struct err *e)
{
    if (e)
        memset(e, 0, sizeof(*e));
}
