/* Readers: good bodies give the right fields; cut at every byte, or with one more, they are refused. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../proxy/wire/decode.h"
#include "../../replication/base/err.h"

typedef int (*read_fn)(const uint8_t *body, size_t n);

#define READER(name, type)                             \
    static int r_##name(const uint8_t *body, size_t n) \
    {                                                  \
        type out;                                      \
        return decode_##name(body, n, &out);           \
    }

READER(query, struct slice)
READER(parse, struct msg_parse)
READER(bind_rest, struct msg_bind_rest)
READER(describe, struct msg_target)
READER(close, struct msg_target)
READER(execute, struct msg_execute)
READER(copy_fail, struct slice)
READER(password, struct slice)
READER(sasl_initial, struct msg_sasl_initial)
READER(function_call, struct msg_function_call)
READER(auth, struct msg_auth)
READER(key_data, struct msg_key_data)
READER(parameter_status, struct msg_parameter)
READER(ready, uint8_t)
READER(error, struct msg_error)
READER(command_complete, struct slice)
READER(notification, struct msg_notification)
READER(copy_response, struct msg_copy)
READER(data_row, struct msg_row)

static int r_bind(const uint8_t *body, size_t n)
{
    struct msg_bind out;
    return decode_bind(body, n, n, &out);
}

#define B(s) s, sizeof(s) - 1

struct row {
    const char *what;
    read_fn read;
    const char *bytes;
    size_t n;
    bool open_end; /* a longer or shorter body may be valid as well */
};

static const struct row good[] = {
    {"query", r_query, B("SELECT 1\0"), false},
    {"empty query", r_query, B("\0"), false},
    {"parse", r_parse, B("name\0SELECT $1\0\0\2\0\0\0\27\0\0\0\0"), false},
    {"parse without types", r_parse, B("\0\0\0\0"), false},
    {"bind", r_bind, B("p\0s\0\0\0\0\0\0\0"), true},
    {"bind rest", r_bind_rest, B("\0\1\0\1\0\2\0\0\0\1x\377\377\377\377\0\2\0\0\0\1"), false},
    {"bind rest, a format each", r_bind_rest, B("\0\2\0\0\0\1\0\2\0\0\0\0\0\0\0\1x\0\0"), false},
    {"describe", r_describe, B("Sname\0"), false},
    {"close", r_close, B("P\0"), false},
    {"execute", r_execute, B("portal\0\0\0\0\5"), false},
    {"copy fail", r_copy_fail, B("why\0"), false},
    {"password", r_password, B("secret\0"), false},
    {"sasl initial", r_sasl_initial, B("SCRAM-SHA-256\0\0\0\0\3n,,"), false},
    {"sasl initial without data", r_sasl_initial, B("X\0\377\377\377\377"), false},
    {"function call", r_function_call, B("\0\0\1\0\0\1\0\0\0\1\0\0\0\2ab\0\1"), false},
    {"auth ok", r_auth, B("\0\0\0\0"), false},
    {"auth cleartext", r_auth, B("\0\0\0\3"), false},
    {"auth md5", r_auth, B("\0\0\0\5salt"), false},
    {"auth sasl", r_auth, B("\0\0\0\12SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"), false},
    {"auth sasl continue", r_auth, B("\0\0\0\13r=x"), true},
    {"auth gss", r_auth, B("\0\0\0\7"), true},
    {"key data", r_key_data, B("\0\0\0\1abcd"), true},
    {"parameter status", r_parameter_status, B("TimeZone\0UTC\0"), false},
    {"ready", r_ready, B("I"), false},
    {"error", r_error, B("SERROR\0VERROR\0C42601\0Mmessage\0Ddetail\0Hhint\0Rscanner_yyerror\0\0"),
     false},
    {"error without fields", r_error, B("\0"), false},
    {"command complete", r_command_complete, B("INSERT 0 1\0"), false},
    {"notification", r_notification, B("\0\0\0\7channel\0payload\0"), false},
    {"copy response", r_copy_response, B("\1\0\2\0\1\0\1"), false},
    {"data row", r_data_row, B("\0\3\0\0\0\2ab\377\377\377\377\0\0\0\0"), false},
    {"data row without columns", r_data_row, B("\0\0"), false},
};

/* In exact heap memory, so that the address sanitizer sees a read behind the end. */
static int read_exact(read_fn read, const char *p, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    if (n)
        memcpy(copy, p, n);
    const int rc = read(copy, n);
    free(copy);
    return rc;
}

static void test_lengths(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        const struct row *r = &good[i];
        if (read_exact(r->read, r->bytes, r->n))
            fail_msg("%s: refused", r->what);
        for (size_t n = 0; n < r->n && !r->open_end; n++)
            if (read_exact(r->read, r->bytes, n) != ERR_PROTO)
                fail_msg("%s: accepted when cut to %zu bytes", r->what, n);
        for (int extra = 0; extra < 256 && !r->open_end; extra += 255) {
            char more[256];
            memcpy(more, r->bytes, r->n);
            more[r->n] = (char)extra;
            if (read_exact(r->read, more, r->n + 1) != ERR_PROTO)
                fail_msg("%s: accepted with a byte behind", r->what);
        }
    }
}

static void test_lying(void **state)
{
    (void)state;
    static const struct row bad[] = {
        {"parse: 65535 types", r_parse, B("\0\0\377\377"), false},
        {"bind: no counts", r_bind, B("p\0s\0\0\0\0\0\0"), false},
        {"bind: no statement", r_bind, B("p\0s"), false},
        {"bind rest: parameter of 2 GB", r_bind_rest, B("\0\0\0\1\177\377\377\377\0\0"), false},
        {"bind rest: length -2", r_bind_rest, B("\0\0\0\1\377\377\377\376\0\0"), false},
        {"bind rest: 65535 parameters", r_bind_rest, B("\0\0\377\377\0\0"), false},
        {"bind rest: 2 formats for 1", r_bind_rest, B("\0\2\0\0\0\0\0\1\0\0\0\0\0\0"), false},
        {"describe: kind", r_describe, B("X\0"), false},
        {"close: kind", r_close, B("s\0"), false},
        {"sasl initial: data too long", r_sasl_initial, B("X\0\0\0\0\4n,,"), false},
        {"sasl initial: data too short", r_sasl_initial, B("X\0\0\0\0\2n,,"), false},
        {"function call: argument", r_function_call, B("\0\0\1\0\0\0\0\1\177\0\0\0\0\1"), false},
        {"auth md5: long salt", r_auth, B("\0\0\0\5salt!"), false},
        {"auth ok: with more", r_auth, B("\0\0\0\0x"), false},
        {"auth sasl: no end", r_auth, B("\0\0\0\12SCRAM-SHA-256\0"), false},
        {"auth sasl: behind the end", r_auth, B("\0\0\0\12SCRAM-SHA-256\0\0x"), false},
        {"key data: 3 bytes", r_key_data, B("\0\0\0\1abc"), false},
        {"ready: status", r_ready, B("X"), false},
        {"error: no end", r_error, B("SERROR\0"), false},
        {"error: field not ended", r_error, B("SERROR"), false},
        {"copy response: format", r_copy_response, B("\2\0\0"), false},
        {"data row: value too long", r_data_row, B("\0\1\0\0\0\3ab"), false},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (read_exact(bad[i].read, bad[i].bytes, bad[i].n) != ERR_PROTO)
            fail_msg("%s: accepted", bad[i].what);
}

#define BODY(s) (const uint8_t *)(s), sizeof(s) - 1

static void test_client_fields(void **state)
{
    (void)state;
    struct slice s;
    assert_int_equal(decode_query(BODY("SELECT 1\0"), &s), 0);
    assert_int_equal(s.n, 8);
    assert_string_equal(s.p, "SELECT 1");

    struct msg_parse parse;
    assert_int_equal(decode_parse(BODY("name\0SELECT $1\0\0\1\0\0\0\27"), &parse), 0);
    assert_string_equal(parse.name.p, "name");
    assert_int_equal(parse.name.n, 4);
    assert_string_equal(parse.sql.p, "SELECT $1");
    assert_int_equal(parse.n_types, 1);
    assert_int_equal(be32(parse.types), 23);

    struct msg_target target;
    assert_int_equal(decode_describe(BODY("Pcur\0"), &target), 0);
    assert_int_equal(target.kind, 'P');
    assert_string_equal(target.name.p, "cur");

    struct msg_execute execute;
    assert_int_equal(decode_execute(BODY("p\0\0\0\0\5"), &execute), 0);
    assert_string_equal(execute.portal.p, "p");
    assert_int_equal(execute.max_rows, 5);
    assert_int_equal(decode_execute(BODY("\0\377\377\377\377"), &execute), 0);
    assert_int_equal(execute.max_rows, 0);

    struct msg_sasl_initial sasl;
    assert_int_equal(decode_sasl_initial(BODY("M\0\0\0\0\3n,,"), &sasl), 0);
    assert_true(sasl.has_data);
    assert_int_equal(sasl.data.n, 3);
    assert_memory_equal(sasl.data.p, "n,,", 3);
    assert_int_equal(decode_sasl_initial(BODY("M\0\377\377\377\377"), &sasl), 0);
    assert_false(sasl.has_data);
    assert_int_equal(decode_sasl_response(BODY("c=biws"), &s), 0);
    assert_int_equal(s.n, 6);

    struct msg_function_call call;
    assert_int_equal(decode_function_call(BODY("\0\0\3\377\0\0\0\0\0\0"), &call), 0);
    assert_int_equal(call.function_oid, 1023);
    assert_int_equal(call.rest_off, 4);
}

static void test_bind(void **state)
{
    (void)state;
    static const char body[] = "portal\0st\0\0\0\0\2\0\0\0\1x\377\377\377\377\0\0";
    const size_t n = sizeof(body) - 1, names = 10;
    struct msg_bind b;
    for (size_t have = 0; have <= n; have++) {
        const int rc = decode_bind((const uint8_t *)body, have, n, &b);
        assert_int_equal(rc, have < names ? ERR_AGAIN : 0);
        if (rc)
            continue;
        assert_string_equal(b.portal.p, "portal");
        assert_string_equal(b.statement.p, "st");
        assert_int_equal(b.rest_off, names);
        assert_int_equal(b.rest_len, n - names);
    }
    struct msg_bind_rest r;
    struct slice v;
    assert_int_equal(decode_bind_rest((const uint8_t *)body + b.rest_off, b.rest_len, &r), 0);
    assert_int_equal(r.n_params, 2);
    assert_true(decode_value_next(&r.params, &v));
    assert_int_equal(v.n, 1);
    assert_int_equal(v.p[0], 'x');
    assert_true(decode_value_next(&r.params, &v));
    assert_null(v.p);
    assert_false(decode_value_next(&r.params, &v));
    /* A gigabyte of which only the head is here. */
    assert_int_equal(decode_bind(BODY("\0\0\0\0"), 1u << 30, &b), 0);
    assert_int_equal(b.rest_len, (1u << 30) - 2);
}

static void test_server_fields(void **state)
{
    (void)state;
    struct msg_auth a;
    assert_int_equal(decode_auth(BODY("\0\0\0\5\1\2\3\4"), &a), 0);
    assert_int_equal(a.code, AUTH_MD5);
    assert_memory_equal(a.rest.p, "\1\2\3\4", 4);
    assert_false(decode_auth_offers(&a, "SCRAM-SHA-256"));
    assert_int_equal(decode_auth(BODY("\0\0\0\12SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"), &a), 0);
    assert_true(decode_auth_offers(&a, "SCRAM-SHA-256"));
    assert_false(decode_auth_offers(&a, "SCRAM-SHA"));
    assert_false(decode_auth_offers(&a, ""));

    struct msg_key_data k;
    assert_int_equal(decode_key_data(BODY("\0\0\1\0abcdefgh"), &k), 0);
    assert_int_equal(k.pid, 256);
    assert_int_equal(k.key_len, 8);
    assert_memory_equal(k.key, "abcdefgh", 8);
    uint8_t big[4 + 257] = {0};
    assert_int_equal(decode_key_data(big, sizeof(big) - 1, &k), 0);
    assert_int_equal(k.key_len, 256);
    assert_int_equal(decode_key_data(big, sizeof(big), &k), ERR_PROTO);

    struct msg_parameter p;
    assert_int_equal(decode_parameter_status(BODY("in_hot_standby\0off\0"), &p), 0);
    assert_true(slice_eq(p.name, "in_hot_standby"));
    assert_true(slice_eq(p.value, "off"));

    uint8_t status;
    assert_int_equal(decode_ready(BODY("T"), &status), 0);
    assert_int_equal(status, 'T');

    struct slice tag;
    assert_int_equal(decode_command_complete(BODY("INSERT 0 1\0"), &tag), 0);
    assert_string_equal(tag.p, "INSERT 0 1");

    struct msg_notification note;
    assert_int_equal(decode_notification(BODY("\0\0\0\7ch\0pay\0"), &note), 0);
    assert_int_equal(note.pid, 7);
    assert_string_equal(note.channel.p, "ch");
    assert_string_equal(note.payload.p, "pay");

    struct msg_copy copy;
    assert_int_equal(decode_copy_response(BODY("\1\0\2\0\1\0\1"), &copy), 0);
    assert_int_equal(copy.format, 1);
    assert_int_equal(copy.n_columns, 2);
    assert_int_equal(be16(copy.formats + 2), 1);
}

static void test_error_fields(void **state)
{
    (void)state;
    static const uint8_t body[] = "SFEHLER\0VERROR\0C40001\0Mserialisieren\0P7\0WSQL\0RSyncRep\0";
    struct msg_error e;
    assert_int_equal(decode_error(body, sizeof(body), &e), 0);
    assert_string_equal(e.severity.p, "ERROR"); /* the untranslated one */
    assert_string_equal(e.sqlstate.p, "40001");
    assert_string_equal(e.message.p, "serialisieren");
    assert_string_equal(e.routine.p, "SyncRep");
    assert_null(e.detail.p);
    assert_null(e.hint.p);
    /* Servers before 9.6 send no V. */
    assert_int_equal(decode_error(BODY("SFATAL\0C57P01\0\0"), &e), 0);
    assert_string_equal(e.severity.p, "FATAL");

    struct slice s;
    assert_true(decode_error_field(body, sizeof(body), 'P', &s));
    assert_string_equal(s.p, "7");
    assert_true(decode_error_field(body, sizeof(body), 'S', &s));
    assert_string_equal(s.p, "FEHLER");
    assert_false(decode_error_field(body, sizeof(body), 'D', &s));
    assert_false(decode_error_field(BODY("Sabc"), 'S', &s));
    assert_false(decode_error_field(BODY("Sabc\0"), 'C', &s));
}

static void test_data_row(void **state)
{
    (void)state;
    struct msg_row row;
    struct slice v;
    assert_int_equal(decode_data_row(BODY("\0\3\0\0\0\2ab\377\377\377\377\0\0\0\0"), &row), 0);
    assert_int_equal(row.n_columns, 3);
    assert_true(decode_value_next(&row.values, &v));
    assert_int_equal(v.n, 2);
    assert_memory_equal(v.p, "ab", 2);
    assert_true(decode_value_next(&row.values, &v));
    assert_null(v.p);
    assert_true(decode_value_next(&row.values, &v));
    assert_non_null(v.p); /* empty is not NULL */
    assert_int_equal(v.n, 0);
    assert_false(decode_value_next(&row.values, &v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths),       cmocka_unit_test(test_lying),
        cmocka_unit_test(test_client_fields), cmocka_unit_test(test_bind),
        cmocka_unit_test(test_server_fields), cmocka_unit_test(test_error_fields),
        cmocka_unit_test(test_data_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
