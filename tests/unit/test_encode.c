/* Every writer against bytes spelled out by hand, with every amount of room that is too little; then read back. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "../../proxy/wire/decode.h"
#include "../../proxy/wire/encode.h"
#include "../../proxy/wire/frame.h"

typedef void (*write_fn)(struct writer *w);

struct row {
    enum frame_dir dir;
    write_fn write;
    const char *bytes;
    size_t n;
};

static void w_auth_md5(struct writer *w)
{
    encode_auth_md5(w, (const uint8_t *)"\1\2\3\4");
}

static void w_auth_sasl(struct writer *w)
{
    static const char *const mechanisms[] = {"SCRAM-SHA-256", "X"};
    encode_auth_sasl(w, mechanisms, 2);
}

static void w_auth_sasl_continue(struct writer *w)
{
    encode_auth_sasl_continue(w, slice_of("r=1"));
}

static void w_auth_sasl_final(struct writer *w)
{
    encode_auth_sasl_final(w, slice_of("v=1"));
}

static void w_parameter_status(struct writer *w)
{
    encode_parameter_status(w, "a", "bc");
}

static void w_key_data(struct writer *w)
{
    encode_key_data(w, 0x01020304, (const uint8_t *)"keyk", 4);
}

static void w_ready(struct writer *w)
{
    encode_ready(w, 'T');
}

static void w_row_description(struct writer *w)
{
    static const char *const names[] = {"a", "bc"};
    encode_row_description(w, names, 2);
}

static void w_data_row(struct writer *w)
{
    static const struct slice values[] = {{"ab", 2}, {NULL, 0}, {"", 0}};
    encode_data_row(w, values, 3);
}

static void w_data_row_empty(struct writer *w)
{
    encode_data_row(w, NULL, 0);
}

static void w_command_complete(struct writer *w)
{
    encode_command_complete(w, "SHOW");
}

static void w_parameter_description(struct writer *w)
{
    static const uint32_t types[] = {23, 25};
    encode_parameter_description(w, types, 2);
}

static void w_query(struct writer *w)
{
    encode_query(w, "SELECT 1");
}

static void w_query_slice(struct writer *w)
{
    encode_query_slice(w, (struct slice){"SELECT 1; more", 8});
}

static void w_parse(struct writer *w)
{
    encode_parse(w, "s", (struct slice){"SELECT $1 ", 9}, (const uint8_t *)"\0\0\0\27", 1);
}

static void w_parse_no_types(struct writer *w)
{
    encode_parse(w, "", slice_of(""), NULL, 0);
}

static void w_bind(struct writer *w)
{
    encode_bind_head(w, "p", "st", ENCODE_BIND_REST_EMPTY);
    encode_bind_rest_empty(w);
}

static void w_describe(struct writer *w)
{
    encode_describe(w, 'S', "st");
}

static void w_close(struct writer *w)
{
    encode_close(w, 'P', "");
}

static void w_execute(struct writer *w)
{
    encode_execute(w, "p", 10);
}

static void w_password(struct writer *w)
{
    encode_password(w, "pw");
}

static void w_sasl_initial(struct writer *w)
{
    encode_sasl_initial(w, "M", slice_of("n,,"));
}

static void w_sasl_response(struct writer *w)
{
    encode_sasl_response(w, slice_of("c="));
}

static void w_copy_fail(struct writer *w)
{
    encode_copy_fail(w, "why");
}

#define B(s) s, sizeof(s) - 1

static const struct row rows[] = {
    {FRAME_BACKEND, encode_auth_ok, B("R\0\0\0\10\0\0\0\0")},
    {FRAME_BACKEND, encode_auth_cleartext, B("R\0\0\0\10\0\0\0\3")},
    {FRAME_BACKEND, w_auth_md5, B("R\0\0\0\14\0\0\0\5\1\2\3\4")},
    {FRAME_BACKEND, w_auth_sasl, B("R\0\0\0\31\0\0\0\12SCRAM-SHA-256\0X\0\0")},
    {FRAME_BACKEND, w_auth_sasl_continue, B("R\0\0\0\13\0\0\0\13r=1")},
    {FRAME_BACKEND, w_auth_sasl_final, B("R\0\0\0\13\0\0\0\14v=1")},
    {FRAME_BACKEND, w_parameter_status, B("S\0\0\0\11a\0bc\0")},
    {FRAME_BACKEND, w_key_data, B("K\0\0\0\14\1\2\3\4keyk")},
    {FRAME_BACKEND, w_ready, B("Z\0\0\0\5T")},
    {FRAME_BACKEND, w_row_description,
     B("T\0\0\0\57\0\2"
       "a\0\0\0\0\0\0\0\0\0\0\31\377\377\377\377\377\377\0\0"
       "bc\0\0\0\0\0\0\0\0\0\0\31\377\377\377\377\377\377\0\0")},
    {FRAME_BACKEND, w_data_row, B("D\0\0\0\24\0\3\0\0\0\2ab\377\377\377\377\0\0\0\0")},
    {FRAME_BACKEND, w_data_row_empty, B("D\0\0\0\6\0\0")},
    {FRAME_BACKEND, w_command_complete, B("C\0\0\0\11SHOW\0")},
    {FRAME_BACKEND, w_parameter_description, B("t\0\0\0\16\0\2\0\0\0\27\0\0\0\31")},
    {FRAME_BACKEND, encode_empty_query, B("I\0\0\0\4")},
    {FRAME_BACKEND, encode_parse_complete, B("1\0\0\0\4")},
    {FRAME_BACKEND, encode_bind_complete, B("2\0\0\0\4")},
    {FRAME_BACKEND, encode_close_complete, B("3\0\0\0\4")},
    {FRAME_BACKEND, encode_no_data, B("n\0\0\0\4")},
    {FRAME_BACKEND, encode_portal_suspended, B("s\0\0\0\4")},
    {FRAME_FRONTEND, w_query, B("Q\0\0\0\15SELECT 1\0")},
    {FRAME_FRONTEND, w_query_slice, B("Q\0\0\0\15SELECT 1\0")},
    {FRAME_FRONTEND, w_parse, B("P\0\0\0\26s\0SELECT $1\0\0\1\0\0\0\27")},
    {FRAME_FRONTEND, w_parse_no_types, B("P\0\0\0\10\0\0\0\0")},
    {FRAME_FRONTEND, w_bind, B("B\0\0\0\17p\0st\0\0\0\0\0\0\0")},
    {FRAME_FRONTEND, w_describe, B("D\0\0\0\10Sst\0")},
    {FRAME_FRONTEND, w_close, B("C\0\0\0\6P\0")},
    {FRAME_FRONTEND, w_execute, B("E\0\0\0\12p\0\0\0\0\12")},
    {FRAME_FRONTEND, encode_sync, B("S\0\0\0\4")},
    {FRAME_FRONTEND, encode_flush, B("H\0\0\0\4")},
    {FRAME_FRONTEND, encode_terminate, B("X\0\0\0\4")},
    {FRAME_FRONTEND, w_password, B("p\0\0\0\7pw\0")},
    {FRAME_FRONTEND, w_sasl_initial, B("p\0\0\0\15M\0\0\0\0\3n,,")},
    {FRAME_FRONTEND, w_sasl_response, B("p\0\0\0\6c=")},
    {FRAME_FRONTEND, w_copy_fail, B("f\0\0\0\10why\0")},
};

static void test_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t buf[256];
        struct writer w = writer_of(buf, sizeof(buf));
        rows[i].write(&w);
        if (w.bad || w.n != rows[i].n || memcmp(buf, rows[i].bytes, w.n) != 0)
            fail_msg("row %zu: %zu bytes", i, w.n);
        struct frame f = {0};
        assert_int_equal(frame_next(buf, w.n, rows[i].dir, &f), FRAME_OK);
        assert_int_equal(f.total, w.n);
    }
}

static void test_no_room(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t cap = 0; cap < rows[i].n; cap++) {
            uint8_t buf[256];
            memset(buf, 0x5a, sizeof(buf));
            struct writer w = writer_of(buf, cap);
            rows[i].write(&w);
            assert_true(w.bad);
            for (size_t k = cap; k < sizeof(buf); k++)
                assert_int_equal(buf[k], 0x5a);
        }
    }
}

/* Messages one after the other: each length is its own. */
static void test_row_of_messages(void **state)
{
    (void)state;
    uint8_t buf[4096];
    struct writer w = writer_of(buf, sizeof(buf));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (rows[i].dir == FRAME_BACKEND)
            rows[i].write(&w);
    assert_false(w.bad);
    size_t at = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct frame f = {0};
        if (rows[i].dir != FRAME_BACKEND)
            continue;
        assert_int_equal(frame_next(buf + at, w.n - at, FRAME_BACKEND, &f), FRAME_OK);
        assert_int_equal(f.type, rows[i].bytes[0]);
        at += f.total;
    }
    assert_int_equal(at, w.n);
}

static void test_headers(void **state)
{
    (void)state;
    uint8_t buf[16];
    struct writer w = writer_of(buf, sizeof(buf));
    encode_header(&w, MSG_F_COPY_DATA, 1000);
    encode_empty(&w, MSG_F_COPY_DONE);
    assert_int_equal(w.n, 10);
    assert_memory_equal(buf, "d\0\0\3\354c\0\0\0\4", 10);
}

static void test_read_back(void **state)
{
    (void)state;
    uint8_t buf[256];
    struct writer w = writer_of(buf, sizeof(buf));
    w_bind(&w);
    struct msg_bind b;
    struct msg_bind_rest r;
    assert_int_equal(decode_bind(buf + 5, w.n - 5, w.n - 5, &b), 0);
    assert_string_equal(b.portal.p, "p");
    assert_string_equal(b.statement.p, "st");
    assert_int_equal(b.rest_len, ENCODE_BIND_REST_EMPTY);
    assert_int_equal(decode_bind_rest(buf + 5 + b.rest_off, b.rest_len, &r), 0);

    w = writer_of(buf, sizeof(buf));
    w_auth_sasl(&w);
    struct msg_auth a;
    assert_int_equal(decode_auth(buf + 5, w.n - 5, &a), 0);
    assert_true(decode_auth_offers(&a, "SCRAM-SHA-256"));
    assert_true(decode_auth_offers(&a, "X"));
    assert_false(decode_auth_offers(&a, "SCRAM-SHA-256-PLUS"));

    w = writer_of(buf, sizeof(buf));
    w_data_row(&w);
    struct msg_row row;
    assert_int_equal(decode_data_row(buf + 5, w.n - 5, &row), 0);
    assert_int_equal(row.n_columns, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),           cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_row_of_messages), cmocka_unit_test(test_headers),
        cmocka_unit_test(test_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
