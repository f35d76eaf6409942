#include "gather.h"

#include "../replication/base/bug.h"
#include "stream.h"

void gather_begin(struct gather *g, struct stream *to)
{
    BUG_ON(g->n != 0);
    g->to = to;
    g->used = 0;
    g->sent = false;
}

void gather_drop(struct gather *g)
{
    g->n = 0;
    g->used = 0;
}

void gather_flush(struct gather *g)
{
    if (g->n > 0) {
        stream_sendv(g->to, g->iov, g->n);
        g->sent = true;
    }
    gather_drop(g);
}

void gather_ref(struct gather *g, const void *p, size_t n)
{
    if (n == 0)
        return;
    if (g->n > 0) {
        struct iovec *last = &g->iov[g->n - 1];
        if ((const uint8_t *)last->iov_base + last->iov_len == p) {
            last->iov_len += n;
            return;
        }
    }
    if (g->n == GATHER_IOV)
        gather_flush(g);
    g->iov[g->n++] = (struct iovec){.iov_base = (void *)(uintptr_t)p, .iov_len = n};
}

struct writer gather_writer(struct gather *g, size_t need)
{
    BUG_ON(need > GATHER_SCRATCH);
    if (GATHER_SCRATCH - g->used < need)
        gather_flush(g);
    return writer_of(g->scratch + g->used, GATHER_SCRATCH - g->used);
}

void gather_wrote(struct gather *g, const struct writer *w)
{
    BUG_ON(w->bad);
    gather_ref(g, w->p, w->n);
    g->used = (size_t)(w->p - g->scratch) + w->n; /* also when gather_ref had to flush first */
}
