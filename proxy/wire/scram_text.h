/* What both roles of SCRAM share: attributes of messages, the signed text, the arithmetic of proofs. Private to scram.
 *
 * Pure. A message is "a=value,b=value": values have no comma, and nothing is escaped that we look at. */
#ifndef TANIST_WIRE_SCRAM_TEXT_H
#define TANIST_WIRE_SCRAM_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../replication/base/attrs.h"
#include "../../replication/base/str.h"
#include "scram.h"

/* The next attribute of *at if it has this name; moves *at behind its comma. Ends at the message's end. */
bool scram_text_attr(struct slice *at, char name, struct slice *value);

/* The next attribute whatever its name, which must be a letter: its name, or 0 when malformed or at the end. */
char scram_text_any(struct slice *at, struct slice *value);

/* A message from the peer: not empty, within SCRAM_MSG_MAX, no NUL. */
bool scram_text_ok(struct slice msg);

/* Printable ASCII without comma, 1 to SCRAM_NONCE_MAX bytes. */
bool scram_text_nonce_ok(struct slice nonce);

void scram_text_add(struct scram_auth_message *a, const char *p, size_t n);
void scram_text_adds(struct scram_auth_message *a, const char *cstr);
/* Base64 without a copy in between. n <= SCRAM_SALT_MAX. */
void scram_text_add_base64(struct scram_auth_message *a, const uint8_t *p, size_t n);

/* out = HMAC(key, signed text) */
MUST_CHECK int scram_text_sign(const struct scram_auth_message *a, const struct crypto_key *key,
                               struct crypto_key *out);

/* out = a XOR b: turns a proof and a signature into the client's key, and back. */
void scram_text_xor(const struct crypto_key *a, const struct crypto_key *b, struct crypto_key *out);

/* The base64 of exactly one key. */
MUST_CHECK int scram_text_key(struct slice base64, struct crypto_key *out);

/* Decimal, 1 to INT32_MAX. */
MUST_CHECK int scram_text_iterations(struct slice s, uint32_t *out);

/* Client key and server key from a password. */
MUST_CHECK int scram_text_derive(struct slice password, struct slice salt, uint32_t iterations,
                                 struct crypto_key *client_key, struct crypto_key *server_key);

#endif
