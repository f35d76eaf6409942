#include "encode.h"

#include <string.h>

#include "../../replication/base/bug.h"
#include "decode.h"
#include "msgtype.h"

enum { ENCODE_OID_TEXT = 25 };

void encode_header(struct writer *w, uint8_t type, uint32_t body_len)
{
    write_u8(w, type);
    write_u32(w, body_len + 4);
}

void encode_empty(struct writer *w, uint8_t type)
{
    encode_header(w, type, 0);
}

/* A message whose body is one string of the protocol. */
static void encode_string(struct writer *w, uint8_t type, struct slice s)
{
    encode_header(w, type, (uint32_t)s.n + 1);
    write_bytes(w, s.p, s.n);
    write_u8(w, 0);
}

/* A count of the protocol has 16 bits. A greater one is the caller's mistake, never input. */
static uint16_t encode_count(size_t n)
{
    BUG_ON(n > UINT16_MAX);
    return (uint16_t)n;
}

/* ---- towards clients ---- */

static void encode_auth(struct writer *w, uint32_t code, struct slice rest)
{
    encode_header(w, MSG_B_AUTHENTICATION, (uint32_t)rest.n + 4);
    write_u32(w, code);
    write_bytes(w, rest.p, rest.n);
}

void encode_auth_ok(struct writer *w)
{
    encode_auth(w, AUTH_OK, (struct slice){0});
}

void encode_auth_cleartext(struct writer *w)
{
    encode_auth(w, AUTH_CLEARTEXT, (struct slice){0});
}

void encode_auth_md5(struct writer *w, const uint8_t salt[4])
{
    encode_auth(w, AUTH_MD5, (struct slice){(const char *)salt, 4});
}

void encode_auth_sasl(struct writer *w, const char *const *mechanisms, size_t n)
{
    const size_t at = encode_begin(w, MSG_B_AUTHENTICATION);
    write_u32(w, AUTH_SASL);
    for (size_t i = 0; i < n; i++)
        write_cstr(w, mechanisms[i]);
    write_u8(w, 0);
    encode_end(w, at);
}

void encode_auth_sasl_continue(struct writer *w, struct slice data)
{
    encode_auth(w, AUTH_SASL_CONTINUE, data);
}

void encode_auth_sasl_final(struct writer *w, struct slice data)
{
    encode_auth(w, AUTH_SASL_FINAL, data);
}

void encode_parameter_status(struct writer *w, const char *name, const char *value)
{
    const size_t at = encode_begin(w, MSG_B_PARAMETER_STATUS);
    write_cstr(w, name);
    write_cstr(w, value);
    encode_end(w, at);
}

void encode_key_data(struct writer *w, uint32_t pid, const uint8_t *key, size_t key_len)
{
    encode_header(w, MSG_B_BACKEND_KEY_DATA, (uint32_t)key_len + 4);
    write_u32(w, pid);
    write_bytes(w, key, key_len);
}

void encode_ready(struct writer *w, uint8_t status)
{
    encode_header(w, MSG_B_READY_FOR_QUERY, 1);
    write_u8(w, status);
}

void encode_row_description(struct writer *w, const char *const *names, size_t n)
{
    const size_t at = encode_begin(w, MSG_B_ROW_DESCRIPTION);
    write_u16(w, encode_count(n));
    for (size_t i = 0; i < n; i++) {
        write_cstr(w, names[i]);
        write_u32(w, 0); /* no table */
        write_u16(w, 0); /* no column of it */
        write_u32(w, ENCODE_OID_TEXT);
        write_u16(w, UINT16_MAX); /* variable length */
        write_u32(w, UINT32_MAX); /* no type modifier */
        write_u16(w, 0);          /* text format */
    }
    encode_end(w, at);
}

void encode_data_row(struct writer *w, const struct slice *values, size_t n)
{
    const size_t at = encode_begin(w, MSG_B_DATA_ROW);
    write_u16(w, encode_count(n));
    for (size_t i = 0; i < n; i++) {
        write_u32(w, values[i].p ? (uint32_t)values[i].n : UINT32_MAX);
        if (values[i].p)
            write_bytes(w, values[i].p, values[i].n);
    }
    encode_end(w, at);
}

void encode_command_complete(struct writer *w, const char *tag)
{
    encode_string(w, MSG_B_COMMAND_COMPLETE, slice_of(tag));
}

void encode_empty_query(struct writer *w)
{
    encode_empty(w, MSG_B_EMPTY_QUERY_RESPONSE);
}

void encode_parse_complete(struct writer *w)
{
    encode_empty(w, MSG_B_PARSE_COMPLETE);
}

void encode_bind_complete(struct writer *w)
{
    encode_empty(w, MSG_B_BIND_COMPLETE);
}

void encode_close_complete(struct writer *w)
{
    encode_empty(w, MSG_B_CLOSE_COMPLETE);
}

void encode_no_data(struct writer *w)
{
    encode_empty(w, MSG_B_NO_DATA);
}

void encode_portal_suspended(struct writer *w)
{
    encode_empty(w, MSG_B_PORTAL_SUSPENDED);
}

void encode_parameter_description(struct writer *w, const uint32_t *types, size_t n)
{
    const size_t at = encode_begin(w, MSG_B_PARAMETER_DESCRIPTION);
    write_u16(w, encode_count(n));
    for (size_t i = 0; i < n; i++)
        write_u32(w, types[i]);
    encode_end(w, at);
}

/* ---- towards servers ---- */

void encode_query(struct writer *w, const char *sql)
{
    encode_string(w, MSG_F_QUERY, slice_of(sql));
}

void encode_query_slice(struct writer *w, struct slice sql)
{
    encode_string(w, MSG_F_QUERY, sql);
}

void encode_parse(struct writer *w, const char *name, struct slice sql, const uint8_t *types,
                  uint16_t n_types)
{
    const size_t at = encode_begin(w, MSG_F_PARSE);
    write_cstr(w, name);
    write_bytes(w, sql.p, sql.n);
    write_u8(w, 0);
    write_u16(w, n_types);
    write_bytes(w, types, (size_t)n_types * 4);
    encode_end(w, at);
}

void encode_bind_head(struct writer *w, const char *portal, const char *statement,
                      uint32_t rest_len)
{
    const size_t at = encode_begin(w, MSG_F_BIND);
    write_cstr(w, portal);
    write_cstr(w, statement);
    encode_end(w, at);
    if (!w->bad)
        put_be32(w->p + at, (uint32_t)(w->n - at) + rest_len);
}

void encode_bind_rest_empty(struct writer *w)
{
    write_u16(w, 0);
    write_u16(w, 0);
    write_u16(w, 0);
}

static void encode_target(struct writer *w, uint8_t type, uint8_t kind, const char *name)
{
    BUG_ON(kind != 'S' && kind != 'P');
    const size_t at = encode_begin(w, type);
    write_u8(w, kind);
    write_cstr(w, name);
    encode_end(w, at);
}

void encode_describe(struct writer *w, uint8_t kind, const char *name)
{
    encode_target(w, MSG_F_DESCRIBE, kind, name);
}

void encode_close(struct writer *w, uint8_t kind, const char *name)
{
    encode_target(w, MSG_F_CLOSE, kind, name);
}

void encode_execute(struct writer *w, const char *portal, uint32_t max_rows)
{
    const size_t at = encode_begin(w, MSG_F_EXECUTE);
    write_cstr(w, portal);
    write_u32(w, max_rows);
    encode_end(w, at);
}

void encode_function_call(struct writer *w, uint32_t oid)
{
    const size_t at = encode_begin(w, MSG_F_FUNCTION_CALL);
    write_u32(w, oid);
    write_u16(w, 0);
    write_u16(w, 0);
    write_u16(w, 1);
    encode_end(w, at);
}

void encode_sync(struct writer *w)
{
    encode_empty(w, MSG_F_SYNC);
}

void encode_flush(struct writer *w)
{
    encode_empty(w, MSG_F_FLUSH);
}

void encode_terminate(struct writer *w)
{
    encode_empty(w, MSG_F_TERMINATE);
}

void encode_password(struct writer *w, const char *password)
{
    encode_string(w, MSG_F_PASSWORD, slice_of(password));
}

void encode_sasl_initial(struct writer *w, const char *mechanism, struct slice data)
{
    const size_t at = encode_begin(w, MSG_F_PASSWORD);
    write_cstr(w, mechanism);
    write_u32(w, (uint32_t)data.n);
    write_bytes(w, data.p, data.n);
    encode_end(w, at);
}

void encode_sasl_response(struct writer *w, struct slice data)
{
    encode_header(w, MSG_F_PASSWORD, (uint32_t)data.n);
    write_bytes(w, data.p, data.n);
}

void encode_copy_fail(struct writer *w, const char *reason)
{
    encode_string(w, MSG_F_COPY_FAIL, slice_of(reason));
}
