/* md5 passwords, against values computed elsewhere. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "../../proxy/wire/md5auth.h"
#include "../../replication/base/err.h"

static const uint8_t salt[MD5AUTH_SALT] = {1, 2, 3, 0xff};

static void test_hash(void **state)
{
    (void)state;
    char out[MD5AUTH_ROOM];
    assert_int_equal(md5auth_hash("alice", "secret", out), 0);
    assert_string_equal(out, "md54a0a68b43b6cd5cf266fa02f196e2371");
    assert_true(md5auth_is_hash(out));
    assert_int_equal(md5auth_hash("", "", out), 0);
    assert_string_equal(out, "md5d41d8cd98f00b204e9800998ecf8427e");
}

static void test_response(void **state)
{
    (void)state;
    char hash[MD5AUTH_ROOM], out[MD5AUTH_ROOM];
    assert_int_equal(md5auth_hash("alice", "secret", hash), 0);
    assert_int_equal(md5auth_response(hash, salt, out), 0);
    assert_string_equal(out, "md55f0388cdae34fff99488f7c4c4a91735");
    assert_int_equal(md5auth_verify(hash, salt, out), 0);
}

static void test_verify_wrong(void **state)
{
    (void)state;
    char hash[MD5AUTH_ROOM], good[MD5AUTH_ROOM];
    assert_int_equal(md5auth_hash("alice", "secret", hash), 0);
    assert_int_equal(md5auth_response(hash, salt, good), 0);
    for (size_t i = 0; i < MD5AUTH_TEXT; i++) {
        char bad[MD5AUTH_ROOM];
        memcpy(bad, good, sizeof(bad));
        bad[i] ^= 1;
        assert_int_equal(md5auth_verify(hash, salt, bad), ERR_AUTH);
        bad[i] = '\0';
        assert_int_equal(md5auth_verify(hash, salt, bad), ERR_AUTH);
    }
    char longer[MD5AUTH_ROOM + 1];
    memcpy(longer, good, MD5AUTH_TEXT);
    memcpy(longer + MD5AUTH_TEXT, "0", 2);
    assert_int_equal(md5auth_verify(hash, salt, longer), ERR_AUTH);
    /* The stored hash is no response to a salt. */
    assert_int_equal(md5auth_verify(hash, salt, hash), ERR_AUTH);
    const uint8_t other[MD5AUTH_SALT] = {1, 2, 3, 0xfe};
    assert_int_equal(md5auth_verify(hash, other, good), ERR_AUTH);
}

static void test_not_a_hash(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "md5",
        "secret",
        "md5d41d8cd98f00b204e9800998ecf8427",
        "md5d41d8cd98f00b204e9800998ecf8427e0",
        "MD5d41d8cd98f00b204e9800998ecf8427e",
        "md5D41d8cd98f00b204e9800998ecf8427e",
        "md5g41d8cd98f00b204e9800998ecf8427e",
        "SCRAM-SHA-256$4096:c2FsdA==$a:b",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char out[MD5AUTH_ROOM];
        assert_false(md5auth_is_hash(rows[i]));
        assert_int_equal(md5auth_response(rows[i], salt, out), ERR_INVALID);
        assert_int_equal(md5auth_verify(rows[i], salt, "md5x"), ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_response),
        cmocka_unit_test(test_verify_wrong),
        cmocka_unit_test(test_not_a_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
