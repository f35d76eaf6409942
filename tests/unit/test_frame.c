/* Framing: size rules of every type in both directions, and headers cut at every byte. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "../../proxy/wire/frame.h"

struct row {
    uint8_t byte;
    const char *name;
    uint32_t size, least;
};

#define X(NAME, byte, name, size, least) {byte, name, MSGTYPE_##size##_MAX, least},
static const struct row frontend[] = {MSGTYPE_FRONTEND(X)};
static const struct row backend[] = {MSGTYPE_BACKEND(X)};
#undef X

static void header(uint8_t p[FRAME_HEADER], uint8_t type, uint32_t len)
{
    p[0] = type;
    put_be32(p + 1, len);
}

static void check_row(const struct row *row, enum frame_dir dir)
{
    uint8_t p[FRAME_HEADER];
    struct frame f = {0};
    const uint32_t good[] = {row->least, row->least + 1, row->size - 1, row->size};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        header(p, row->byte, good[i] + 4);
        assert_int_equal(frame_next(p, sizeof(p), dir, &f), FRAME_OK);
        assert_int_equal(f.type, row->byte);
        assert_int_equal(f.body_len, good[i]);
        assert_int_equal(f.total, good[i] + 5);
    }
    const uint32_t bad[] = {0,          1,          3,         row->least + 3, row->size + 5,
                            0x7fffffff, 0x80000000, 0xffffffff};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        header(p, row->byte, bad[i]);
        f = (struct frame){.type = 1, .body_len = 2, .total = 3};
        assert_int_equal(frame_next(p, sizeof(p), dir, &f), FRAME_BAD);
        assert_int_equal(f.type, 1); /* untouched */
        assert_string_not_equal(frame_bad_reason(p, sizeof(p), dir), "message header is valid");
    }
    assert_string_equal(msgtype_name(dir, row->byte), row->name);
}

static void test_every_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(frontend); i++)
        check_row(&frontend[i], FRAME_FRONTEND);
    for (size_t i = 0; i < ARRAY_LEN(backend); i++)
        check_row(&backend[i], FRAME_BACKEND);
}

static size_t count_known(enum frame_dir dir)
{
    size_t known = 0;
    for (unsigned b = 0; b < 256; b++) {
        uint8_t p[FRAME_HEADER];
        struct frame f;
        if (msgtype_table[dir][b].name) {
            known++;
            continue;
        }
        for (uint32_t len = 4; len < 64; len++) {
            header(p, (uint8_t)b, len);
            assert_int_equal(frame_next(p, sizeof(p), dir, &f), FRAME_BAD);
        }
        /* Not even one byte of a wrong type is waited upon. */
        assert_int_equal(frame_next(p, 1, dir, &f), FRAME_BAD);
        assert_string_equal(frame_bad_reason(p, 1, dir), "message type is unknown");
        assert_string_equal(msgtype_name(dir, (uint8_t)b), "unknown");
    }
    return known;
}

static void test_unknown_types(void **state)
{
    (void)state;
    assert_int_equal(count_known(FRAME_FRONTEND), ARRAY_LEN(frontend));
    assert_int_equal(count_known(FRAME_BACKEND), ARRAY_LEN(backend));
}

static void test_split(void **state)
{
    (void)state;
    uint8_t p[FRAME_HEADER];
    struct frame f = {0};
    header(p, MSG_F_QUERY, 20);
    for (size_t n = 0; n < FRAME_HEADER; n++) {
        assert_int_equal(frame_next(p, n, FRAME_FRONTEND, &f), FRAME_MORE);
        assert_string_equal(frame_bad_reason(p, n, FRAME_FRONTEND), "message is incomplete");
    }
    /* The header alone is enough. */
    assert_int_equal(frame_next(p, FRAME_HEADER, FRAME_FRONTEND, &f), FRAME_OK);
    assert_int_equal(f.body_len, 16);
}

static void test_reasons(void **state)
{
    (void)state;
    static const struct {
        uint8_t type;
        uint32_t len;
        const char *why;
    } rows[] = {
        {'!', 4, "message type is unknown"},
        {'Q', 3, "message length is below four"},
        {'Q', 4, "message is too short for its type"},
        {'S', MSGTYPE_SHORT_MAX + 5, "message is too long for its type"},
        {'Q', MSGTYPE_LONG_MAX + 5, "message is too long for its type"},
        {'S', 4, "message header is valid"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t p[FRAME_HEADER];
        header(p, rows[i].type, rows[i].len);
        assert_string_equal(frame_bad_reason(p, sizeof(p), FRAME_FRONTEND), rows[i].why);
    }
}

static void test_stream(void **state)
{
    (void)state;
    /* Three messages in a row are walked to the last byte. */
    const uint8_t p[] = "1\0\0\0\4"
                        "2\0\0\0\4"
                        "Z\0\0\0\5I";
    const size_t n = sizeof(p) - 1;
    struct frame f = {0};
    size_t at = 0;
    unsigned seen = 0;
    while (at < n) {
        assert_int_equal(frame_next(p + at, n - at, FRAME_BACKEND, &f), FRAME_OK);
        at += f.total;
        seen++;
    }
    assert_int_equal(at, n);
    assert_int_equal(seen, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type), cmocka_unit_test(test_unknown_types),
        cmocka_unit_test(test_split),      cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
