#include "md5auth.h"

#include <string.h>

#include "../../replication/base/err.h"
#include "../../replication/base/str.h"
#include "crypto.h"

bool md5auth_is_hash(const char *stored)
{
    return strncmp(stored, "md5", 3) == 0 && strlen(stored) == MD5AUTH_TEXT &&
           strspn(stored + 3, "0123456789abcdef") == CRYPTO_MD5_HEX;
}

static int md5auth_text(struct slice a, struct slice b, char out[MD5AUTH_ROOM])
{
    memcpy(out, "md5", 3);
    return crypto_md5_hex(a, b, out + 3);
}

int md5auth_hash(const char *user, const char *password, char out[MD5AUTH_ROOM])
{
    return md5auth_text(slice_of(password), slice_of(user), out);
}

int md5auth_response(const char *stored, const uint8_t salt[MD5AUTH_SALT], char out[MD5AUTH_ROOM])
{
    if (!md5auth_is_hash(stored))
        return ERR_INVALID;
    return md5auth_text(slice_of(stored + 3), (struct slice){(const char *)salt, MD5AUTH_SALT},
                        out);
}

int md5auth_verify(const char *stored, const uint8_t salt[MD5AUTH_SALT], const char *response)
{
    char want[MD5AUTH_ROOM];
    const int rc = md5auth_response(stored, salt, want);
    if (rc)
        return rc;
    const bool same =
        strlen(response) == MD5AUTH_TEXT && crypto_equal(response, want, MD5AUTH_TEXT);
    crypto_wipe(want, sizeof(want));
    return same ? 0 : ERR_AUTH;
}
