/* SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding, as PostgreSQL speaks it; both roles. Pure step machines.
 *
 * Server role, towards a client: init -> first -> final. Success yields the client's own key, with which the client
 * role can log in to every node that has the same verifier: no password is ever known.
 * Client role, towards a node: init -> first -> final -> verify.
 *
 * Each step is called once, in order; after an error the object can only be wiped. Nonces come from the caller
 * (SCRAM_NONCE_RAW random bytes in base64). Passwords are used as the bytes they are: SASLprep is the identity for
 * ASCII, and we do not normalise others (PostgreSQL's clients do, so an exotic form may fail from a password; it
 * never fails from keys).
 *
 * Codes: ERR_PROTO the peer's message is malformed; ERR_AUTH the proof or signature is wrong; ERR_REFUSED asked for
 * something not offered; ERR_STATE keys do not fit this server; ERR_LIMIT a bound. */
#ifndef TANIST_WIRE_SCRAM_H
#define TANIST_WIRE_SCRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../replication/base/attrs.h"
#include "../../replication/base/bytes.h"
#include "../../replication/base/err.h"
#include "../../replication/base/str.h"
#include "crypto.h"

#define SCRAM_MECHANISM "SCRAM-SHA-256"

enum {
    SCRAM_MSG_MAX = 1024, /* of any single message, as in PostgreSQL */
    SCRAM_SALT_MAX = 64,
    SCRAM_SALT_DEFAULT = 16,
    SCRAM_NONCE_RAW = 18,
    SCRAM_NONCE_MAX = 128, /* of one side's nonce, in characters */
    SCRAM_ITERATIONS_DEFAULT = 4096,
    SCRAM_ITERATIONS_MAX = 1000000, /* we never compute more for a peer: it would stop a worker */
    SCRAM_VERIFIER_TEXT_MAX = 256   /* with NUL */
};

/* What pg_authid.rolpassword holds: SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey. */
struct scram_verifier {
    uint32_t iterations;
    uint32_t salt_len;
    uint8_t salt[SCRAM_SALT_MAX];
    struct crypto_key stored_key, server_key;
};

/* What logs in to a node without the password. Of one verifier: another salt has other keys. Secret. */
struct scram_keys {
    uint32_t iterations;
    uint32_t salt_len;
    uint8_t salt[SCRAM_SALT_MAX];
    struct crypto_key client_key, server_key;
};

bool scram_is_verifier(const char *text);
MUST_CHECK int scram_verifier_parse(const char *text, struct scram_verifier *out);
/* text has SCRAM_VERIFIER_TEXT_MAX bytes. */
void scram_verifier_format(const struct scram_verifier *v, char *text);
MUST_CHECK int scram_verifier_make(struct slice password, struct slice salt, uint32_t iterations,
                                   struct scram_verifier *out);
/* For a user that does not exist: the same salt for the same name every time, and no password fits. */
MUST_CHECK int scram_verifier_mock(const struct crypto_key *secret, const char *user,
                                   struct scram_verifier *out);
/* A password in clear against a verifier: 0 and the keys (may be NULL), or ERR_AUTH. */
MUST_CHECK int scram_verifier_check(const struct scram_verifier *v, struct slice password,
                                    struct scram_keys *keys);
void scram_verifier_wipe(struct scram_verifier *v);
void scram_keys_wipe(struct scram_keys *k);

/* The three messages that the proof signs, joined by commas. */
struct scram_auth_message {
    size_t n;
    char text[3 * SCRAM_MSG_MAX];
};

enum scram_state {
    SCRAM_NONE = 0,
    SCRAM_INIT,
    SCRAM_WAIT_FINAL,     /* server: sent server-first; client: sent client-first */
    SCRAM_WAIT_SIGNATURE, /* client: sent client-final */
    SCRAM_DONE,
    SCRAM_FAILED,
    SCRAM_STATE_NR
};

struct scram_server {
    enum scram_state state;
    bool mock;                    /* the verifier is made up: do all the work, then say no */
    char gs2;                     /* 'n' or 'y', as the client sent it */
    uint32_t nonce_at, nonce_len; /* of both nonces together, in auth.text */
    struct scram_verifier verifier;
    struct crypto_key client_key; /* once DONE */
    struct scram_auth_message auth;
};

/* Copies the verifier. */
void scram_server_init(struct scram_server *s, const struct scram_verifier *v, bool mock);
/* Takes client-first, appends server-first to out. nonce is ours: printable ASCII without comma. */
MUST_CHECK int scram_server_first(struct scram_server *s, struct slice in, const char *nonce,
                                  struct writer *out, struct err *e);
/* Takes client-final, appends server-final to out. 0 means that the client knows the password. */
MUST_CHECK int scram_server_final(struct scram_server *s, struct slice in, struct writer *out,
                                  struct err *e);
/* After success. */
void scram_server_keys(const struct scram_server *s, struct scram_keys *out);
void scram_server_wipe(struct scram_server *s);

struct scram_client {
    enum scram_state state;
    bool from_keys;
    struct slice password;        /* borrowed until scram_client_final returns */
    struct scram_keys keys;       /* given, or computed by scram_client_final */
    uint32_t nonce_at, nonce_len; /* ours, in auth.text */
    struct scram_auth_message auth;
};

/* Lends the password until scram_client_final. */
void scram_client_init_password(struct scram_client *c, struct slice password);
/* Copies the keys. */
void scram_client_init_keys(struct scram_client *c, const struct scram_keys *keys);
/* Appends client-first to out. */
MUST_CHECK int scram_client_first(struct scram_client *c, const char *nonce, struct writer *out);
/* Takes server-first, appends client-final to out. */
MUST_CHECK int scram_client_final(struct scram_client *c, struct slice in, struct writer *out,
                                  struct err *e);
/* Takes server-final: 0 when the server, too, knows the verifier. */
MUST_CHECK int scram_client_verify(struct scram_client *c, struct slice in, struct err *e);
void scram_client_wipe(struct scram_client *c);

#endif
