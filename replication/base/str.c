#include "str.h"

#include <stdio.h>
#include <string.h>

#include "bug.h"

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

struct slice slice_of(const char *cstr)
{
    return (struct slice){.p = cstr ? cstr : "", .n = cstr ? strlen(cstr) : 0};
}

struct slice slice_trim(struct slice s)
{
    while (s.n && is_space(s.p[0])) {
        s.p++;
        s.n--;
    }
    while (s.n && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool slice_eq(struct slice s, const char *cstr)
{
    return strlen(cstr) == s.n && (s.n == 0 || memcmp(s.p, cstr, s.n) == 0);
}

bool slice_ieq(struct slice s, const char *cstr)
{
    if (strlen(cstr) != s.n)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (lower(s.p[i]) != lower(cstr[i]))
            return false;
    }
    return true;
}

/* Eight bytes for each multiplication; statement texts are hashed on the hot path. */
uint64_t slice_hash(struct slice s)
{
    const uint64_t k = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t h = k ^ (s.n * UINT64_C(0xff51afd7ed558ccd));
    while (s.n >= 8) {
        uint64_t v;
        memcpy(&v, s.p, 8);
        h = (h ^ v) * k;
        h ^= h >> 32;
        s.p += 8;
        s.n -= 8;
    }
    uint64_t tail = 0;
    if (s.n)
        memcpy(&tail, s.p, s.n);
    h = (h ^ tail) * k;
    h ^= h >> 29;
    h *= UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ (h >> 32);
}

void strbuf_init(struct strbuf *b, char *p, size_t cap)
{
    BUG_ON(cap == 0);
    b->p = p;
    b->cap = cap;
    strbuf_reset(b);
}

void strbuf_reset(struct strbuf *b)
{
    b->n = 0;
    b->truncated = false;
    b->p[0] = '\0';
}

void strbuf_add(struct strbuf *b, const char *p, size_t n)
{
    const size_t room = b->cap - 1 - b->n;
    if (n > room) {
        n = room;
        b->truncated = true;
    }
    if (n)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void strbuf_addc(struct strbuf *b, char c)
{
    strbuf_add(b, &c, 1);
}

void strbuf_adds(struct strbuf *b, const char *cstr)
{
    strbuf_add(b, cstr, strlen(cstr));
}

void strbuf_vaddf(struct strbuf *b, const char *fmt, va_list ap)
{
    const size_t room = b->cap - b->n;
    const int n = vsnprintf(b->p + b->n, room, fmt, ap);
    BUG_ON(n < 0);
    if ((size_t)n >= room) {
        b->n = b->cap - 1;
        b->truncated = true;
    } else {
        b->n += (size_t)n;
    }
}

void strbuf_addf(struct strbuf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    strbuf_vaddf(b, fmt, ap);
    va_end(ap);
}

void strbuf_add_sql_literal(struct strbuf *b, const char *cstr)
{
    if (strchr(cstr, '\\'))
        strbuf_addc(b, 'E');
    strbuf_addc(b, '\'');
    for (; *cstr; cstr++) {
        if (*cstr == '\'' || *cstr == '\\')
            strbuf_addc(b, *cstr);
        strbuf_addc(b, *cstr);
    }
    strbuf_addc(b, '\'');
}

void strbuf_add_sql_ident(struct strbuf *b, const char *cstr)
{
    strbuf_addc(b, '"');
    for (; *cstr; cstr++) {
        if (*cstr == '"')
            strbuf_addc(b, '"');
        strbuf_addc(b, *cstr);
    }
    strbuf_addc(b, '"');
}

size_t str_utf8_len(const char *p, size_t n)
{
    const unsigned char *u = (const unsigned char *)p;
    if (n == 0)
        return 0;
    if (u[0] < 0x80)
        return 1;
    size_t len = u[0] >= 0xc2 && u[0] <= 0xdf   ? 2
                 : u[0] >= 0xe0 && u[0] <= 0xef ? 3
                 : u[0] >= 0xf0 && u[0] <= 0xf4 ? 4
                                                : 0;
    if (len == 0 || len > n)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return 0;
    }
    /* Overlong forms, surrogates, and above U+10FFFF show in the second byte. */
    if ((u[0] == 0xe0 && u[1] < 0xa0) || (u[0] == 0xed && u[1] > 0x9f) ||
        (u[0] == 0xf0 && u[1] < 0x90) || (u[0] == 0xf4 && u[1] > 0x8f))
        return 0;
    return len;
}

static void add_json_char(struct strbuf *b, const char *p, size_t n)
{
    const unsigned char c = (unsigned char)p[0];
    if (n == 0)
        strbuf_adds(b, "\\ufffd");
    else if (n > 1)
        strbuf_add(b, p, n);
    else if (c == '"' || c == '\\')
        strbuf_addf(b, "\\%c", c);
    else if (c == '\n')
        strbuf_adds(b, "\\n");
    else if (c == '\t')
        strbuf_adds(b, "\\t");
    else if (c == '\r')
        strbuf_adds(b, "\\r");
    else if (c < 0x20 || c == 0x7f)
        strbuf_addf(b, "\\u%04x", c);
    else
        strbuf_addc(b, (char)c);
}

void strbuf_add_conninfo(struct strbuf *b, const char *keyword, const char *value)
{
    strbuf_addf(b, "%s%s='", b->n ? " " : "", keyword);
    for (; *value; value++) {
        if (*value == '\'' || *value == '\\')
            strbuf_addc(b, '\\');
        strbuf_addc(b, *value);
    }
    strbuf_addc(b, '\'');
}

void strbuf_add_json(struct strbuf *b, const char *p, size_t n)
{
    strbuf_addc(b, '"');
    for (size_t i = 0; i < n;) {
        const size_t len = str_utf8_len(p + i, n - i);
        add_json_char(b, p + i, len);
        i += len ? len : 1;
    }
    strbuf_addc(b, '"');
}

bool str_copy(char *dst, size_t cap, const char *src)
{
    BUG_ON(cap == 0);
    const size_t n = strlen(src);
    const size_t take = n < cap ? n : cap - 1;
    memmove(dst, src, take);
    dst[take] = '\0';
    return take == n;
}

bool str_to_u64(const char *s, uint64_t *out)
{
    uint64_t v = 0;
    if (*s == '\0')
        return false;
    for (; *s; s++) {
        if (*s < '0' || *s > '9')
            return false;
        const uint64_t digit = (uint64_t)(*s - '0');
        if (v > (UINT64_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *out = v;
    return true;
}

bool str_to_i64(const char *s, int64_t *out)
{
    const bool negative = *s == '-';
    uint64_t v;
    if (!str_to_u64(s + (negative || *s == '+'), &v))
        return false;
    if (v > (uint64_t)INT64_MAX + negative)
        return false;
    /* INT64_MIN has no positive twin, so it is made from -(v - 1) - 1. */
    *out = negative && v ? -(int64_t)(v - 1) - 1 : (int64_t)v;
    return true;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    const unsigned ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Insertions, deletions, substitutions, and swaps of two neighbours (the commonest slip) count one each. */
unsigned str_distance(const char *a, const char *b, unsigned max)
{
    enum { LEN_MAX = 64 };
    const size_t na = strlen(a), nb = strlen(b);
    unsigned rows[3][LEN_MAX + 1];
    if (na > LEN_MAX || nb > LEN_MAX)
        return max + 1;

    unsigned *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= nb; j++) {
        last[j] = (unsigned)j;
        before[j] = 0;
    }
    for (size_t i = 1; i <= na; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= nb; j++) {
            row[j] = min3(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        unsigned *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[nb] > max ? max + 1 : last[nb];
}
