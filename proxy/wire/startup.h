/* The packets that begin a connection: they have a length but no type byte. Pure.
 *
 * Reads what a client may send first (also again after SSLRequest or GSSENCRequest was answered), and writes what we
 * send first to servers. Everything returned is borrowed from the packet's bytes. */
#ifndef TANIST_WIRE_STARTUP_H
#define TANIST_WIRE_STARTUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../replication/base/attrs.h"
#include "../../replication/base/bytes.h"
#include "errresp.h"

enum {
    STARTUP_PACKET_MAX =
        10000 + 4, /* whole packet; PostgreSQL's MAX_STARTUP_PACKET_LENGTH plus the length */
    STARTUP_KEY_MIN = 4,
    STARTUP_KEY_MAX = 256, /* of protocol 3.2; always 4 in 3.0 */
    STARTUP_PAIRS_MAX = 64
};

enum startup_kind {
    STARTUP_NONE = 0,
    STARTUP_MORE,       /* incomplete; nothing wrong so far */
    STARTUP_BAD,        /* answer .code with .reason, then close */
    STARTUP_SSL,        /* SSLRequest: answer 'S' or 'N' */
    STARTUP_GSSENC,     /* GSSENCRequest: answer 'N' */
    STARTUP_DIRECT_TLS, /* a TLS ClientHello without SSLRequest (sslnegotiation=direct); total is 0 */
    STARTUP_CANCEL,
    STARTUP_V3,
    STARTUP_KIND_NR
};

struct startup {
    enum startup_kind kind;
    uint32_t total; /* bytes of the packet (to be consumed); 0 if MORE or BAD */

    enum errresp_code code; /* BAD */
    const char *reason;

    uint32_t pid; /* CANCEL */
    const uint8_t *key;
    uint32_t key_len;

    uint16_t major, minor; /* V3 */
    const uint8_t *pairs;  /* V3: name\0value\0..., without the terminator */
    uint32_t pairs_len;
    uint32_t n_pairs;
    uint32_t n_pq; /* of these: names beginning with "_pq_." */
};

/* Reads the first packet from the n bytes at p. Returns out->kind. Bytes behind the packet are ignored. */
enum startup_kind startup_parse(const uint8_t *p, size_t n, struct startup *out);

/* Walks the pairs of a STARTUP_V3: `uint32_t at = 0; while (startup_next(s, &at, &name, &value))`. */
bool startup_next(const struct startup *s, uint32_t *at, const char **name, const char **value);

/* Value of a parameter, or NULL. Of several equal names the last counts, as in PostgreSQL. */
const char *startup_get(const struct startup *s, const char *name);

/* "_pq_." names are protocol options, not settings. */
bool startup_is_pq_option(const char *name);

/* True if the client must be sent NegotiateProtocolVersion when our newest is 3.minor_max and we know no options. */
bool startup_needs_negotiation(const struct startup *s, uint16_t minor_max);

/* NegotiateProtocolVersion: our newest is 3.minor_max; lists every option of s as not supported. */
void startup_write_negotiate(struct writer *w, const struct startup *s, uint16_t minor_max);

struct startup_pair {
    const char *name, *value;
};

/* A startup packet of protocol 3.minor. */
void startup_write(struct writer *w, uint16_t minor, const struct startup_pair *pairs, size_t n);
void startup_write_ssl(struct writer *w);
void startup_write_gssenc(struct writer *w);
void startup_write_cancel(struct writer *w, uint32_t pid, const uint8_t *key, size_t key_len);

/* Body of NegotiateProtocolVersion from a server. */
struct startup_negotiate {
    uint16_t minor; /* newest minor version of protocol 3 that the server offers */
    uint32_t n_options;
    const uint8_t *options; /* option\0option\0..., options the server does not know */
    size_t options_len;
};

/* 0 or ERR_PROTO. */
MUST_CHECK int startup_parse_negotiate(const uint8_t *body, size_t n,
                                       struct startup_negotiate *out);

#endif
