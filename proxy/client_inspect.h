/* What the messages of a client do, added up in its batch's account. Worker's thread. */
#ifndef TANIST_PROXY_CLIENT_INSPECT_H
#define TANIST_PROXY_CLIENT_INSPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../replication/base/attrs.h"

struct client;
struct frame;

/* A complete message (Bind: at least its names) joins the batch's account. A Parse alone does nothing yet, and any node can
 * do it: what counts is Bind. 0, or ERR_PROTO. */
int client_inspect(struct client *c, const struct frame *f, const uint8_t *body, size_t have)
    MUST_CHECK;

enum scan { SCAN_MORE = 0, SCAN_ROUTE, SCAN_FAILED };

/* Looks at everything up to Sync, Flush or a Query. *end: its length if all of it is there, else 0. */
enum scan client_scan(struct client *c, size_t *end, bool *flush) MUST_CHECK;

#endif
