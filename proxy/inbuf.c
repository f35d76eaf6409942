#include "inbuf.h"

#include <stdlib.h>
#include <string.h>

static bool grow(struct inbuf *b, size_t need)
{
    if (need <= b->cap)
        return true;
    size_t cap = b->cap ? b->cap : 1024;
    while (cap < need)
        cap *= 2;
    uint8_t *p = realloc(b->p, cap);
    if (!p)
        return false;
    b->p = p;
    b->cap = cap;
    return true;
}

uint8_t *inbuf_room(struct inbuf *b, size_t more)
{
    return grow(b, b->n + more) ? b->p + b->n : NULL;
}

bool inbuf_keep(struct inbuf *b, const uint8_t *p, size_t n)
{
    if (n == 0) {
        inbuf_free(b);
        return true;
    }
    const bool inside = b->p && p >= b->p && p < b->p + b->cap;
    if (!inside && !grow(b, n))
        return false;
    memmove(b->p, p, n);
    b->n = n;
    return true;
}

bool inbuf_prepend(struct inbuf *b, const uint8_t *p, size_t n)
{
    if (n == 0)
        return true;
    if (!grow(b, b->n + n))
        return false;
    memmove(b->p + n, b->p, b->n);
    memcpy(b->p, p, n);
    b->n += n;
    return true;
}

void inbuf_free(struct inbuf *b)
{
    free(b->p);
    *b = (struct inbuf){0};
}
