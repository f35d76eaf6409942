#include "route.h"

#include "../../replication/base/attrs.h"
#include "../../replication/base/bug.h"

static const struct {
    const char *token, *text;
} reasons[RR_NR] = {
#define X(name, token, text) [name] = {token, text},
    ROUTE_REASONS(X)
#undef X
};

const char *route_reason_token(enum route_reason r)
{
    return r > RR_NONE && r < RR_NR ? reasons[r].token : "none";
}

const char *route_reason_text(enum route_reason r)
{
    return r > RR_NONE && r < RR_NR ? reasons[r].text : "";
}

void floor_wrote(struct session_floor *f, usec_t now)
{
    f->dirty = true;
    f->dirty_since = now;
}

void floor_update(struct session_floor *f, const struct topo_sample *s)
{
    if (!f->dirty || s->sent_at == 0 || s->sent_at <= f->dirty_since)
        return;
    const lsn_t lsn = s->flush_covers && !f->async_commit ? s->flush_lsn : s->insert_lsn;
    if (lsn > f->floor)
        f->floor = lsn;
    f->dirty = false;
}

enum topo_unreadable route_readable(const struct topology *t, int i)
{
    BUG_ON(i < 0 || i >= t->n_nodes);
    return t->nodes[i].unreadable;
}

bool route_has_floor(const struct topology *t, int i, lsn_t floor)
{
    return floor == 0 || (t->nodes[i].timeline == t->timeline && t->nodes[i].replay_lsn >= floor);
}

/* Reads on replicas that may serve them; -1 and *behind when only the floor stood in the way. */
static int pick_replica(const struct route_in *in, uint64_t avoid, lsn_t floor, bool *behind)
{
    struct balance_load loads[TOPO_NODES_MAX];
    const struct topology *t = in->topo;
    bool any = false, readable = false;
    for (int i = 0; i < t->n_nodes; i++) {
        const struct topo_node *n = &t->nodes[i];
        const bool ok = i != t->writer && n->role == ROLE_REPLICA && n->unreadable == READ_OK &&
                        !(avoid >> i & 1);
        readable |= ok;
        loads[i] = (struct balance_load){.eligible = ok && route_has_floor(t, i, floor),
                                         .weight = n->weight,
                                         .in_flight = in->in_flight[i]};
        any |= loads[i].eligible;
    }
    *behind = readable && !any;
    if (!any)
        return BALANCE_NONE;
    return balance_pick(in->balance, loads, t->n_nodes, in->balance_state, in->prng);
}

/* A node that takes no logins is passed over as long as another one can serve, the primary included; if nobody else may,
 * the client waits there. */
static int pick_any_replica(const struct route_in *in, lsn_t floor, bool *behind)
{
    const int node = pick_replica(in, in->avoid, floor, behind), writer = in->topo->writer;
    const bool primary = in->when_no_replica == 1 && !in->force_replica &&
                         writer != TOPO_NO_WRITER &&
                         in->topo->nodes[writer].unreadable != READ_DOWN;
    if (node >= 0 || in->avoid == 0 || *behind || primary)
        return node;
    return pick_replica(in, 0, floor, behind);
}

static struct route_out to_primary(const struct route_in *in, enum route_reason reason)
{
    const int writer = in->topo->writer;
    /* A writer that does not answer is not given up yet (or a replica still hears it): nothing can be sent there. */
    if (writer == TOPO_NO_WRITER || in->topo->nodes[writer].unreadable == READ_DOWN)
        return (struct route_out){.kind = ROUTE_HOLD, .reason = RR_NO_WRITER, .node = -1};
    return (struct route_out){.kind = ROUTE_TO_NODE, .reason = reason, .node = writer};
}

static struct route_out read_decide(const struct route_in *in)
{
    bool dirty = false, behind = false;
    lsn_t floor = 0;
    if (!in->eventual) {
        floor_update(in->floor, &in->topo->sample);
        dirty = in->floor->dirty;
        floor = in->floor->floor;
    }
    const int node = dirty ? BALANCE_NONE : pick_any_replica(in, floor, &behind);
    if (node >= 0)
        return (struct route_out){.kind = ROUTE_TO_NODE, .reason = RR_READ, .node = node};
    const enum route_reason why = dirty ? RR_DIRTY : behind ? RR_FLOOR : RR_NO_REPLICA;
    struct route_out out;
    if (in->when_no_replica == 3 && why == RR_NO_REPLICA)
        out = (struct route_out){.kind = ROUTE_REFUSE, .reason = why, .node = -1};
    else if ((in->when_no_replica == 2 && why == RR_NO_REPLICA) || in->force_replica)
        out = (struct route_out){.kind = ROUTE_HOLD, .reason = why, .node = -1};
    else
        out = to_primary(in, why);
    out.want_sample = why != RR_NO_REPLICA;
    return out;
}

struct route_out route_decide(const struct route_in *in)
{
    if (in->retry)
        return to_primary(in, RR_RETRY);
    if (in->force_replica)
        return read_decide(in);
    if (in->force_primary)
        return to_primary(in, RR_FORCED_PRIMARY);
    if (!in->split)
        return to_primary(in, RR_SPLIT_OFF);
    if (!in->read)
        return to_primary(in, RR_WRITE);
    return read_decide(in);
}
