/* SET, SHOW and RESET of tanist.* in an ordinary session: answered here, the servers never see them. Worker's thread. */
#ifndef TANIST_PROXY_CLIENT_SETTINGS_H
#define TANIST_PROXY_CLIENT_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../replication/base/clock.h"
#include "core/freshness.h"

struct client;
struct frame;

/* What a session chose for its reads. Zero is: as configured. */
struct own_settings {
    enum consistency level;
    int route; /* enum route_mode */
    bool has_max_lag;
    usec_t max_lag; /* a promise, as in level bounded; 0: none */
    int16_t node;   /* index + 1 of the node that served the last statement; 0: none yet */
};

/* The first message of a batch, at the head of the view. True: it was one of these; *used bytes of it are answered, 0 if more
 * must come or a position is awaited. */
bool client_settings(struct client *c, const struct frame *f, size_t *used);

#endif
