#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../replication/base/bytes.h"

static void big_endian(void **state)
{
    (void)state;
    uint8_t b[4];
    put_be16(b, 0xa1b2);
    assert_memory_equal(b, "\xa1\xb2", 2);
    assert_int_equal(be16(b), 0xa1b2);
    put_be32(b, 0xfedcba98);
    assert_memory_equal(b, "\xfe\xdc\xba\x98", 4);
    assert_int_equal(be32(b), 0xfedcba98);
}

struct all {
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    const char *s;
    const uint8_t *raw;
};

static struct all read_all(struct reader *r)
{
    struct all a;
    a.u8 = read_u8(r);
    a.u16 = read_u16(r);
    a.u32 = read_u32(r);
    a.s = read_cstr(r);
    a.raw = read_bytes(r, 2);
    return a;
}

/* One message of every kind, read whole, and cut at every byte: bad from the cut on, and never past the end. */
static void split_everywhere(void **state)
{
    (void)state;
    uint8_t whole[32];
    struct writer w = writer_of(whole, sizeof(whole));
    write_u8(&w, 0xfe);
    write_u16(&w, 0x1234);
    write_u32(&w, 0xdeadbeef);
    write_cstr(&w, "xyz");
    write_bytes(&w, "\x01\x02", 2);
    assert_false(w.bad);
    assert_int_equal(w.n, 13);

    for (size_t n = 0; n <= w.n; n++) {
        uint8_t *copy =
            malloc(n ? n : 1); /* on the heap, so that a sanitizer sees a step too far */
        assert_non_null(copy);
        memcpy(copy, whole, n);
        struct reader r = reader_of(copy, n);
        assert_int_equal(reader_left(&r), n);
        const struct all a = read_all(&r);
        assert_int_equal(r.bad, n < w.n);
        assert_int_equal(reader_done(&r), n == w.n);
        assert_int_equal(reader_left(&r), 0);
        assert_int_equal(a.u8, n >= 1 ? 0xfe : 0);
        assert_int_equal(a.u16, n >= 3 ? 0x1234 : 0);
        assert_int_equal(a.u32, n >= 7 ? 0xdeadbeef : 0);
        if (n >= 11)
            assert_string_equal(a.s, "xyz");
        else
            assert_null(a.s);
        assert_int_equal(a.raw != NULL, n == w.n);
        /* Bad stays bad, even for nothing. */
        if (r.bad) {
            assert_null(read_bytes(&r, 0));
            assert_null(read_cstr(&r));
            assert_int_equal(read_u8(&r), 0);
        }
        free(copy);
    }
}

static void writer_overflow(void **state)
{
    (void)state;
    for (size_t cap = 0; cap < 7; cap++) {
        uint8_t mem[8];
        memset(mem, 0x55, sizeof(mem));
        struct writer w = writer_of(mem, cap);
        write_u32(&w, 0);
        write_cstr(&w, "ab");
        assert_true(w.bad);
        assert_int_equal(w.n, cap < 4 ? 0 : 4);
        for (size_t i = cap; i < sizeof(mem); i++)
            assert_int_equal(mem[i], 0x55);
        write_bytes(&w, NULL, 0);
        assert_true(w.bad);
    }
    uint8_t mem[7];
    struct writer w = writer_of(mem, sizeof(mem));
    write_u32(&w, 1);
    write_cstr(&w, "ab");
    assert_false(w.bad);
    write_bytes(&w, NULL, 0);
    assert_false(w.bad);
}

static void empty(void **state)
{
    (void)state;
    struct reader r = reader_of("", 0);
    assert_true(reader_done(&r));
    assert_non_null(read_bytes(&r, 0));
    assert_true(reader_done(&r));
    assert_null(read_cstr(&r));
    assert_false(reader_done(&r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(big_endian),
        cmocka_unit_test(split_everywhere),
        cmocka_unit_test(writer_overflow),
        cmocka_unit_test(empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
