/* Readers: whatever is accepted lies within the body, ends in NUL where it promises to, and is written again as the
 * same bytes where we have the writer. First byte: which reader; the rest: the body. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../proxy/wire/decode.h"
#include "../../proxy/wire/encode.h"
#include "../../replication/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond)   \
    do {             \
        if (!(cond)) \
            abort(); \
    } while (0)

static const uint8_t *body;
static size_t body_n;

static void check_str(struct slice s)
{
    MUST(s.p >= (const char *)body && s.p + s.n < (const char *)body + body_n);
    MUST(strlen(s.p) == s.n);
}

static void check_optional(struct slice s)
{
    if (s.p)
        check_str(s);
}

static uint8_t again[1 << 16];

/* The writer's output after the header must be the body. */
static void check_same(const struct writer *w)
{
    if (!w->bad)
        MUST(w->n == body_n + 5 && memcmp(again + 5, body, body_n) == 0);
}

static unsigned check_values(struct reader values)
{
    unsigned n = 0;
    for (struct slice v; decode_value_next(&values, &v); n++)
        if (v.p)
            MUST(v.p + v.n <= (const char *)body + body_n);
    MUST(reader_done(&values));
    return n;
}

static void client_query(struct writer *w)
{
    struct slice sql;
    if (decode_query(body, body_n, &sql) == 0) {
        check_str(sql);
        encode_query_slice(w, sql);
        check_same(w);
    }
}

static void client_parse(struct writer *w)
{
    struct msg_parse m;
    if (decode_parse(body, body_n, &m) == 0) {
        check_str(m.name);
        encode_parse(w, m.name.p, m.sql, m.types, m.n_types);
        check_same(w);
    }
}

static void client_bind(struct writer *w)
{
    struct msg_bind m;
    struct msg_bind_rest r;
    if (decode_bind(body, body_n, body_n, &m) == 0) {
        check_str(m.portal);
        check_str(m.statement);
        MUST(m.rest_off + m.rest_len == body_n);
        encode_bind_head(w, m.portal.p, m.statement.p, m.rest_len);
        write_bytes(w, body + m.rest_off, m.rest_len);
        check_same(w);
        if (decode_bind_rest(body + m.rest_off, m.rest_len, &r) == 0)
            MUST(check_values(r.params) == r.n_params);
    }
    for (size_t have = 0; have < body_n && have < 64; have++)
        (void)(decode_bind(body, have, body_n, &m) == ERR_AGAIN);
}

static void client_target(struct writer *w)
{
    struct msg_target m;
    if (decode_describe(body, body_n, &m) == 0) {
        encode_describe(w, m.kind, m.name.p);
        check_same(w);
        MUST(decode_close(body, body_n, &m) == 0);
    }
}

static void client_execute(struct writer *w)
{
    struct msg_execute m;
    if (decode_execute(body, body_n, &m) == 0 && m.max_rows) {
        encode_execute(w, m.portal.p, m.max_rows);
        check_same(w);
    }
}

static void client_sasl(struct writer *w)
{
    struct msg_sasl_initial m;
    if (decode_sasl_initial(body, body_n, &m) == 0 && m.has_data) {
        encode_sasl_initial(w, m.mechanism.p, m.data);
        check_same(w);
    }
}

static void client_function_call(struct writer *w)
{
    struct msg_function_call m;
    (void)w;
    if (decode_function_call(body, body_n, &m) == 0)
        MUST(m.rest_off == 4);
}

static void server_auth(struct writer *w)
{
    struct msg_auth m;
    (void)w;
    if (decode_auth(body, body_n, &m) == 0) {
        MUST(m.rest.n + 4 == body_n);
        (void)decode_auth_offers(&m, "SCRAM-SHA-256");
    }
}

static void server_key_data(struct writer *w)
{
    struct msg_key_data m;
    if (decode_key_data(body, body_n, &m) == 0) {
        encode_key_data(w, m.pid, m.key, m.key_len);
        check_same(w);
    }
}

static void server_parameter(struct writer *w)
{
    struct msg_parameter m;
    if (decode_parameter_status(body, body_n, &m) == 0) {
        encode_parameter_status(w, m.name.p, m.value.p);
        check_same(w);
    }
}

static void server_error(struct writer *w)
{
    (void)w;
    struct msg_error m;
    struct slice s;
    if (decode_error(body, body_n, &m) == 0) {
        check_optional(m.severity);
        check_optional(m.sqlstate);
        check_optional(m.message);
        check_optional(m.detail);
        check_optional(m.hint);
        check_optional(m.routine);
    }
    for (char c = 'A'; c <= 'Z'; c++)
        if (decode_error_field(body, body_n, c, &s))
            check_str(s);
}

static void server_row(struct writer *w)
{
    (void)w;
    struct msg_row m;
    if (decode_data_row(body, body_n, &m) == 0)
        MUST(check_values(m.values) == m.n_columns);
}

static void server_rest(struct writer *w)
{
    (void)w;
    struct msg_copy copy;
    struct msg_notification note;
    uint8_t status;
    if (decode_copy_response(body, body_n, &copy) == 0)
        MUST(copy.formats + (size_t)copy.n_columns * 2 == body + body_n);
    if (decode_notification(body, body_n, &note) == 0)
        check_str(note.payload);
    if (decode_ready(body, body_n, &status) == 0)
        MUST(status == 'I' || status == 'T' || status == 'E');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(struct writer *) = {
        client_query, client_parse,         client_bind, client_target,   client_execute,
        client_sasl,  client_function_call, server_auth, server_key_data, server_parameter,
        server_error, server_row,           server_rest,
    };
    if (size == 0)
        return 0;
    body = data + 1;
    body_n = size - 1;
    struct writer w = writer_of(again, sizeof(again));
    readers[data[0] % ARRAY_LEN(readers)](&w);
    return 0;
}
