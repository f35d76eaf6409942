/* PostgreSQL's md5 password exchange. Pure.
 *
 * A stored hash is "md5" and hex(md5(password, user)); the response to a salt is "md5" and hex(md5(hex, salt)), so the
 * stored hash alone is enough to log in. */
#ifndef TANIST_WIRE_MD5AUTH_H
#define TANIST_WIRE_MD5AUTH_H

#include <stdbool.h>
#include <stdint.h>

#include "../../replication/base/attrs.h"

enum { MD5AUTH_TEXT = 35, MD5AUTH_ROOM = MD5AUTH_TEXT + 1, MD5AUTH_SALT = 4 };

/* Whether a stored password is an md5 hash ("md5" and 32 hexadecimal digits). */
bool md5auth_is_hash(const char *stored);

MUST_CHECK int md5auth_hash(const char *user, const char *password, char out[MD5AUTH_ROOM]);

/* The response from a stored hash; ERR_INVALID if it is none. */
MUST_CHECK int md5auth_response(const char *stored, const uint8_t salt[MD5AUTH_SALT],
                                char out[MD5AUTH_ROOM]);

/* A client's response against the stored hash: 0, ERR_AUTH, or ERR_INVALID if stored is no hash. */
MUST_CHECK int md5auth_verify(const char *stored, const uint8_t salt[MD5AUTH_SALT],
                              const char *response);

#endif
