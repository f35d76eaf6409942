#include "decode.h"

#include <string.h>

#include "../../replication/base/err.h"

/* A string of the protocol; p == NULL if there is none. */
static struct slice decode_str(struct reader *r)
{
    const char *s = read_cstr(r);
    return s ? (struct slice){s, (size_t)((const char *)r->p - s) - 1} : (struct slice){0};
}

/* n bytes; p is not NULL unless the reader is bad. */
static struct slice decode_raw(struct reader *r, size_t n)
{
    const uint8_t *p = read_bytes(r, n);
    return p ? (struct slice){(const char *)p, n} : (struct slice){0};
}

static int decode_result(const struct reader *r)
{
    return reader_done(r) ? 0 : ERR_PROTO;
}

static int decode_one_string(const uint8_t *body, size_t n, struct slice *out)
{
    struct reader r = reader_of(body, n);
    *out = decode_str(&r);
    return decode_result(&r);
}

/* Walks n values with lengths, to know that decode_value_next will not fail. */
static void decode_values_check(struct reader *r, uint16_t n)
{
    for (unsigned i = 0; i < n && !r->bad; i++) {
        const uint32_t len = read_u32(r);
        if (len != UINT32_MAX)
            (void)read_bytes(r, len);
    }
}

bool decode_value_next(struct reader *values, struct slice *out)
{
    if (reader_left(values) == 0)
        return false;
    const uint32_t len = read_u32(values);
    *out = len == UINT32_MAX ? (struct slice){0} : decode_raw(values, len);
    return !values->bad;
}

/* ---- from clients ---- */

int decode_query(const uint8_t *body, size_t n, struct slice *sql)
{
    return decode_one_string(body, n, sql);
}

int decode_parse(const uint8_t *body, size_t n, struct msg_parse *out)
{
    struct reader r = reader_of(body, n);
    out->name = decode_str(&r);
    out->sql = decode_str(&r);
    out->n_types = read_u16(&r);
    out->types = read_bytes(&r, (size_t)out->n_types * 4);
    return decode_result(&r);
}

int decode_bind(const uint8_t *body, size_t have, size_t body_len, struct msg_bind *out)
{
    /* Two counts of formats and one of parameters follow the names. */
    enum { LEAST = 6 };
    struct reader r = reader_of(body, have);
    out->portal = decode_str(&r);
    out->statement = decode_str(&r);
    if (r.bad)
        return have < body_len ? ERR_AGAIN : ERR_PROTO;
    const size_t off = (size_t)(r.p - body);
    if (body_len - off < LEAST)
        return ERR_PROTO;
    out->rest_off = (uint32_t)off;
    out->rest_len = (uint32_t)(body_len - off);
    return 0;
}

int decode_bind_rest(const uint8_t *rest, size_t n, struct msg_bind_rest *out)
{
    struct reader r = reader_of(rest, n);
    out->n_formats = read_u16(&r);
    out->formats = read_bytes(&r, (size_t)out->n_formats * 2);
    out->n_params = read_u16(&r);
    const uint8_t *params = r.p;
    decode_values_check(&r, out->n_params);
    out->params = reader_of(params, (size_t)(r.p - params));
    out->n_result_formats = read_u16(&r);
    out->result_formats = read_bytes(&r, (size_t)out->n_result_formats * 2);
    /* None, one for all, or one for each. */
    if (out->n_formats > 1 && out->n_formats != out->n_params)
        return ERR_PROTO;
    return decode_result(&r);
}

static int decode_target(const uint8_t *body, size_t n, struct msg_target *out)
{
    struct reader r = reader_of(body, n);
    out->kind = read_u8(&r);
    out->name = decode_str(&r);
    if (out->kind != 'S' && out->kind != 'P')
        return ERR_PROTO;
    return decode_result(&r);
}

int decode_describe(const uint8_t *body, size_t n, struct msg_target *out)
{
    return decode_target(body, n, out);
}

int decode_close(const uint8_t *body, size_t n, struct msg_target *out)
{
    return decode_target(body, n, out);
}

int decode_execute(const uint8_t *body, size_t n, struct msg_execute *out)
{
    struct reader r = reader_of(body, n);
    out->portal = decode_str(&r);
    out->max_rows = read_u32(&r);
    /* A negative limit means none to servers, like zero. */
    if (out->max_rows > INT32_MAX)
        out->max_rows = 0;
    return decode_result(&r);
}

int decode_copy_fail(const uint8_t *body, size_t n, struct slice *reason)
{
    return decode_one_string(body, n, reason);
}

int decode_password(const uint8_t *body, size_t n, struct slice *password)
{
    return decode_one_string(body, n, password);
}

int decode_sasl_initial(const uint8_t *body, size_t n, struct msg_sasl_initial *out)
{
    struct reader r = reader_of(body, n);
    out->mechanism = decode_str(&r);
    const uint32_t len = read_u32(&r);
    out->has_data = len != UINT32_MAX;
    out->data = out->has_data ? decode_raw(&r, len) : (struct slice){0};
    return decode_result(&r);
}

int decode_sasl_response(const uint8_t *body, size_t n, struct slice *data)
{
    *data = (struct slice){(const char *)body, n};
    return 0;
}

int decode_function_call(const uint8_t *body, size_t n, struct msg_function_call *out)
{
    struct reader r = reader_of(body, n);
    out->function_oid = read_u32(&r);
    out->rest_off = 4;
    const uint16_t n_formats = read_u16(&r);
    (void)read_bytes(&r, (size_t)n_formats * 2);
    decode_values_check(&r, read_u16(&r));
    (void)read_u16(&r); /* format of the result */
    return decode_result(&r);
}

/* ---- from servers ---- */

static bool decode_auth_mechanisms_ok(struct reader r)
{
    for (struct slice s = decode_str(&r); !r.bad; s = decode_str(&r))
        if (s.n == 0)
            return reader_done(&r);
    return false;
}

int decode_auth(const uint8_t *body, size_t n, struct msg_auth *out)
{
    struct reader r = reader_of(body, n);
    out->code = read_u32(&r);
    if (r.bad)
        return ERR_PROTO;
    const struct reader rest = r;
    out->rest = decode_raw(&r, reader_left(&r));
    bool ok = true;
    if (out->code == AUTH_OK || out->code == AUTH_CLEARTEXT)
        ok = out->rest.n == 0;
    else if (out->code == AUTH_MD5)
        ok = out->rest.n == 4;
    else if (out->code == AUTH_SASL)
        ok = decode_auth_mechanisms_ok(rest);
    return ok ? 0 : ERR_PROTO;
}

bool decode_auth_offers(const struct msg_auth *auth, const char *mechanism)
{
    if (auth->code != AUTH_SASL)
        return false;
    struct reader r = reader_of(auth->rest.p, auth->rest.n);
    for (struct slice s = decode_str(&r); !r.bad && s.n > 0; s = decode_str(&r))
        if (slice_eq(s, mechanism))
            return true;
    return false;
}

int decode_key_data(const uint8_t *body, size_t n, struct msg_key_data *out)
{
    enum { KEY_MIN = 4, KEY_MAX = 256 };
    struct reader r = reader_of(body, n);
    out->pid = read_u32(&r);
    out->key_len = (uint32_t)reader_left(&r);
    out->key = read_bytes(&r, out->key_len);
    return r.bad || out->key_len < KEY_MIN || out->key_len > KEY_MAX ? ERR_PROTO : 0;
}

int decode_parameter_status(const uint8_t *body, size_t n, struct msg_parameter *out)
{
    struct reader r = reader_of(body, n);
    out->name = decode_str(&r);
    out->value = decode_str(&r);
    return decode_result(&r);
}

int decode_ready(const uint8_t *body, size_t n, uint8_t *status)
{
    if (n != 1 || (body[0] != 'I' && body[0] != 'T' && body[0] != 'E'))
        return ERR_PROTO;
    *status = body[0];
    return 0;
}

int decode_error(const uint8_t *body, size_t n, struct msg_error *out)
{
    *out = (struct msg_error){.severity = {NULL, 0}};
    struct reader r = reader_of(body, n);
    struct slice untranslated = {0};
    for (uint8_t code = read_u8(&r); code != 0; code = read_u8(&r)) {
        const struct slice s = decode_str(&r);
        if (code == 'S')
            out->severity = s;
        else if (code == 'V')
            untranslated = s;
        else if (code == 'C')
            out->sqlstate = s;
        else if (code == 'M')
            out->message = s;
        else if (code == 'D')
            out->detail = s;
        else if (code == 'H')
            out->hint = s;
        else if (code == 'R')
            out->routine = s;
    }
    if (untranslated.p)
        out->severity = untranslated;
    return decode_result(&r);
}

bool decode_error_field(const uint8_t *body, size_t n, char code, struct slice *out)
{
    struct reader r = reader_of(body, n);
    for (uint8_t c = read_u8(&r); c != 0; c = read_u8(&r)) {
        const struct slice s = decode_str(&r);
        if (c == (uint8_t)code && s.p) {
            *out = s;
            return true;
        }
    }
    return false;
}

int decode_command_complete(const uint8_t *body, size_t n, struct slice *tag)
{
    return decode_one_string(body, n, tag);
}

int decode_notification(const uint8_t *body, size_t n, struct msg_notification *out)
{
    struct reader r = reader_of(body, n);
    out->pid = read_u32(&r);
    out->channel = decode_str(&r);
    out->payload = decode_str(&r);
    return decode_result(&r);
}

int decode_copy_response(const uint8_t *body, size_t n, struct msg_copy *out)
{
    struct reader r = reader_of(body, n);
    out->format = read_u8(&r);
    out->n_columns = read_u16(&r);
    out->formats = read_bytes(&r, (size_t)out->n_columns * 2);
    if (out->format > 1)
        return ERR_PROTO;
    return decode_result(&r);
}

int decode_data_row(const uint8_t *body, size_t n, struct msg_row *out)
{
    struct reader r = reader_of(body, n);
    out->n_columns = read_u16(&r);
    out->values = r;
    decode_values_check(&r, out->n_columns);
    return decode_result(&r);
}
