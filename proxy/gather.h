/* Collects pieces of output and sends them with one call: references into buffers that stay put, and small made-up
 * messages copied into scratch. One for each worker; empty between uses. */
#ifndef TANIST_PROXY_GATHER_H
#define TANIST_PROXY_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "../replication/base/bytes.h"

struct stream;

enum { GATHER_IOV = 128, GATHER_SCRATCH = 32 * 1024 };

struct gather {
    struct stream *to;
    int n;
    bool sent; /* something was sent since gather_begin */
    size_t used;
    struct iovec iov[GATHER_IOV];
    uint8_t scratch[GATHER_SCRATCH];
};

void gather_begin(struct gather *g, struct stream *to);
/* Lends p until gather_flush. Adjacent pieces become one. */
void gather_ref(struct gather *g, const void *p, size_t n);
/* A writer over at least `need` bytes of scratch (need <= GATHER_SCRATCH); end it with gather_wrote. */
struct writer gather_writer(struct gather *g, size_t need);
void gather_wrote(struct gather *g, const struct writer *w);
void gather_flush(struct gather *g);
/* Forgets what was collected and not sent: before the stream it is for is closed or given to somebody else. */
void gather_drop(struct gather *g);
static inline bool gather_to(const struct gather *g, const struct stream *to)
{
    return g->n > 0 && g->to == to;
}
static inline int gather_empty(const struct gather *g)
{
    return g->n == 0;
}

#endif
