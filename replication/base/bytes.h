/* Bounded big-endian cursors over caller's memory. Pure, inline.
 *
 * A reader or writer that runs out of room sets `bad` and from then on yields zeros / writes nothing, so callers
 * check once at the end. */
#ifndef TANIST_BASE_BYTES_H
#define TANIST_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t be16(const uint8_t *p)
{
    return (uint16_t)((p[0] << 8) | p[1]);
}

static inline uint32_t be32(const uint8_t *p)
{
    return ((uint32_t)p[0] << 24) | ((uint32_t)p[1] << 16) | ((uint32_t)p[2] << 8) | p[3];
}

static inline void put_be16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void put_be32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

struct reader {
    const uint8_t *p, *end;
    bool bad;
};

static inline struct reader reader_of(const void *p, size_t n)
{
    return (struct reader){.p = p, .end = (const uint8_t *)p + n, .bad = false};
}

static inline size_t reader_left(const struct reader *r)
{
    return r->bad ? 0 : (size_t)(r->end - r->p);
}

/* True when everything was consumed and nothing was missing. */
static inline bool reader_done(const struct reader *r)
{
    return !r->bad && r->p == r->end;
}

/* Borrowed pointer to the next n bytes, or NULL. */
static inline const uint8_t *read_bytes(struct reader *r, size_t n)
{
    if (r->bad || (size_t)(r->end - r->p) < n) {
        r->bad = true;
        return NULL;
    }
    const uint8_t *at = r->p;
    r->p += n;
    return at;
}

static inline uint8_t read_u8(struct reader *r)
{
    const uint8_t *p = read_bytes(r, 1);
    return p ? *p : 0;
}

static inline uint16_t read_u16(struct reader *r)
{
    const uint8_t *p = read_bytes(r, 2);
    return p ? be16(p) : 0;
}

static inline uint32_t read_u32(struct reader *r)
{
    const uint8_t *p = read_bytes(r, 4);
    return p ? be32(p) : 0;
}

/* A NUL-terminated string; returns it borrowed (with its NUL), or NULL and bad. */
static inline const char *read_cstr(struct reader *r)
{
    if (r->bad)
        return NULL;
    const uint8_t *nul = memchr(r->p, 0, (size_t)(r->end - r->p));
    if (!nul) {
        r->bad = true;
        return NULL;
    }
    const char *s = (const char *)r->p;
    r->p = nul + 1;
    return s;
}

struct writer {
    uint8_t *p;
    size_t cap, n;
    bool bad;
};

static inline struct writer writer_of(void *p, size_t cap)
{
    return (struct writer){.p = p, .cap = cap, .n = 0, .bad = false};
}

static inline void write_bytes(struct writer *w, const void *p, size_t n)
{
    if (w->bad || w->cap - w->n < n) {
        w->bad = true;
        return;
    }
    if (n)
        memcpy(w->p + w->n, p, n);
    w->n += n;
}

static inline void write_u8(struct writer *w, uint8_t v)
{
    write_bytes(w, &v, 1);
}

static inline void write_u16(struct writer *w, uint16_t v)
{
    uint8_t b[2];
    put_be16(b, v);
    write_bytes(w, b, 2);
}

static inline void write_u32(struct writer *w, uint32_t v)
{
    uint8_t b[4];
    put_be32(b, v);
    write_bytes(w, b, 4);
}

static inline void write_cstr(struct writer *w, const char *s)
{
    write_bytes(w, s, strlen(s) + 1);
}

#endif
