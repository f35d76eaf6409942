#include "crypto.h"

#include <limits.h>
#include <string.h>

/* OpenSSL has a type of this name, which would clash with our error code. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#undef ERR_STATE

#include "../../replication/base/bug.h"
#include "../../replication/base/err.h"

int crypto_sha256(const void *p, size_t n, uint8_t out[CRYPTO_KEY])
{
    return EVP_Digest(p, n, out, NULL, EVP_sha256(), NULL) == 1 ? 0 : ERR_STATE;
}

int crypto_hmac(const struct crypto_key *key, const void *p, size_t n, uint8_t out[CRYPTO_KEY])
{
    unsigned len = CRYPTO_KEY;
    return HMAC(EVP_sha256(), key->b, CRYPTO_KEY, p, n, out, &len) ? 0 : ERR_STATE;
}

int crypto_pbkdf2(struct slice password, struct slice salt, uint32_t iterations,
                  struct crypto_key *out)
{
    if (iterations == 0 || iterations > INT_MAX || password.n > INT_MAX || salt.n > INT_MAX)
        return ERR_INVALID;
    return PKCS5_PBKDF2_HMAC(password.p ? password.p : "", (int)password.n,
                             (const unsigned char *)salt.p, (int)salt.n, (int)iterations,
                             EVP_sha256(), CRYPTO_KEY, out->b) == 1
               ? 0
               : ERR_STATE;
}

static void crypto_hex(const uint8_t *p, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++) {
        *out++ = "0123456789abcdef"[p[i] >> 4];
        *out++ = "0123456789abcdef"[p[i] & 15];
    }
    *out = '\0';
}

int crypto_md5_hex(struct slice a, struct slice b, char out[CRYPTO_MD5_HEX + 1])
{
    uint8_t digest[CRYPTO_MD5_HEX / 2];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (!ctx)
        return ERR_STATE;
    int rc = ERR_STATE;
    if (EVP_DigestInit_ex(ctx, EVP_md5(), NULL) == 1 && EVP_DigestUpdate(ctx, a.p, a.n) == 1 &&
        EVP_DigestUpdate(ctx, b.p, b.n) == 1 && EVP_DigestFinal_ex(ctx, digest, NULL) == 1) {
        crypto_hex(digest, sizeof(digest), out);
        rc = 0;
    }
    EVP_MD_CTX_free(ctx);
    return rc;
}

int crypto_random(void *p, size_t n)
{
    BUG_ON(n > INT_MAX);
    return RAND_bytes(p, (int)n) == 1 ? 0 : ERR_STATE;
}

bool crypto_equal(const void *a, const void *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}

void crypto_wipe(void *p, size_t n)
{
    OPENSSL_cleanse(p, n);
}

static const char crypto_base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t crypto_base64_encode(const void *p, size_t n, char *out)
{
    const uint8_t *in = p;
    char *o = out;
    for (size_t i = 0; i < n; i += 3) {
        const size_t left = n - i;
        const uint32_t v = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
                           (left > 2 ? in[i + 2] : 0);
        *o++ = crypto_base64_digits[v >> 18];
        *o++ = crypto_base64_digits[v >> 12 & 63];
        *o++ = left > 1 ? crypto_base64_digits[v >> 6 & 63] : '=';
        *o++ = left > 2 ? crypto_base64_digits[v & 63] : '=';
    }
    *o = '\0';
    return (size_t)(o - out);
}

/* 0..63, or 64 for anything that is no digit. By arithmetic, so that a key leaves no trace in the cache. */
static uint32_t crypto_base64_value(uint8_t c)
{
    const uint32_t upper = (uint32_t)c - 'A', lower = (uint32_t)c - 'a', digit = (uint32_t)c - '0';
    uint32_t v = 64;
    v = upper < 26 ? upper : v;
    v = lower < 26 ? lower + 26 : v;
    v = digit < 10 ? digit + 52 : v;
    v = c == '+' ? 62 : v;
    v = c == '/' ? 63 : v;
    return v;
}

int crypto_base64_decode(struct slice in, uint8_t *out, size_t cap, size_t *out_n)
{
    if (in.n % 4 != 0)
        return ERR_INVALID;
    size_t pad = 0;
    while (pad < 2 && pad < in.n && in.p[in.n - 1 - pad] == '=')
        pad++;
    const size_t n = in.n / 4 * 3 - pad;
    if (n > cap)
        return ERR_LIMIT;
    size_t at = 0;
    for (size_t i = 0; i < in.n; i += 4) {
        uint32_t v = 0, wrong = 0;
        for (size_t k = 0; k < 4; k++) {
            const bool is_pad = i + k >= in.n - pad;
            const uint32_t d = is_pad ? 0 : crypto_base64_value((uint8_t)in.p[i + k]);
            wrong |= d & 64;
            v = v << 6 | (d & 63);
        }
        if (wrong)
            return ERR_INVALID;
        for (int shift = 16; shift >= 0; shift -= 8) {
            const uint8_t byte = (uint8_t)(v >> shift);
            if (at < n)
                out[at++] = byte;
            else if (byte != 0)
                return ERR_INVALID; /* bits behind the last byte: two texts would mean the same */
        }
    }
    *out_n = n;
    return 0;
}
