/* The few cryptographic primitives of authentication: the only file of wire/ that knows OpenSSL.
 *
 * Thread-safe. Functions that return int give 0 or ERR_STATE when the library refuses (for example MD5 in a FIPS
 * configuration). Lengths of buffers are part of each contract; nothing here allocates for the caller. */
#ifndef TANIST_WIRE_CRYPTO_H
#define TANIST_WIRE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../replication/base/attrs.h"
#include "../../replication/base/str.h"

enum { CRYPTO_KEY = 32, CRYPTO_MD5_HEX = 32 };

/* A secret of SHA-256 size. Wipe it when it is no longer needed; there is no way to format it. */
struct crypto_key {
    uint8_t b[CRYPTO_KEY];
};

MUST_CHECK int crypto_sha256(const void *p, size_t n, uint8_t out[CRYPTO_KEY]);
MUST_CHECK int crypto_hmac(const struct crypto_key *key, const void *p, size_t n,
                           uint8_t out[CRYPTO_KEY]);
/* PBKDF2 with HMAC-SHA-256 and one block: the Hi() of RFC 5802. Takes about 0.3 ms for each 1000 iterations. */
MUST_CHECK int crypto_pbkdf2(struct slice password, struct slice salt, uint32_t iterations,
                             struct crypto_key *out);
/* Lower-case hexadecimal MD5 of the two pieces one after the other, with NUL. */
MUST_CHECK int crypto_md5_hex(struct slice a, struct slice b, char out[CRYPTO_MD5_HEX + 1]);
MUST_CHECK int crypto_random(void *p, size_t n);

/* In time that does not depend on the contents. */
bool crypto_equal(const void *a, const void *b, size_t n);
/* Not removed by the optimiser. */
void crypto_wipe(void *p, size_t n);

/* Room for n bytes in base64, with the NUL. */
#define CRYPTO_BASE64_ROOM(n) ((((n) + 2) / 3) * 4 + 1)

/* Standard alphabet with padding, NUL-terminated; out must have CRYPTO_BASE64_ROOM(n) bytes. Returns the length. */
size_t crypto_base64_encode(const void *p, size_t n, char *out);
/* Strict: no white space, padding required, no stray bits. 0, ERR_INVALID, or ERR_LIMIT if it is over cap. */
MUST_CHECK int crypto_base64_decode(struct slice in, uint8_t *out, size_t cap, size_t *out_n);

#endif
