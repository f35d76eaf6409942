/* Primitives against published vectors; base64 round trips and every kind of malformed text. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "../../proxy/wire/crypto.h"
#include "../../replication/base/err.h"

static void unhex(const char *hex, uint8_t *out)
{
    for (; *hex; hex += 2) {
        uint8_t v = 0;
        for (int i = 0; i < 2; i++)
            v = (uint8_t)(v << 4 | (hex[i] <= '9' ? hex[i] - '0' : hex[i] - 'a' + 10));
        *out++ = v;
    }
}

static void assert_hex(const uint8_t *got, const char *hex)
{
    uint8_t want[CRYPTO_KEY];
    assert_int_equal(strlen(hex), 2 * CRYPTO_KEY);
    unhex(hex, want);
    assert_memory_equal(got, want, CRYPTO_KEY);
}

static void test_sha256(void **state)
{
    (void)state;
    uint8_t out[CRYPTO_KEY]; /* FIPS 180-4 examples */
    assert_int_equal(crypto_sha256("", 0, out), 0);
    assert_hex(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(crypto_sha256("abc", 3, out), 0);
    assert_hex(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_hmac(void **state)
{
    (void)state;
    /* RFC 4231 case 1: a key of 20 bytes 0x0b; zero padding makes it the same as one of 32 bytes. */
    struct crypto_key key = {{0}};
    memset(key.b, 0x0b, 20);
    uint8_t out[CRYPTO_KEY];
    assert_int_equal(crypto_hmac(&key, "Hi There", 8, out), 0);
    assert_hex(out, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
}

static void test_pbkdf2(void **state)
{
    (void)state;
    struct crypto_key out; /* RFC 7914, section 11 gives 64 bytes; ours is the first block */
    const struct slice salt = {"salt", 4};
    assert_int_equal(crypto_pbkdf2(slice_of("passwd"), salt, 1, &out), 0);
    assert_hex(out.b, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc");
    assert_int_equal(crypto_pbkdf2(slice_of("Password"), slice_of("NaCl"), 80000, &out), 0);
    assert_hex(out.b, "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56");
    assert_int_equal(crypto_pbkdf2((struct slice){0}, salt, 1, &out), 0);
    assert_int_equal(crypto_pbkdf2(slice_of("x"), salt, 0, &out), ERR_INVALID);
    assert_int_equal(crypto_pbkdf2(slice_of("x"), salt, 0x80000000, &out), ERR_INVALID);
}

static void test_md5(void **state)
{
    (void)state;
    char out[CRYPTO_MD5_HEX + 1]; /* RFC 1321 */
    assert_int_equal(crypto_md5_hex(slice_of("message "), slice_of("digest"), out), 0);
    assert_string_equal(out, "f96b697d7cb7938d525a2f31aaf161d0");
    assert_int_equal(crypto_md5_hex((struct slice){0}, slice_of("abc"), out), 0);
    assert_string_equal(out, "900150983cd24fb0d6963f7d28e17f72");
}

static void test_random_equal_wipe(void **state)
{
    (void)state;
    uint8_t a[32] = {0}, b[32] = {0}, zero[32] = {0};
    assert_true(crypto_equal(a, b, sizeof(a)));
    assert_int_equal(crypto_random(a, sizeof(a)), 0);
    assert_int_equal(crypto_random(b, sizeof(b)), 0);
    assert_false(crypto_equal(a, b, sizeof(a)));
    assert_false(crypto_equal(a, zero, sizeof(a)));
    crypto_wipe(a, sizeof(a));
    assert_true(crypto_equal(a, zero, sizeof(a)));
    assert_true(crypto_equal(a, b, 0));
}

static void test_base64_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *plain, *text;
    } rows[] = {{"", ""},
                {"f", "Zg=="},
                {"fo", "Zm8="},
                {"foo", "Zm9v"}, /* RFC 4648 */
                {"foob", "Zm9vYg=="},
                {"fooba", "Zm9vYmE="},
                {"foobar", "Zm9vYmFy"},
                {"\xfb\xff\xfe", "+//+"},
                {"n,,", "biws"},
                {"y,,", "eSws"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[32];
        uint8_t plain[32];
        size_t n = 99;
        const size_t len = strlen(rows[i].plain);
        assert_int_equal(crypto_base64_encode(rows[i].plain, len, text), strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
        assert_int_equal(crypto_base64_decode(slice_of(text), plain, len, &n), 0);
        assert_int_equal(n, len);
        assert_memory_equal(plain, rows[i].plain, len);
        if (len > 0)
            assert_int_equal(crypto_base64_decode(slice_of(text), plain, len - 1, &n), ERR_LIMIT);
    }
}

static void test_base64_round_trip(void **state)
{
    (void)state;
    uint8_t in[256], out[256];
    char text[CRYPTO_BASE64_ROOM(sizeof(in))];
    for (size_t i = 0; i < sizeof(in); i++)
        in[i] = (uint8_t)(i * 167 + 13);
    for (size_t n = 0; n <= sizeof(in); n++) {
        const size_t len = crypto_base64_encode(in, n, text);
        assert_int_equal(len + 1, CRYPTO_BASE64_ROOM(n));
        size_t got;
        assert_int_equal(crypto_base64_decode((struct slice){text, len}, out, n, &got), 0);
        assert_int_equal(got, n);
        assert_memory_equal(in, out, n);
    }
}

static void test_base64_strict(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "Z",        "Zg",   "Zg=",  "Zg===",    "=",       "==",       "====", "Z===",
        "Zg==Zg==", "Z=g=", " Zg=", "Zg= ",     "Zg\n=",   "Zm9v\n",   "Zm9-", "Zm9_",
        "Zh==",     "Zm9=", "Zg=a", "Zm8=Zm8=", "Zm\377v", "Zm9v====",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint8_t out[32];
        size_t n;
        if (crypto_base64_decode(slice_of(rows[i]), out, sizeof(out), &n) != ERR_INVALID)
            fail_msg("accepted \"%s\"", rows[i]);
    }
    /* Every byte that is no digit is refused in every place. */
    for (unsigned c = 0; c < 256; c++) {
        const bool digit = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                           (c >= '0' && c <= '9') || c == '+' || c == '/';
        for (size_t at = 0; at < 4; at++) {
            char text[] = "AAAA";
            uint8_t out[3];
            size_t n;
            text[at] = (char)c;
            const int rc = crypto_base64_decode((struct slice){text, 4}, out, sizeof(out), &n);
            /* "AAA=" is one padded text; 'A' before it has no stray bits. */
            const bool good = digit || (c == '=' && at == 3);
            assert_int_equal(rc, good ? 0 : ERR_INVALID);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_hmac),
        cmocka_unit_test(test_pbkdf2),
        cmocka_unit_test(test_md5),
        cmocka_unit_test(test_random_equal_wipe),
        cmocka_unit_test(test_base64_vectors),
        cmocka_unit_test(test_base64_round_trip),
        cmocka_unit_test(test_base64_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
