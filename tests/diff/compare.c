#include "compare.h"

#include <stdio.h>
#include <string.h>

#include "../../proxy/wire/decode.h"
#include "../../proxy/wire/frame.h"

enum { FIRST_NORMAL_OID = 16384, FIELDS = 18 /* of a column in RowDescription, behind its name */ };

const char compare_stranded[] = "a transaction must run again on the primary";

static bool same_oid(struct oids *o, uint32_t d, uint32_t p)
{
    if (d < FIRST_NORMAL_OID || p < FIRST_NORMAL_OID)
        return d == p;
    for (int i = 0; i < o->n; i++)
        if (o->direct[i] == d || o->proxied[i] == p)
            return o->direct[i] == d && o->proxied[i] == p;
    if (o->n == OIDS_MAX)
        o->n = 0;
    o->direct[o->n] = d;
    o->proxied[o->n++] = p;
    return true;
}

static bool same_columns(struct oids *o, struct reader d, struct reader p)
{
    const unsigned n = read_u16(&d);
    if (read_u16(&p) != n)
        return false;
    for (unsigned i = 0; i < n; i++) {
        const char *a = read_cstr(&d), *b = read_cstr(&p);
        const uint8_t *x = read_bytes(&d, FIELDS), *y = read_bytes(&p, FIELDS);
        if (!a || !b || !x || !y || strcmp(a, b) != 0 || !same_oid(o, be32(x), be32(y)) ||
            be16(x + 4) != be16(y + 4) || !same_oid(o, be32(x + 6), be32(y + 6)) ||
            memcmp(x + 10, y + 10, FIELDS - 10) != 0)
            return false;
    }
    return reader_done(&d) && reader_done(&p);
}

static bool same_types(struct oids *o, struct reader d, struct reader p)
{
    const unsigned n = read_u16(&d);
    if (read_u16(&p) != n)
        return false;
    for (unsigned i = 0; i < n; i++)
        if (!same_oid(o, read_u32(&d), read_u32(&p)))
            return false;
    return reader_done(&d) && reader_done(&p);
}

static bool has_code(const uint8_t *m, const char *sqlstate)
{
    struct slice code;
    return m[0] == 'E' && decode_error_field(m + FRAME_HEADER, be32(m + 1) - 4, 'C', &code) &&
           slice_eq(code, sqlstate);
}

/* In a failed transaction a server cannot be given a statement that it has not got: it says 25P02 to the hidden Parse. */
static bool hidden_parse_failed(const uint8_t *m)
{
    struct slice routine;
    return has_code(m, "25P02") &&
           decode_error_field(m + FRAME_HEADER, be32(m + 1) - 4, 'R', &routine) &&
           slice_eq(routine, "exec_parse_message");
}

/* Nor does one that cannot be analysed any more: that is told before the number of the values of a Bind is looked at, and
 * instead of a Describe's parameters. */
static bool not_analysed(const uint8_t *d, const uint8_t *p)
{
    struct slice code;
    return (d[0] == 't' || has_code(d, "08P01")) && p[0] == 'E' &&
           decode_error_field(p + FRAME_HEADER, be32(p + 1) - 4, 'C', &code) && code.n == 5 &&
           (memcmp(code.p, "42", 2) == 0 || memcmp(code.p, "3F", 2) == 0);
}

/* The snapshot of a READ ONLY transaction is a replica's, and the statement needs the primary: documented. */
static bool is_stranded(const uint8_t *m)
{
    static const char text[] = "this statement needs the primary";
    struct slice message;
    return has_code(m, "40001") &&
           decode_error_field(m + FRAME_HEADER, be32(m + 1) - 4, 'M', &message) &&
           message.n >= sizeof(text) - 1 && memcmp(message.p, text, sizeof(text) - 1) == 0;
}

static size_t next_ready(const struct buf *b, size_t at)
{
    while (at < b->n && b->p[at] != 'Z')
        at += be32(b->p + at + 1) + 1;
    return at;
}

static bool same(struct oids *o, const uint8_t *d, const uint8_t *p)
{
    const uint32_t n = be32(d + 1), m = be32(p + 1);
    if (d[0] != p[0])
        return false;
    if (d[0] == 'T')
        return same_columns(o, reader_of(d + FRAME_HEADER, n - 4),
                            reader_of(p + FRAME_HEADER, m - 4));
    if (d[0] == 't')
        return same_types(o, reader_of(d + FRAME_HEADER, n - 4),
                          reader_of(p + FRAME_HEADER, m - 4));
    return n == m && memcmp(d + 1, p + 1, n) == 0;
}

/* "Error 42601", "ReadyForQuery T": enough to tell one bug from another. */
static void describe(const struct buf *b, size_t at, char *out, size_t cap)
{
    if (at >= b->n) {
        snprintf(out, cap, "nothing");
        return;
    }
    const uint8_t *m = b->p + at;
    const size_t n = be32(m + 1) - 4;
    struct slice code;
    if ((m[0] == 'E' || m[0] == 'N') && decode_error_field(m + FRAME_HEADER, n, 'C', &code))
        snprintf(out, cap, "%s %.*s", msgtype_name(FRAME_BACKEND, m[0]), (int)code.n, code.p);
    else if (m[0] == 'Z')
        snprintf(out, cap, "%s %c", msgtype_name(FRAME_BACKEND, m[0]), m[5]);
    else if (m[0] == 'S')
        snprintf(out, cap, "%s %s", msgtype_name(FRAME_BACKEND, m[0]),
                 (const char *)m + FRAME_HEADER);
    else
        snprintf(out, cap, "%s", msgtype_name(FRAME_BACKEND, m[0]));
}

static const char *differ(const struct buf *d, const struct buf *p, const size_t at[2], char *what,
                          size_t cap)
{
    char a[96], b[96];
    describe(d, at[0], a, sizeof(a));
    describe(p, at[1], b, sizeof(b));
    snprintf(what, cap, "directly: %s; through the port: %s", a, b);
    return what;
}

const char *compare_messages(struct oids *o, const struct buf *direct, const struct buf *proxied,
                             char *what, size_t cap)
{
    size_t *at = o->at;
    at[0] = at[1] = 0;
    while (at[0] < direct->n && at[1] < proxied->n) {
        const uint8_t *d = direct->p + at[0], *p = proxied->p + at[1];
        if (!same(o, d, p) && (hidden_parse_failed(p) || not_analysed(d, p))) {
            at[0] = next_ready(direct, at[0]);
            at[1] = next_ready(proxied, at[1]);
            continue;
        }
        if (!same(o, d, p) && is_stranded(p))
            return compare_stranded;
        if (!same(o, d, p))
            return differ(direct, proxied, at, what, cap);
        at[0] += be32(d + 1) + 1;
        at[1] += be32(p + 1) + 1;
    }
    if (at[0] < direct->n || at[1] < proxied->n)
        return differ(direct, proxied, at, what, cap);
    return NULL;
}

const char *compare_notes(const struct buf *direct, const struct buf *proxied)
{
    size_t i = 0, j = 0;
    while (i < direct->n && j < proxied->n) {
        const uint8_t *d = direct->p + i, *p = proxied->p + j;
        const uint32_t n = be32(d + 1);
        /* Behind the process id. */
        if (n != be32(p + 1) || memcmp(d + FRAME_HEADER + 4, p + FRAME_HEADER + 4, n - 8) != 0)
            return "another notification";
        i += n + 1;
        j += n + 1;
    }
    return i < direct->n    ? "a notification is missing"
           : j < proxied->n ? "a notification too many"
                            : NULL;
}

/* The value of a parameter: the last one counts, as it does for every client. NULL: not there. */
static const char *parameter(const struct buf *b, const char *name)
{
    const char *value = NULL;
    for (size_t i = 0; i < b->n; i += be32(b->p + i + 1) + 1) {
        const char *at = (const char *)b->p + i + FRAME_HEADER;
        if (b->p[i] == 'S' && strcmp(at, name) == 0)
            value = at + strlen(at) + 1;
    }
    return value;
}

const char *compare_hello(const struct buf *direct, const struct buf *proxied, char *what,
                          size_t cap)
{
    const struct buf *both[2] = {direct, proxied};
    for (int k = 0; k < 2; k++) {
        for (size_t i = 0; i < both[k]->n; i += be32(both[k]->p + i + 1) + 1) {
            const char *name = (const char *)both[k]->p + i + FRAME_HEADER;
            const char *a = parameter(direct, name), *b = parameter(proxied, name);
            if (both[k]->p[i] == 'S' && a && b && strcmp(a, b) == 0)
                continue;
            snprintf(what, cap, "login: %s is %s directly, %s through the port", name,
                     a ? a : "missing", b ? b : "missing");
            return what;
        }
    }
    return NULL;
}

static bool refusal(const struct buf *b, struct msg_error *e)
{
    for (size_t i = 0; i < b->n; i += be32(b->p + i + 1) + 1)
        if (b->p[i] == 'E')
            return decode_error(b->p + i + FRAME_HEADER, be32(b->p + i + 1) - 4, e) == 0;
    return false;
}

static bool same_slice(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

const char *compare_refusal(const struct buf *direct, const struct buf *proxied)
{
    struct msg_error d, p;
    if (!refusal(direct, &d) || !refusal(proxied, &p))
        return "login: an error on one side only";
    if (!same_slice(d.severity, p.severity) || !same_slice(d.sqlstate, p.sqlstate) ||
        !same_slice(d.message, p.message) || !same_slice(d.detail, p.detail) ||
        !same_slice(d.hint, p.hint))
        return "login: another error";
    return NULL;
}
