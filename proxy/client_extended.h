/* The messages of the extended protocol on their way to the server that is linked. Worker's thread. */
#ifndef TANIST_PROXY_CLIENT_EXTENDED_H
#define TANIST_PROXY_CLIENT_EXTENDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../replication/base/attrs.h"
#include "core/pipeline.h"

struct client;
struct frame;
struct pstmt;

/* Parse, Bind, Describe, Close, Execute: `have` bytes of the body are there (all but for Bind). Bytes used of the view, 0 if more
 * are needed or the client is gone. */
size_t client_extended_forward(struct client *c, const struct frame *f, const uint8_t *body,
                               size_t have);

/* Collects a Parse of it under that name. False: no room. */
bool client_extended_send_parse(struct client *c, const struct pstmt *p, const char *name)
    MUST_CHECK;
/* Closes what the server has prepared for anybody. The same. */
bool client_extended_close_all(struct client *c) MUST_CHECK;

/* Pushes what the next message will be answered with. */
bool client_expect(struct client *c, enum pl_kind kind, uint64_t ref, uint32_t tag) MUST_CHECK;
/* The message as it is; what has not arrived follows as it comes. */
size_t client_pass(struct client *c, const struct frame *f);
size_t client_pass_expecting(struct client *c, const struct frame *f, enum pl_kind kind);
/* Too many messages without a Sync: the client is told and closed. */
size_t client_no_room(struct client *c);

#endif
