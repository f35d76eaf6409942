/* Writers for every message that we originate. Pure.
 *
 * They append to a struct writer (base/bytes.h) and never fail on the spot: check w->bad once, at the end. A message
 * that did not fit leaves the writer bad, and its bytes must not be sent. */
#ifndef TANIST_WIRE_ENCODE_H
#define TANIST_WIRE_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "../../replication/base/bytes.h"
#include "../../replication/base/str.h"

/* Any message by hand: `size_t at = encode_begin(w, type); write_...; encode_end(w, at);` */
static inline size_t encode_begin(struct writer *w, uint8_t type)
{
    write_u8(w, type);
    const size_t at = w->n;
    write_u32(w, 0);
    return at;
}

static inline void encode_end(struct writer *w, size_t at)
{
    if (!w->bad)
        put_be32(w->p + at, (uint32_t)(w->n - at));
}

/* Type and length alone, for a body that the caller forwards or appends itself. */
void encode_header(struct writer *w, uint8_t type, uint32_t body_len);
/* A message without body. */
void encode_empty(struct writer *w, uint8_t type);

/* ---- towards clients ---- */

void encode_auth_ok(struct writer *w);
void encode_auth_cleartext(struct writer *w);
void encode_auth_md5(struct writer *w, const uint8_t salt[4]);
void encode_auth_sasl(struct writer *w, const char *const *mechanisms, size_t n);
void encode_auth_sasl_continue(struct writer *w, struct slice data);
void encode_auth_sasl_final(struct writer *w, struct slice data);
void encode_parameter_status(struct writer *w, const char *name, const char *value);
void encode_key_data(struct writer *w, uint32_t pid, const uint8_t *key, size_t key_len);
void encode_ready(struct writer *w, uint8_t status);
/* Columns of type text. */
void encode_row_description(struct writer *w, const char *const *names, size_t n);
/* p == NULL is SQL NULL. */
void encode_data_row(struct writer *w, const struct slice *values, size_t n);
void encode_command_complete(struct writer *w, const char *tag);
void encode_empty_query(struct writer *w);
void encode_parse_complete(struct writer *w);
void encode_bind_complete(struct writer *w);
void encode_close_complete(struct writer *w);
void encode_no_data(struct writer *w);
void encode_portal_suspended(struct writer *w);
void encode_parameter_description(struct writer *w, const uint32_t *types, size_t n);

/* ---- towards servers ---- */

void encode_query(struct writer *w, const char *sql);
void encode_query_slice(struct writer *w, struct slice sql);
/* types: n_types big-endian OIDs as decode_parse gives them; NULL if none. */
void encode_parse(struct writer *w, const char *name, struct slice sql, const uint8_t *types,
                  uint16_t n_types);
/* Type, length and the two names of Bind; exactly rest_len bytes must follow (struct msg_bind). */
void encode_bind_head(struct writer *w, const char *portal, const char *statement,
                      uint32_t rest_len);
/* The rest of a Bind without parameters and with text results: ENCODE_BIND_REST_EMPTY bytes. */
enum { ENCODE_BIND_REST_EMPTY = 6 };
void encode_bind_rest_empty(struct writer *w);
/* kind is 'S' or 'P'. */
void encode_describe(struct writer *w, uint8_t kind, const char *name);
void encode_close(struct writer *w, uint8_t kind, const char *name);
void encode_execute(struct writer *w, const char *portal, uint32_t max_rows);
/* Without arguments, the result in binary. */
void encode_function_call(struct writer *w, uint32_t oid);
void encode_sync(struct writer *w);
void encode_flush(struct writer *w);
void encode_terminate(struct writer *w);
void encode_password(struct writer *w, const char *password);
void encode_sasl_initial(struct writer *w, const char *mechanism, struct slice data);
void encode_sasl_response(struct writer *w, struct slice data);
void encode_copy_fail(struct writer *w, const char *reason);

#endif
