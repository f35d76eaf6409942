#include "startup.h"

#include <string.h>

#include "../../replication/base/bug.h"
#include "../../replication/base/err.h"
#include "encode.h"
#include "msgtype.h"

/* Request codes take the place of the version: major 1234, which will never exist. */
enum {
    STARTUP_CODE_CANCEL = (1234 << 16) | 5678,
    STARTUP_CODE_SSL = (1234 << 16) | 5679,
    STARTUP_CODE_GSSENC = (1234 << 16) | 5680,
    STARTUP_HEAD = 8, /* length and code */
    STARTUP_TLS_HANDSHAKE = 0x16
};

static enum startup_kind startup_bad(struct startup *out, enum errresp_code code, const char *why)
{
    out->kind = STARTUP_BAD;
    out->total = 0;
    out->code = code;
    out->reason = why;
    return STARTUP_BAD;
}

/* Checks the layout of all pairs, so that startup_next can walk them without doubt. */
static enum startup_kind startup_pairs(struct startup *out, const uint8_t *p, size_t n)
{
    struct reader r = reader_of(p, n);
    for (;;) {
        const char *name = read_cstr(&r);
        if (!name)
            return startup_bad(out, ERRRESP_PROTOCOL_VIOLATION,
                               "startup packet does not end with a terminator");
        if (*name == '\0')
            break;
        if (!read_cstr(&r))
            return startup_bad(out, ERRRESP_PROTOCOL_VIOLATION,
                               "startup packet has a parameter without a value");
        if (out->n_pairs == STARTUP_PAIRS_MAX)
            return startup_bad(out, ERRRESP_PROTOCOL_VIOLATION,
                               "startup packet has too many parameters");
        out->n_pairs++;
        out->n_pq += startup_is_pq_option(name);
    }
    if (!reader_done(&r))
        return startup_bad(out, ERRRESP_PROTOCOL_VIOLATION,
                           "startup packet has bytes behind its terminator");
    out->pairs = p;
    out->pairs_len = (uint32_t)(n - 1);
    return out->kind = STARTUP_V3;
}

static enum startup_kind startup_cancel(struct startup *out, const uint8_t *p, size_t n)
{
    if (n < 4 + STARTUP_KEY_MIN || n > 4 + STARTUP_KEY_MAX)
        return startup_bad(out, ERRRESP_PROTOCOL_VIOLATION,
                           "cancel request has a key of an impossible length");
    out->pid = be32(p);
    out->key = p + 4;
    out->key_len = (uint32_t)(n - 4);
    return out->kind = STARTUP_CANCEL;
}

static enum startup_kind startup_request(struct startup *out, enum startup_kind kind)
{
    if (out->total != STARTUP_HEAD)
        return startup_bad(out, ERRRESP_PROTOCOL_VIOLATION,
                           "encryption request has an impossible length");
    return out->kind = kind;
}

/* The whole packet is there. */
static enum startup_kind startup_body(struct startup *out, const uint8_t *p)
{
    const uint32_t code = be32(p + 4);
    const size_t rest = out->total - STARTUP_HEAD;
    if (code == STARTUP_CODE_SSL)
        return startup_request(out, STARTUP_SSL);
    if (code == STARTUP_CODE_GSSENC)
        return startup_request(out, STARTUP_GSSENC);
    if (code == STARTUP_CODE_CANCEL)
        return startup_cancel(out, p + STARTUP_HEAD, rest);
    out->major = (uint16_t)(code >> 16);
    out->minor = (uint16_t)code;
    if (out->major != 3)
        return startup_bad(out, ERRRESP_FEATURE_NOT_SUPPORTED,
                           "unsupported frontend protocol: only version 3 is supported");
    return startup_pairs(out, p + STARTUP_HEAD, rest);
}

enum startup_kind startup_parse(const uint8_t *p, size_t n, struct startup *out)
{
    *out = (struct startup){.kind = STARTUP_MORE};
    if (n == 0)
        return STARTUP_MORE;
    /* As a length this first byte would be 369 MB, so it cannot be a packet of ours. */
    if (p[0] == STARTUP_TLS_HANDSHAKE)
        return out->kind = STARTUP_DIRECT_TLS;
    /* The bound makes the two upper bytes zero: whoever speaks another protocol is told at once. */
    if (p[0] != 0 || (n > 1 && p[1] != 0))
        return startup_bad(out, ERRRESP_PROTOCOL_VIOLATION, "invalid length of startup packet");
    if (n < 4)
        return STARTUP_MORE;
    const uint32_t len = be32(p);
    if (len < STARTUP_HEAD || len > STARTUP_PACKET_MAX)
        return startup_bad(out, ERRRESP_PROTOCOL_VIOLATION, "invalid length of startup packet");
    if (n < len)
        return STARTUP_MORE;
    out->total = len;
    return startup_body(out, p);
}

bool startup_next(const struct startup *s, uint32_t *at, const char **name, const char **value)
{
    BUG_ON(s->kind != STARTUP_V3);
    struct reader r = reader_of(s->pairs + *at, s->pairs_len - *at);
    if (reader_left(&r) == 0)
        return false;
    *name = read_cstr(&r);
    *value = read_cstr(&r);
    BUG_ON(!*name || !*value);
    *at = (uint32_t)(r.p - s->pairs);
    return true;
}

const char *startup_get(const struct startup *s, const char *name)
{
    const char *found = NULL, *n, *v;
    for (uint32_t at = 0; startup_next(s, &at, &n, &v);)
        if (strcmp(n, name) == 0)
            found = v;
    return found;
}

bool startup_is_pq_option(const char *name)
{
    return strncmp(name, "_pq_.", 5) == 0;
}

bool startup_needs_negotiation(const struct startup *s, uint16_t minor_max)
{
    return s->minor > minor_max || s->n_pq > 0;
}

void startup_write_negotiate(struct writer *w, const struct startup *s, uint16_t minor_max)
{
    const size_t at = encode_begin(w, MSG_B_NEGOTIATE_PROTOCOL_VERSION);
    /* The documentation says "minor version", but servers send and libpq expects the whole version. What the client
     * asked for bounds it: libpq takes a higher one for an attack. */
    write_u16(w, 3);
    write_u16(w, s->minor < minor_max ? s->minor : minor_max);
    write_u32(w, s->n_pq);
    const char *name, *value;
    for (uint32_t i = 0; startup_next(s, &i, &name, &value);)
        if (startup_is_pq_option(name))
            write_cstr(w, name);
    encode_end(w, at);
}

void startup_write(struct writer *w, uint16_t minor, const struct startup_pair *pairs, size_t n)
{
    const size_t at = w->n;
    write_u32(w, 0);
    write_u16(w, 3);
    write_u16(w, minor);
    for (size_t i = 0; i < n; i++) {
        write_cstr(w, pairs[i].name);
        write_cstr(w, pairs[i].value);
    }
    write_u8(w, 0);
    encode_end(w, at);
}

static void startup_write_code(struct writer *w, uint32_t body_len, uint32_t code)
{
    write_u32(w, STARTUP_HEAD + body_len);
    write_u32(w, code);
}

void startup_write_ssl(struct writer *w)
{
    startup_write_code(w, 0, STARTUP_CODE_SSL);
}

void startup_write_gssenc(struct writer *w)
{
    startup_write_code(w, 0, STARTUP_CODE_GSSENC);
}

void startup_write_cancel(struct writer *w, uint32_t pid, const uint8_t *key, size_t key_len)
{
    BUG_ON(key_len < STARTUP_KEY_MIN || key_len > STARTUP_KEY_MAX);
    startup_write_code(w, (uint32_t)key_len + 4, STARTUP_CODE_CANCEL);
    write_u32(w, pid);
    write_bytes(w, key, key_len);
}

int startup_parse_negotiate(const uint8_t *body, size_t n, struct startup_negotiate *out)
{
    struct reader r = reader_of(body, n);
    const uint32_t version = read_u32(&r);
    const uint32_t n_options = read_u32(&r);
    const uint8_t *options = r.p;
    /* Each option takes at least its NUL, so a lying count ends the loop by running out of bytes. */
    for (uint32_t i = 0; i < n_options && !r.bad; i++)
        (void)read_cstr(&r);
    /* Accept the bare minor number of the documentation as well as the version that servers send. */
    if (!reader_done(&r) || (version >> 16 != 3 && version >> 16 != 0))
        return ERR_PROTO;
    *out = (struct startup_negotiate){.minor = (uint16_t)version,
                                      .n_options = n_options,
                                      .options = options,
                                      .options_len = (size_t)(r.p - options)};
    return 0;
}
