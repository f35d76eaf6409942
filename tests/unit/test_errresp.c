/* Errors for clients: every code, both message types, cutting of long texts. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "../../proxy/wire/decode.h"
#include "../../proxy/wire/errresp.h"
#include "../../proxy/wire/frame.h"

static uint8_t buf[ERRRESP_SIZE_MAX];

static uint8_t write_and_read(const struct errresp *e, struct msg_error *out)
{
    struct writer w = writer_of(buf, sizeof(buf));
    errresp_write(&w, e);
    assert_false(w.bad);
    struct frame f = {0};
    assert_int_equal(frame_next(buf, w.n, FRAME_BACKEND, &f), FRAME_OK);
    assert_int_equal(f.total, w.n);
    assert_int_equal(decode_error(buf + FRAME_HEADER, f.body_len, out), 0);
    struct slice s, v;
    assert_true(decode_error_field(buf + FRAME_HEADER, f.body_len, 'S', &s));
    assert_true(decode_error_field(buf + FRAME_HEADER, f.body_len, 'V', &v));
    assert_string_equal(s.p, v.p);
    return f.type;
}

static void test_every_code(void **state)
{
    (void)state;
    for (unsigned c = 1; c < ERRRESP_CODE_NR; c++) {
        const char *sqlstate = errresp_sqlstate((enum errresp_code)c);
        assert_int_equal(strlen(sqlstate), 5);
        assert_int_equal(errresp_code_of(sqlstate), c); /* hence also: no state twice */
        struct msg_error e;
        const uint8_t type =
            write_and_read(&(struct errresp){.code = (enum errresp_code)c, .message = "m"}, &e);
        assert_string_equal(e.sqlstate.p, sqlstate);
        assert_string_equal(e.message.p, "m");
        assert_null(e.detail.p);
        assert_null(e.hint.p);
        const bool error = slice_eq(e.severity, "ERROR") || slice_eq(e.severity, "FATAL");
        assert_int_equal(type, error ? 'E' : 'N');
    }
    assert_int_equal(errresp_code_of("99999"), ERRRESP_NONE);
    assert_int_equal(errresp_code_of(""), ERRRESP_NONE);
}

static void test_sqlstates(void **state)
{
    (void)state;
    assert_string_equal(errresp_sqlstate(ERRRESP_PROTOCOL_VIOLATION), "08P01");
    assert_string_equal(errresp_sqlstate(ERRRESP_RESOLUTION_UNKNOWN), "08007");
    assert_string_equal(errresp_sqlstate(ERRRESP_SERIALIZATION_FAILURE), "40001");
    assert_string_equal(errresp_sqlstate(ERRRESP_TOO_MANY_CONNECTIONS), "53300");
    assert_string_equal(errresp_sqlstate(ERRRESP_INVALID_PASSWORD), "28P01");
    assert_string_equal(errresp_sqlstate(ERRRESP_NONE), "XX000");
}

static void test_severity(void **state)
{
    (void)state;
    static const struct {
        enum errresp_severity sev;
        const char *text;
        uint8_t type;
    } rows[] = {
        {ERRRESP_SEV_DEFAULT, "FATAL", 'E'},   {ERRRESP_SEV_NOTICE, "NOTICE", 'N'},
        {ERRRESP_SEV_WARNING, "WARNING", 'N'}, {ERRRESP_SEV_ERROR, "ERROR", 'E'},
        {ERRRESP_SEV_FATAL, "FATAL", 'E'},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct msg_error e;
        const struct errresp in = {.code = ERRRESP_ADMIN_SHUTDOWN,
                                   .severity = rows[i].sev,
                                   .message = "message",
                                   .detail = "detail",
                                   .hint = "hint"};
        assert_int_equal(write_and_read(&in, &e), rows[i].type);
        assert_string_equal(e.severity.p, rows[i].text);
        assert_string_equal(e.detail.p, "detail");
        assert_string_equal(e.hint.p, "hint");
    }
}

static void test_cut(void **state)
{
    (void)state;
    char text[4000];
    struct msg_error e;
    struct errresp in = {
        .code = ERRRESP_INTERNAL_ERROR, .message = text, .detail = text, .hint = text};
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    write_and_read(&in, &e);
    assert_int_equal(e.message.n, ERRRESP_MESSAGE_MAX);
    assert_int_equal(e.detail.n, ERRRESP_DETAIL_MAX);
    assert_int_equal(e.hint.n, ERRRESP_HINT_MAX);
    text[ERRRESP_MESSAGE_MAX] = '\0';
    write_and_read(&in, &e);
    assert_int_equal(e.message.n, ERRRESP_MESSAGE_MAX);

    /* A character of four bytes that lies across the bound goes as a whole, wherever it begins. */
    for (size_t before = 0; before <= 4; before++) {
        memset(text, 'x', sizeof(text));
        const size_t at = ERRRESP_MESSAGE_MAX - before;
        memcpy(text + at, "\xf0\x9f\x90\x98y", 6);
        write_and_read(&in, &e);
        assert_int_equal(e.message.n, before == 4 ? ERRRESP_MESSAGE_MAX : at);
    }
    /* Bytes that are no UTF-8 at all are cut where the bound is. */
    memset(text, 0x80, sizeof(text));
    text[sizeof(text) - 1] = '\0';
    write_and_read(&in, &e);
    assert_int_equal(e.message.n, ERRRESP_MESSAGE_MAX);
}

static void test_no_room(void **state)
{
    (void)state;
    const struct errresp in = {.code = ERRRESP_QUERY_CANCELED, .message = "canceled"};
    struct writer w = writer_of(buf, sizeof(buf));
    errresp_write(&w, &in);
    const size_t need = w.n;
    for (size_t cap = 0; cap < need; cap++) {
        w = writer_of(buf, cap);
        errresp_write(&w, &in);
        assert_true(w.bad);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code), cmocka_unit_test(test_sqlstates),
        cmocka_unit_test(test_severity),   cmocka_unit_test(test_cut),
        cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
