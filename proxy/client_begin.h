/* A transaction's BEGIN, kept until its first statement. Worker's thread. */
#ifndef TANIST_PROXY_CLIENT_BEGIN_H
#define TANIST_PROXY_CLIENT_BEGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "../replication/base/attrs.h"
#include "../replication/base/str.h"

struct client;

struct begin {
    bool deferred;                /* the client was told BEGIN, no server was yet */
    bool read_only, serializable; /* what it asks for */
    uint16_t len;
    char sql
        [188]; /* BEGIN with its options, and SET TRANSACTION behind it; kept until the transaction ends */
};

/* A lone Query without a server: is it one that can be answered here? Then it was. */
bool client_begin_answers(struct client *c, struct slice sql);
/* May the first batch of a kept BEGIN run on a replica? */
bool client_begin_reads(const struct client *c);
/* In front of the first statement, in the same packet. False: no room. */
bool client_begin_send(struct client *c) MUST_CHECK;
/* A Query that ends the read-only transaction on a replica and goes on with something else: the transaction, which has only
 * read, begins again on the primary, and the Query with it. True if so; no server is linked any more. */
bool client_begin_again(struct client *c);

#endif
