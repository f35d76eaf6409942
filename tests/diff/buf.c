#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../replication/base/bytes.h"

void buf_room(struct buf *b, size_t n)
{
    if (b->cap - b->n >= n)
        return;
    size_t cap = b->cap ? b->cap : 256;
    while (cap - b->n < n)
        cap *= 2;
    uint8_t *p = realloc(b->p, cap);
    if (!p)
        abort();
    b->p = p;
    b->cap = cap;
}

void buf_add(struct buf *b, const void *p, size_t n)
{
    if (n == 0)
        return;
    buf_room(b, n);
    memcpy(b->p + b->n, p, n);
    b->n += n;
}

void buf_u8(struct buf *b, unsigned v)
{
    const uint8_t c = (uint8_t)v;
    buf_add(b, &c, 1);
}

void buf_u16(struct buf *b, unsigned v)
{
    uint8_t c[2];
    put_be16(c, (uint16_t)v);
    buf_add(b, c, 2);
}

void buf_u32(struct buf *b, uint32_t v)
{
    uint8_t c[4];
    put_be32(c, v);
    buf_add(b, c, 4);
}

void buf_cstr(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s) + 1);
}

void buf_adds(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        abort();
    buf_room(b, (size_t)n + 1);
    va_start(ap, fmt);
    vsnprintf((char *)b->p + b->n, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->n += (size_t)n;
}

void buf_free(struct buf *b)
{
    free(b->p);
    *b = (struct buf){0};
}

size_t buf_begin(struct buf *b, uint8_t type)
{
    buf_u8(b, type);
    buf_u32(b, 0);
    return b->n - 4;
}

void buf_end(struct buf *b, size_t at)
{
    put_be32(b->p + at, (uint32_t)(b->n - at));
}
