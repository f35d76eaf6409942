/* First packets: every kind, cut at every byte, with lying lengths; and our own, read back. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../proxy/wire/frame.h"
#include "../../proxy/wire/startup.h"
#include "../../replication/base/err.h"

/* Parses an exact heap copy, so that the address sanitizer sees a read behind the end. */
static enum startup_kind parse_exact(const uint8_t *p, size_t n, struct startup *out,
                                     uint8_t **copy)
{
    *copy = malloc(n ? n : 1);
    assert_non_null(*copy);
    if (n)
        memcpy(*copy, p, n);
    return startup_parse(*copy, n, out);
}

/* Every proper prefix must ask for more, the whole must be `want`, trailing bytes must not matter. */
static void check_split(const uint8_t *p, size_t n, enum startup_kind want)
{
    struct startup s;
    uint8_t *copy;
    for (size_t k = 0; k < n; k++) {
        assert_int_equal(parse_exact(p, k, &s, &copy), STARTUP_MORE);
        assert_int_equal(s.total, 0);
        free(copy);
    }
    assert_int_equal(parse_exact(p, n, &s, &copy), want);
    assert_int_equal(s.total, n);
    free(copy);
    uint8_t more[STARTUP_PACKET_MAX + 3];
    assert_true(n + 3 <= sizeof(more));
    memcpy(more, p, n);
    memset(more + n, 0xff, 3);
    assert_int_equal(startup_parse(more, n + 3, &s), want);
    assert_int_equal(s.total, n);
}

static void test_v3(void **state)
{
    (void)state;
    static const struct startup_pair pairs[] = {
        {"user", "alice"}, {"database", ""}, {"_pq_.x", "1"}, {"user", "bob"}};
    uint8_t buf[256];
    struct writer w = writer_of(buf, sizeof(buf));
    startup_write(&w, 2, pairs, ARRAY_LEN(pairs));
    assert_false(w.bad);
    check_split(buf, w.n, STARTUP_V3);

    struct startup s;
    assert_int_equal(startup_parse(buf, w.n, &s), STARTUP_V3);
    assert_int_equal(s.major, 3);
    assert_int_equal(s.minor, 2);
    assert_int_equal(s.n_pairs, 4);
    assert_int_equal(s.n_pq, 1);
    assert_string_equal(startup_get(&s, "user"), "bob"); /* the last one counts */
    assert_string_equal(startup_get(&s, "database"), "");
    assert_null(startup_get(&s, "alice"));
    const char *name, *value;
    size_t i = 0;
    for (uint32_t at = 0; startup_next(&s, &at, &name, &value); i++) {
        assert_string_equal(name, pairs[i].name);
        assert_string_equal(value, pairs[i].value);
    }
    assert_int_equal(i, ARRAY_LEN(pairs));
}

static void test_requests(void **state)
{
    (void)state;
    uint8_t buf[300];
    struct writer w = writer_of(buf, sizeof(buf));
    startup_write_ssl(&w);
    assert_memory_equal(buf, "\0\0\0\10\4\322\26\57", 8);
    check_split(buf, w.n, STARTUP_SSL);

    w = writer_of(buf, sizeof(buf));
    startup_write_gssenc(&w);
    assert_memory_equal(buf, "\0\0\0\10\4\322\26\60", 8);
    check_split(buf, w.n, STARTUP_GSSENC);

    uint8_t key[STARTUP_KEY_MAX];
    memset(key, 0xa5, sizeof(key));
    static const size_t lens[] = {4, 5, 32, 255, 256};
    for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
        w = writer_of(buf, sizeof(buf));
        startup_write_cancel(&w, 0xdeadbeef, key, lens[i]);
        assert_false(w.bad);
        check_split(buf, w.n, STARTUP_CANCEL);
        struct startup s;
        startup_parse(buf, w.n, &s);
        assert_int_equal(s.pid, 0xdeadbeef);
        assert_int_equal(s.key_len, lens[i]);
        assert_memory_equal(s.key, key, lens[i]);
    }
}

static void test_direct_tls(void **state)
{
    (void)state;
    struct startup s;
    assert_int_equal(startup_parse((const uint8_t *)"\x16\x03\x01", 1, &s), STARTUP_DIRECT_TLS);
    assert_int_equal(startup_parse((const uint8_t *)"\x16\x03\x01", 3, &s), STARTUP_DIRECT_TLS);
    assert_int_equal(s.total, 0);
}

#define BYTES(s) (const uint8_t *)(s), sizeof(s) - 1

static void test_bad(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        const uint8_t *p;
        size_t n;
        enum errresp_code code;
    } rows[] = {
        {"http", BYTES("GET / HTTP/1.0\r\n\r\n"), ERRRESP_PROTOCOL_VIOLATION},
        {"one wrong byte", BYTES("\1"), ERRRESP_PROTOCOL_VIOLATION},
        {"second byte wrong", BYTES("\0\1"), ERRRESP_PROTOCOL_VIOLATION},
        {"length 0", BYTES("\0\0\0\0"), ERRRESP_PROTOCOL_VIOLATION},
        {"length 7", BYTES("\0\0\0\7"), ERRRESP_PROTOCOL_VIOLATION},
        {"over the bound", BYTES("\0\0\x27\x15"), ERRRESP_PROTOCOL_VIOLATION},
        {"ssl with more", BYTES("\0\0\0\11\4\322\26\57x"), ERRRESP_PROTOCOL_VIOLATION},
        {"gss with more", BYTES("\0\0\0\11\4\322\26\60x"), ERRRESP_PROTOCOL_VIOLATION},
        {"cancel without key", BYTES("\0\0\0\14\4\322\26\56\0\0\0\1"), ERRRESP_PROTOCOL_VIOLATION},
        {"cancel with 3 bytes", BYTES("\0\0\0\17\4\322\26\56\0\0\0\1abc"),
         ERRRESP_PROTOCOL_VIOLATION},
        {"version 2", BYTES("\0\0\0\11\0\2\0\0\0"), ERRRESP_FEATURE_NOT_SUPPORTED},
        {"version 4", BYTES("\0\0\0\11\0\4\0\0\0"), ERRRESP_FEATURE_NOT_SUPPORTED},
        {"no terminator", BYTES("\0\0\0\10\0\3\0\0"), ERRRESP_PROTOCOL_VIOLATION},
        {"name not ended", BYTES("\0\0\0\14\0\3\0\0user"), ERRRESP_PROTOCOL_VIOLATION},
        {"name without value", BYTES("\0\0\0\15\0\3\0\0user\0"), ERRRESP_PROTOCOL_VIOLATION},
        {"value not ended", BYTES("\0\0\0\16\0\3\0\0user\0a"), ERRRESP_PROTOCOL_VIOLATION},
        {"terminator missing", BYTES("\0\0\0\17\0\3\0\0user\0a\0"), ERRRESP_PROTOCOL_VIOLATION},
        {"bytes behind", BYTES("\0\0\0\21\0\3\0\0user\0a\0\0x"), ERRRESP_PROTOCOL_VIOLATION},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct startup s;
        uint8_t *copy;
        const enum startup_kind kind = parse_exact(rows[i].p, rows[i].n, &s, &copy);
        free(copy);
        if (kind != STARTUP_BAD || s.code != rows[i].code || !s.reason || s.total)
            fail_msg("%s: kind %d code %d", rows[i].what, (int)kind, (int)s.code);
    }
}

static void test_bounds(void **state)
{
    (void)state;
    static uint8_t buf[STARTUP_PACKET_MAX + 1];
    struct startup s;
    /* The largest packet: one pair whose value fills it. */
    memset(buf, 'x', sizeof(buf));
    put_be32(buf, STARTUP_PACKET_MAX);
    put_be32(buf + 4, 3 << 16);
    buf[12] = '\0';
    buf[STARTUP_PACKET_MAX - 2] = '\0';
    buf[STARTUP_PACKET_MAX - 1] = '\0';
    assert_int_equal(startup_parse(buf, STARTUP_PACKET_MAX, &s), STARTUP_V3);
    assert_int_equal(s.n_pairs, 1);
    put_be32(buf, STARTUP_PACKET_MAX + 1);
    assert_int_equal(startup_parse(buf, sizeof(buf), &s), STARTUP_BAD);

    for (size_t n = STARTUP_PAIRS_MAX; n <= STARTUP_PAIRS_MAX + 1; n++) {
        struct startup_pair pairs[STARTUP_PAIRS_MAX + 1];
        for (size_t i = 0; i < n; i++)
            pairs[i] = (struct startup_pair){"a", "b"};
        struct writer w = writer_of(buf, sizeof(buf));
        startup_write(&w, 0, pairs, n);
        assert_int_equal(startup_parse(buf, w.n, &s),
                         n <= STARTUP_PAIRS_MAX ? STARTUP_V3 : STARTUP_BAD);
    }
}

static void negotiate(uint16_t minor, uint16_t minor_max, const struct startup_pair *pairs,
                      size_t n, struct startup_negotiate *out)
{
    static uint8_t in[512], answer[512];
    struct writer w = writer_of(in, sizeof(in));
    startup_write(&w, minor, pairs, n);
    struct startup s;
    assert_int_equal(startup_parse(in, w.n, &s), STARTUP_V3);
    assert_int_equal(startup_needs_negotiation(&s, minor_max), minor > minor_max || s.n_pq > 0);
    struct writer a = writer_of(answer, sizeof(answer));
    startup_write_negotiate(&a, &s, minor_max);
    assert_false(a.bad);
    struct frame f = {0};
    assert_int_equal(frame_next(answer, a.n, FRAME_BACKEND, &f), FRAME_OK);
    assert_int_equal(f.type, MSG_B_NEGOTIATE_PROTOCOL_VERSION);
    assert_int_equal(f.total, a.n);
    assert_int_equal(be32(answer + 5) >> 16, 3); /* the whole version, as libpq expects */
    assert_int_equal(startup_parse_negotiate(answer + 5, f.body_len, out), 0);
    /* Cut anywhere, it is refused. */
    struct startup_negotiate cut;
    for (size_t k = 0; k < f.body_len; k++)
        assert_int_equal(startup_parse_negotiate(answer + 5, k, &cut), ERR_PROTO);
    assert_int_equal(startup_parse_negotiate(answer + 5, f.body_len + 1u, &cut), ERR_PROTO);
}

static void test_negotiate(void **state)
{
    (void)state;
    static const struct startup_pair pairs[] = {{"_pq_.one", "x"}, {"user", "u"}, {"_pq_.two", ""}};
    struct startup_negotiate n;
    negotiate(2, 0, pairs + 1, 1, &n);
    assert_int_equal(n.minor, 0);
    assert_int_equal(n.n_options, 0);
    negotiate(9999, 2, pairs, 3, &n);
    assert_int_equal(n.minor, 2);
    assert_int_equal(n.n_options, 2);
    assert_int_equal(n.options_len, 18);
    assert_memory_equal(n.options, "_pq_.one\0_pq_.two", 18);
    /* Options alone also ask for an answer; it never names a version above the client's. */
    negotiate(0, 2, pairs, 1, &n);
    assert_int_equal(n.minor, 0);
    assert_int_equal(n.n_options, 1);
    /* A lying count. */
    assert_int_equal(startup_parse_negotiate(BYTES("\0\3\0\0\xff\xff\xff\xff"
                                                   "a\0"),
                                             &n),
                     ERR_PROTO);
    assert_int_equal(startup_parse_negotiate(BYTES("\0\4\0\0\0\0\0\0"), &n), ERR_PROTO);
    assert_int_equal(startup_parse_negotiate(BYTES("\0\0\0\2\0\0\0\0"), &n), 0);
    assert_int_equal(n.minor, 2);
}

static void test_no_room(void **state)
{
    (void)state;
    static const struct startup_pair pairs[] = {{"user", "alice"}};
    uint8_t buf[64];
    struct writer w = writer_of(buf, sizeof(buf));
    startup_write(&w, 0, pairs, 1);
    const size_t need = w.n;
    for (size_t cap = 0; cap < need; cap++) {
        w = writer_of(buf, cap);
        startup_write(&w, 0, pairs, 1);
        assert_true(w.bad);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_v3),         cmocka_unit_test(test_requests),
        cmocka_unit_test(test_direct_tls), cmocka_unit_test(test_bad),
        cmocka_unit_test(test_bounds),     cmocka_unit_test(test_negotiate),
        cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
